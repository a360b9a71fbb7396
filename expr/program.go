package expr

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Program is an expression bound to a schema. It has no state: any number of goroutines may use it.
type Program struct {
	expr    *Expr
	root    *op
	columns []boundColumn
}

// RowError is a row that an expression has no value for: a number that overflows, a text that is no date.
type RowError struct {
	Row     int
	Message string
}

// Type is the type of the values; that of the null type if the expression is null whatever the row.
func (p *Program) Type() arrow.DataType { return p.root.typ }

// Expr returns the expression that was bound.
func (p *Program) Expr() *Expr { return p.expr }

// Eval computes the expression for each row of r. Columns are found by name; one that r does not have, or has as an undecided
// one, is null. Text columns may be plain or dictionaries; a text made of one dictionary column alone is a dictionary, too. Rows
// without a value are null in the array and listed in ascending order.
func (p *Program) Eval(ctx context.Context, r arrow.RecordBatch) (arrow.Array, []RowError, error) {
	e, err := p.begin(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if c := p.root.column; c >= 0 {
		if a := e.arrays[c]; a != nil && a.DataType().ID() != arrow.NULL {
			return a, nil, nil
		}
		return array.MakeArrayOfNull(memory.DefaultAllocator, p.root.typ, e.n), nil, nil
	}
	if d := e.dictionary(p.root); d != nil && isText(p.root.typ) {
		v, err := e.overValues(p.root, d)
		if err != nil {
			return nil, nil, err
		}
		index := dictionaryIndex(d)
		failed := &vector{errs: v.spread(d.Dictionary().Len() + 1)}
		return v.textDictionary(d.Dictionary().Len()+1, index), p.rowErrors(failed.gather(index), e.n), nil
	}
	v, err := e.eval(p.root)
	if err != nil {
		return nil, nil, err
	}
	return v.column(p.root.typ, e.n), p.rowErrors(v, e.n), nil
}

// Select returns the rows of r, ascending, for which a boolean expression is true: neither false nor null nor failed.
func (p *Program) Select(ctx context.Context, r arrow.RecordBatch) ([]int32, []RowError, error) {
	if id := p.root.typ.ID(); id != arrow.BOOL && id != arrow.NULL {
		return nil, nil, fault.Errorf(fault.Invalid, "%s is a %s, not a boolean", p.expr, rows.TypeName(p.root.typ))
	}
	e, err := p.begin(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	v, err := e.eval(p.root)
	if err != nil {
		return nil, nil, err
	}
	var index []int32
	if !v.allNull() {
		index = v.expand(e.n).trueRows()
	}
	return index, p.rowErrors(v, e.n), nil
}

func (v *vector) trueRows() []int32 {
	index := make([]int32, 0, len(v.bools))
	for i, yes := range v.bools {
		if yes && (v.nulls == nil || !v.nulls[i]) {
			index = append(index, int32(i))
		}
	}
	return index
}

// rowErrors reports each failed row once, by the part of the expression that stands first.
func (p *Program) rowErrors(v *vector, n int) []RowError {
	errs := slices.Clone(v.spread(n))
	slices.SortStableFunc(errs, func(a, b rowError) int {
		if a.row != b.row {
			return a.row - b.row
		}
		return a.pos - b.pos
	})
	errs = slices.CompactFunc(errs, func(a, b rowError) bool { return a.row == b.row })
	var out []RowError
	for _, e := range errs {
		out = append(out, RowError{e.row, e.message})
	}
	return out
}

// evaluation is one batch on its way through a program.
type evaluation struct {
	n       int
	arrays  []arrow.Array // by column of the program; nil: the batch has none
	vectors []*vector     // of those that were asked for
}

func (p *Program) begin(ctx context.Context, r arrow.RecordBatch) (*evaluation, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e := &evaluation{n: int(r.NumRows()), arrays: make([]arrow.Array, len(p.columns)), vectors: make([]*vector, len(p.columns))}
	for i, c := range p.columns {
		found := r.Schema().FieldIndices(c.path[0])
		if len(found) == 0 {
			continue
		}
		e.arrays[i] = fieldOf(r.Column(found[0]), c.path[1:])
		if a := e.arrays[i]; a != nil && !sameKind(c.typ, a.DataType()) {
			return nil, fault.Errorf(fault.Internal, "%s: column %s is a %s here and was a %s when the expression was bound",
				p.expr, strings.Join(c.path, "."), rows.TypeName(a.DataType()), rows.TypeName(c.typ))
		}
	}
	return e, nil
}

func (e *evaluation) eval(o *op) (*vector, error) {
	if o.value != nil {
		return o.value, nil
	}
	if o.column >= 0 {
		return e.column(o.column)
	}
	if d := e.dictionary(o); d != nil {
		v, err := e.overValues(o, d)
		if err != nil {
			return nil, err
		}
		return v.gather(dictionaryIndex(d)), nil
	}
	args, constant := make([]*vector, len(o.args)), true
	for i, a := range o.args {
		v, err := e.eval(a)
		if err != nil {
			return nil, err
		}
		args[i] = v
		constant = constant && v.konst
	}
	if constant { // columns that the batch does not have
		v := o.eval(1, args)
		v.konst = true
		return v, nil
	}
	return o.eval(e.n, args), nil
}

func (e *evaluation) column(i int) (*vector, error) {
	if e.vectors[i] == nil {
		e.vectors[i] = nullVector()
		if a := e.arrays[i]; a != nil {
			v, err := load(a)
			if err != nil {
				return nil, err
			}
			e.vectors[i] = v
		}
	}
	return e.vectors[i], nil
}

// dictionary returns the column that o reads, if it reads no other and its dictionary is shorter than the batch.
func (e *evaluation) dictionary(o *op) *array.Dictionary {
	if o.only < 0 || o.value != nil {
		return nil
	}
	if d, ok := e.arrays[o.only].(*array.Dictionary); ok && d.Dictionary().Len()+1 < e.n {
		return d
	}
	return nil
}

// overValues computes o, which reads the column d alone, once for each value of the dictionary and once for null.
func (e *evaluation) overValues(o *op, d *array.Dictionary) (*vector, error) {
	size := d.Dictionary().Len()
	values, err := load(d.Dictionary())
	if err != nil {
		return nil, err
	}
	inner := &evaluation{n: size + 1, arrays: make([]arrow.Array, len(e.arrays)), vectors: make([]*vector, len(e.vectors))}
	inner.vectors[o.only] = values.withNull(size)
	return inner.eval(o)
}
