package rows

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
)

// Holder holds the schema of a folder of files: columns are only added, and a column keeps its type. It is for one
// goroutine.
type Holder struct {
	root     *column
	contract Contract
	fresh    bool // the destination does not exist yet, and nobody declared it
	changes  []string

	schema *arrow.Schema // as Schema returns it
	as     *arrow.Schema // the last schema that came and was the held one
	out    *arrow.Schema // of the last batch that was made to conform
}

// NewHolder returns a Holder of the schema that the destination was saved with, nil if it is new, and of the columns that
// its user declares, nil if they are inferred. Where the two differ in a type, files hold the saved one already, so it stays.
// A declared destination counts as existing for the contract. The error is that of a declared schema with two columns of one
// name, or with a type that batches do not carry.
func NewHolder(held, declared *arrow.Schema, c Contract) (*Holder, error) {
	if err := checkDeclared(declared); err != nil {
		return nil, err
	}
	h := &Holder{root: rootOf(held), contract: c, fresh: held == nil && declared == nil}
	if declared != nil {
		h.root.declare(rootOf(declared))
		if held != nil {
			for _, f := range h.root.fields[held.NumFields():] {
				h.changes = append(h.changes, added(f.field.Name, f.typ()))
			}
		}
	}
	h.schema = arrow.NewSchema(h.root.arrowFields(), nil)
	return h, nil
}

func checkDeclared(s *arrow.Schema) error {
	if s == nil {
		return nil
	}
	for i, f := range s.Fields() {
		if at := s.FieldIndices(f.Name); at[0] != i {
			return fault.Errorf(fault.Invalid, "schema: two columns are named %s", f.Name)
		}
		if dt, ok := Canonical(f.Type); !ok || dt != f.Type {
			return fault.Errorf(fault.Invalid, "schema: column %s: no batch holds %s", f.Name, f.Type)
		}
	}
	return nil
}

// Schema returns what is held: the same pointer until it changes.
func (h *Holder) Schema() *arrow.Schema { return h.schema }

// Conformed is a batch under the schema of its destination. Of the rows that came, each is in Rows, in Rejects, or counted
// in Filtered.
type Conformed struct {
	Rows     arrow.RecordBatch // the held columns in order, undecided ones of type null; strings may be dictionary-encoded
	Rejects  []Reject          // Offset is the row in the batch that came
	Filtered int64             // rows that the contract discards
	Coerced  map[string]int64  // per column, values that were cast, went to a companion, or were discarded; nil if none
	Changes  []string          // of the schema, and warnings of names, for people
}

// Conform makes r a batch of the held schema, which grows where the contract lets it. A value is cast where that loses
// nothing; else it goes to a companion column of the same row. When the error is not nil, nothing has changed: the contract
// says fail, or two columns of r have one name.
func (h *Holder) Conform(r arrow.RecordBatch) (Conformed, error) {
	if r == nil || r.Schema() == h.as || h.isHeld(r.Schema()) {
		return Conformed{Rows: r}, nil
	}
	if h.fresh && h.contract.Tables != Evolve && h.contract.Tables != "" {
		return h.refuseTable(r)
	}
	first, err := h.pass(r)
	if err != nil {
		return Conformed{}, err
	}
	c, p := Conformed{}, first
	if len(first.refused) > 0 {
		var kept []int32
		c, kept = first.refuse(r)
		if p, err = h.pass(Take(r, kept)); err != nil {
			return Conformed{}, err
		}
		if len(p.refused) > 0 {
			return Conformed{}, fault.Errorf(fault.Internal, "rows that conformed do so no more")
		}
	}
	c.Coerced = p.coerced
	c.Changes = append(h.changes, p.changes...)
	h.changes = nil
	h.commit(p)
	c.Rows = h.record(p.cols, p.count)
	return c, nil
}

func added(name string, dt arrow.DataType) string {
	return fmt.Sprintf("column %s %s added", name, TypeName(dt))
}

// isHeld reports whether batches of s conform as they are.
func (h *Holder) isHeld(s *arrow.Schema) bool {
	if len(h.changes) > 0 || s.NumFields() != h.schema.NumFields() {
		return false
	}
	for i, f := range s.Fields() {
		held := h.schema.Field(i)
		if f.Name != held.Name || CompanionOf(f) != CompanionOf(held) || !SameType(f.Type, held.Type) {
			return false
		}
	}
	h.as = s
	return true
}

func (h *Holder) pass(r arrow.RecordBatch) (*pass, error) {
	p := &pass{contract: h.contract, root: h.root.clone(), count: int(r.NumRows())}
	if h.fresh {
		p.contract.Columns = Evolve // the first columns of a new destination are no change of it
	}
	p.cols = p.structs(p.root, r.Schema().Fields(), r.Columns(), scope{n: p.count})
	return p, p.err
}

