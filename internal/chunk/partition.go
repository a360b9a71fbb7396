package chunk

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Partitioner finds the folder of each row. It remembers the values it has seen, so that a row costs a few look-ups. It is
// for one goroutine.
type Partitioner struct {
	pieces []Piece     // of the folders that come first, from the path
	by     []Partition // and of the Hive folders below
	keep   bool

	schema   *arrow.Schema // the last one that came
	programs []*expr.Program
	dropped  *arrow.Schema // schema without the columns that the folders hold
	kept     []int         // the columns of dropped in schema

	keys   []key // of the expressions: pieces' first, then by's
	tuples tuples
}

// NewPartitioner returns a Partitioner for the folders that a path and partition_by make. With KeepColumns, columns whose
// value stands in a folder's name stay in the files. It is nil if all rows go into one folder.
func NewPartitioner(below []Piece, by []Partition, columns Columns) *Partitioner {
	if len(below) == 0 && len(by) == 0 {
		return nil
	}
	p := &Partitioner{pieces: below, by: by, keep: columns == KeepColumns}
	for _, piece := range below {
		if piece.Expr != nil {
			p.keys = append(p.keys, key{})
		}
	}
	for _, b := range by {
		p.keys = append(p.keys, key{name: b.Name})
	}
	return p
}

// Columns says what becomes of columns whose value stands in a folder's name.
type Columns uint8

// The choices.
const (
	DropColumns Columns = iota
	KeepColumns
)

// Routed is a batch with the folder of each row.
type Routed struct {
	Rows    arrow.RecordBatch // what files hold of the batch
	Groups  []Group           // each folder once, in the order of their first rows
	Rejects []rows.Reject     // rows without a folder: in no group
}

// Group is the rows that go to one folder, ascending.
type Group struct {
	Folder string // ends in a slash
	Index  []int32
}

// FileSchema is what files hold of a destination's columns: those with a type, without those whose value stands in a
// folder's name. A nil Partitioner drops none.
func (p *Partitioner) FileSchema(held *arrow.Schema) *arrow.Schema {
	held = rows.Decided(held)
	if p == nil || p.keep {
		return held
	}
	fields, _ := p.without(held)
	meta := held.Metadata()
	return arrow.NewSchema(fields, &meta)
}

func (p *Partitioner) without(s *arrow.Schema) (fields []arrow.Field, kept []int) {
	for i, f := range s.Fields() {
		if !slices.ContainsFunc(p.by, func(b Partition) bool { return b.Column != "" && b.Column == f.Name }) {
			fields, kept = append(fields, f), append(kept, i)
		}
	}
	return fields, kept
}

// bind makes p ready for batches of s.
func (p *Partitioner) bind(s *arrow.Schema) error {
	if s == p.schema {
		return nil
	}
	var programs []*expr.Program
	bind := func(e *expr.Expr, what string) error {
		program, err := e.Bind(s)
		if err != nil {
			return fault.Errorf(fault.Invalid, "%s: %w", what, err)
		}
		programs = append(programs, program)
		return nil
	}
	for _, piece := range p.pieces {
		if piece.Expr != nil {
			if err := bind(piece.Expr, "path"); err != nil {
				return err
			}
		}
	}
	for _, b := range p.by {
		if err := bind(b.Expr, "partition_by"); err != nil {
			return err
		}
		if b.Column == "" && len(s.FieldIndices(b.Name)) > 0 {
			err := fault.Errorf(fault.Invalid, "partition_by: the folders of %s are named as the column %s, which the rows have too", b.Expr.Text(), b.Name)
			return fault.Hint(err, "give them another name: %s_of=%s", b.Name, b.Expr.Text())
		}
	}
	p.programs, p.schema, p.dropped, p.kept = programs, s, s, nil
	if fields, kept := p.without(s); !p.keep && len(kept) < s.NumFields() {
		meta := s.Metadata()
		p.dropped, p.kept = arrow.NewSchema(fields, &meta), kept
	}
	return nil
}

// Route finds the folders of r's rows. A row that has none, because a value cannot be computed or cannot stand in a path, is
// a reject. The error is that of an expression that does not fit r's columns (fault.Invalid), or of ctx.
func (p *Partitioner) Route(ctx context.Context, r arrow.RecordBatch) (Routed, error) {
	if err := p.bind(r.Schema()); err != nil {
		return Routed{}, err
	}
	n := int(r.NumRows())
	ids := make([]int32, n) // of the tuple of each row, -1: none
	p.tuples.begin(p.keys)
	refused := map[int32]rows.Reject{}
	codes := make([]int32, n)
	for k := range p.keys {
		col, failed, err := p.programs[k].Eval(ctx, r)
		if err != nil {
			return Routed{}, err
		}
		p.keys[k].encode(col, codes)
		for _, f := range failed {
			codes[f.Row] = -1
			p.refuse(refused, k, int32(f.Row), f.Message)
		}
		p.combine(k, ids, codes, refused)
	}
	out := Routed{Rows: p.strip(r), Groups: p.group(ids)}
	if len(refused) > 0 {
		for i := range int32(n) {
			if reject, ok := refused[i]; ok {
				reject.Raw = rows.AppendJSON(nil, r, int(i))
				out.Rejects = append(out.Rejects, reject)
			}
		}
	}
	return out, nil
}

