package stage

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// cached keeps what a stateless stage worked out for the schema of the batches it saw last. Schemas of a stream change
// rarely, so one is enough.
type cached[T any] struct {
	last atomic.Pointer[entry[T]]
}

type entry[T any] struct {
	schema *arrow.Schema
	value  T
}

// get returns what make makes of s.
func (c *cached[T]) get(s *arrow.Schema, make func(*arrow.Schema) (T, error)) (T, error) {
	if e := c.last.Load(); e != nil && (e.schema == s || e.schema.Equal(s)) {
		return e.value, nil
	}
	value, err := make(s)
	if err == nil {
		c.last.Store(&entry[T]{s, value})
	}
	return value, err
}

// columnOf returns the place of the column of this name in s. Errors are fault.Invalid.
func columnOf(s *arrow.Schema, name string) (int, error) {
	if found := s.FieldIndices(name); len(found) > 0 {
		return found[0], nil
	}
	names := make([]string, 0, s.NumFields())
	for _, f := range s.Fields() {
		if rows.CompanionOf(f) == "" {
			names = append(names, f.Name)
		}
	}
	err := fault.Errorf(fault.Invalid, "there is no column %s", name)
	if near := fault.Nearest(name, names); near != "" {
		return 0, fault.Hint(err, "did you mean %s?", near)
	}
	if len(names) > 20 {
		names = append(names[:20], "…")
	}
	return 0, fault.Hint(err, "there are %s; one that comes only later is declared under schema", strings.Join(names, ", "))
}

// withCompanions returns the place of a column and those of the companions that keep what did not fit it.
func withCompanions(s *arrow.Schema, name string) ([]int, error) {
	at, err := columnOf(s, name)
	if err != nil {
		return nil, err
	}
	places := []int{at}
	for i, f := range s.Fields() {
		if rows.CompanionOf(f) == name && i != at {
			places = append(places, i)
		}
	}
	return places, nil
}

// layout is which columns of a batch come out, in which order, under which names.
type layout struct {
	schema *arrow.Schema
	from   []int
}

func newLayout(in *arrow.Schema, fields []arrow.Field, from []int) (layout, error) {
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		if seen[f.Name] {
			return layout{}, fault.Errorf(fault.Invalid, "two columns would be named %s", f.Name)
		}
		seen[f.Name] = true
	}
	meta := in.Metadata()
	return layout{arrow.NewSchema(fields, &meta), from}, nil
}

func (l layout) apply(r arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, len(l.from))
	for i, at := range l.from {
		columns[i] = r.Column(at)
	}
	return array.NewRecordBatch(l.schema, columns, r.NumRows())
}

// arrange is a stage that moves whole columns.
type arrange struct {
	layout func(*arrow.Schema) (layout, error)
	cache  cached[layout]
}

func (a *arrange) Bind(in *arrow.Schema) (*arrow.Schema, error) {
	l, err := a.layout(in)
	return l.schema, err
}

func (a *arrange) Apply(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if in.Len() == 0 {
		return emit(in)
	}
	l, err := a.cache.get(in.Rows.Schema(), a.layout)
	if err != nil {
		return err
	}
	in.Rows = l.apply(in.Rows)
	return emit(in)
}

// refused is a row that a stage does not let pass.
type refused struct {
	row                   int
	kind, column, message string
}

// refuse makes the rejects of rows of in, each once, by what comes first in the list, and returns the rows that stay.
func (env Env) refuse(in rows.Batch, list []refused) ([]rows.Reject, []int32) {
	slices.SortStableFunc(list, func(a, b refused) int { return a.row - b.row })
	list = slices.CompactFunc(list, func(a, b refused) bool { return a.row == b.row })
	n, now := int(in.Len()), time.Now().UTC()
	rejects, stay := make([]rows.Reject, len(list)), make([]int32, 0, n-len(list))
	for i, r := range list {
		rejects[i] = rows.Reject{
			Raw: rows.AppendJSON(nil, in.Rows, r.row), Kind: r.kind, Message: r.message, Column: r.column,
			Split: in.Split, Position: in.Position, Offset: int64(r.row), Time: now, Pipeline: env.Pipeline,
		}
	}
	for i := range n {
		if len(list) > 0 && list[0].row == i {
			list = list[1:]
			continue
		}
		stay = append(stay, int32(i))
	}
	return rejects, stay
}

// pass emits out, which has the rows of in changed, without those that are refused.
func (env Env) pass(in rows.Batch, out arrow.RecordBatch, list []refused, emit func(rows.Batch) error) error {
	batch := in
	batch.Rows, batch.Rejects = out, nil
	if len(list) > 0 {
		var stay []int32
		batch.Rejects, stay = env.refuse(in, list)
		batch.Rows = rows.Take(out, stay)
	}
	return emit(batch)
}