// commit takes over the schema as p left it.
func (h *Holder) commit(p *pass) {
	h.root = p.root
	h.fresh = h.fresh && p.count == 0
	if p.grown {
		h.schema, h.as = arrow.NewSchema(h.root.arrowFields(), nil), nil
	}
}

// record makes a batch of the held columns. It has the schema of the last one where that fits, for readers that compare
// pointers.
func (h *Holder) record(cols []arrow.Array, n int) arrow.RecordBatch {
	fields, same := h.schema.Fields(), h.out != nil && h.out.NumFields() == len(cols)
	for i, col := range cols {
		fields[i].Type = col.DataType()
		same = same && h.out.Field(i).Name == fields[i].Name && arrow.TypeEqual(h.out.Field(i).Type, fields[i].Type)
	}
	if !same {
		h.out = arrow.NewSchema(fields, nil)
	}
	return array.NewRecordBatch(h.out, cols, int64(n))
}

// refuseTable applies a contract under which a destination that does not exist is not made.
func (h *Holder) refuseTable(r arrow.RecordBatch) (Conformed, error) {
	p := &pass{count: int(r.NumRows())}
	mode := h.contract.Tables
	if mode == DiscardValue { // without a destination no row is left to be written
		mode = DiscardRow
	}
	for i := range p.count {
		p.violate(mode, int32(i), Reject{Kind: Breach, Message: "the destination does not exist"})
	}
	if p.err != nil {
		return Conformed{}, p.err
	}
	c, _ := p.refuse(r)
	c.Rows = h.record(h.nulls(), 0)
	return c, nil
}

func (h *Holder) nulls() []arrow.Array {
	cols := make([]arrow.Array, h.schema.NumFields())
	for i, f := range h.schema.Fields() {
		cols[i] = nullsOf(f.Type, 0)
	}
	return cols
}

// refuse counts the rows that p refused, and returns the others.
func (p *pass) refuse(r arrow.RecordBatch) (c Conformed, kept []int32) {
	kept = make([]int32, 0, p.count-len(p.refused))
	for i := range int32(p.count) {
		reject, refused := p.refused[i]
		switch {
		case !refused:
			kept = append(kept, i)
		case reject == nil:
			c.Filtered++
		default:
			reject.Raw, reject.Offset = AppendJSON(nil, r, int(i)), int64(i)
			c.Rejects = append(c.Rejects, *reject)
		}
	}
	return c, kept
}

// pass is one batch on its way into a schema that it may change: a copy, taken over when all went well.
type pass struct {
	contract Contract
	root     *column
	count    int
	cols     []arrow.Array
	grown    bool
	changes  []string
	coerced  map[string]int64
	refused  map[int32]*Reject // rows of the batch; nil: filtered
	err      error
}

// scope is where a run of values stands: the path of the columns around it, and the row of the batch that each belongs to.
type scope struct {
	path string
	n    int
	row  []int32 // nil: each is a row
}

func (s scope) rowOf(i int32) int32 {
	if s.row == nil {
		return i
	}
	return s.row[i]
}

// within is the scope of the fields of a column.
func (s scope) within(name string) scope {
	return scope{path: s.path + name + ".", n: s.n, row: s.row}
}

func (p *pass) coerce(column string, n int) {
	if n == 0 {
		return
	}
	if p.coerced == nil {
		p.coerced = map[string]int64{}
	}
	p.coerced[column] += int64(n)
}

func (p *pass) change(text string) {
	p.grown = true
	if !slices.Contains(p.changes, text) {
		p.changes = append(p.changes, text)
	}
}

// violate does to a row what mode says. Of a row's faults the first is told.
func (p *pass) violate(mode Mode, row int32, why Reject) {
	switch mode {
	case DiscardValue:
		p.coerce(why.Column, 1)
		return
	case Fail:
		if p.err == nil {
			p.err = fault.Errorf(fault.Invalid, "row %d: column %s: %s", row, why.Column, why.Message)
			if why.Column == "" {
				p.err = fault.Errorf(fault.Invalid, "%s", why.Message)
			}
			p.err = fault.Hint(p.err, "the contract says fail; evolve, quarantine, discard_row and discard_value go on")
		}
		return
	}
	if p.refused == nil {
		p.refused = map[int32]*Reject{}
	}
	if _, ok := p.refused[row]; ok {
		return
	}
	p.refused[row] = nil
	if mode != DiscardRow {
		p.refused[row] = &why
	}
}