// combine makes of each row's tuple so far and its next code the tuple of both.
func (p *Partitioner) combine(k int, ids, codes []int32, refused map[int32]rows.Reject) {
	lastID, lastCode, last := int32(-1), int32(-1), int32(-1)
	for i, code := range codes {
		id := ids[i]
		if id < 0 {
			continue
		}
		if code >= 0 && p.keys[k].values[code].why != "" {
			p.refuse(refused, k, int32(i), p.keys[k].values[code].why)
			code = -1
		}
		switch {
		case code < 0:
			ids[i] = -1
		case id == lastID && code == lastCode:
			ids[i] = last
		default:
			lastID, lastCode, last = id, code, p.tuples.pair(k, id, code)
			ids[i] = last
		}
	}
}

func (p *Partitioner) refuse(refused map[int32]rows.Reject, k int, row int32, why string) {
	if _, ok := refused[row]; !ok {
		refused[row] = rows.Reject{Kind: rows.Unrouted, Column: p.columnOf(k), Message: why, Offset: int64(row)}
	}
}

// columnOf names the columns that key k reads.
func (p *Partitioner) columnOf(k int) string {
	if columns := p.programs[k].Expr().Columns(); len(columns) > 0 {
		return columns[0]
	}
	return ""
}

// strip returns r without the columns that stand in folders' names.
func (p *Partitioner) strip(r arrow.RecordBatch) arrow.RecordBatch {
	if p.kept == nil && p.dropped == p.schema {
		return r
	}
	cols := make([]arrow.Array, len(p.kept))
	for i, at := range p.kept {
		cols[i] = r.Column(at)
	}
	return array.NewRecordBatch(p.dropped, cols, r.NumRows())
}

// group sorts the rows by tuple, keeping their order, by counting.
func (p *Partitioner) group(ids []int32) []Group {
	t := &p.tuples
	var order []int32 // tuples as they first appear
	for _, id := range ids {
		if id < 0 {
			continue
		}
		if t.count[id] == 0 {
			order = append(order, id)
		}
		t.count[id]++
	}
	groups := make([]Group, len(order))
	index, at := make([]int32, len(ids)), int32(0)
	for g, id := range order {
		end := at + t.count[id]
		groups[g] = Group{Folder: p.folder(id), Index: index[at:end:end]}
		t.count[id], at = at, end
	}
	for i, id := range ids {
		if id >= 0 {
			index[t.count[id]] = int32(i)
			t.count[id]++
		}
	}
	for _, id := range order {
		t.count[id] = 0
	}
	return groups
}

// folder is the path that a tuple stands for.
func (p *Partitioner) folder(id int32) string {
	t := &p.tuples
	if t.folder[id] != "" {
		return t.folder[id]
	}
	segments := make([]string, len(p.keys))
	for k, at := len(p.keys)-1, id; k >= 0; k-- {
		step := t.steps[at]
		segments[k], at = p.keys[k].values[step.code].text, step.before
	}
	var path []byte
	for _, piece := range p.pieces {
		if piece.Expr == nil {
			path = append(path, piece.Text...)
			continue
		}
		path = append(path, segments[0]...)
		segments = segments[1:]
	}
	for _, s := range segments {
		path = append(append(path, s...), '/')
	}
	t.folder[id] = string(path)
	return t.folder[id]
}

// tuples numbers the combinations of codes: each is a step from a shorter one. Number 0 is the empty one.
type tuples struct {
	next   []map[uint64]int32 // by key: tuple before and code -> tuple
	steps  []step
	folder []string
	count  []int32 // of rows in the batch at hand
}

type step struct{ before, code int32 }

// maxKnown bounds the values and combinations that are remembered from batch to batch.
const maxKnown = 1 << 16

// begin forgets what has grown too large. Codes hold until then, so the tuples of forgotten ones go too.
func (t *tuples) begin(keys []key) {
	full := len(t.steps) == 0 || len(t.steps) > maxKnown
	for _, k := range keys {
		full = full || len(k.values) > maxKnown
	}
	if !full {
		return
	}
	for i := range keys {
		keys[i] = key{name: keys[i].name}
	}
	*t = tuples{next: make([]map[uint64]int32, len(keys)), steps: make([]step, 1), folder: make([]string, 1), count: make([]int32, 1)}
	for i := range t.next {
		t.next[i] = map[uint64]int32{}
	}
}

func (t *tuples) pair(k int, before, code int32) int32 {
	at := uint64(before)<<32 | uint64(uint32(code))
	id, ok := t.next[k][at]
	if !ok {
		id = int32(len(t.steps))
		t.next[k][at] = id
		t.steps = append(t.steps, step{before, code})
		t.folder = append(t.folder, "")
		t.count = append(t.count, 0)
	}
	return id
}
