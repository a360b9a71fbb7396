package stage

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// Cast changes the types of columns: {name: type}. A row with a value that the type does not have becomes a reject.
// Companions stay with their column.
var Cast = Of("cast", "changes the types of columns: {name: type}", func(env Env, c *setting.Pairs) (Stage, error) {
	s := &cast{env: env}
	for _, p := range *c {
		if p.Value.Kind != setting.Scalar {
			return nil, p.Value.Errorf("%s is no type", p.Value.Shown())
		}
		typ, err := rows.ParseType(p.Value.Text)
		if err != nil {
			return nil, p.Value.Wrap(err)
		}
		e, err := expr.Parse("cast(" + quoted(p.Key) + " as " + rows.TypeName(typ) + ")")
		if err != nil {
			return nil, p.Place.Wrap(err)
		}
		s.columns = append(s.columns, casting{p, e})
	}
	return s, nil
})

// quoted is the name of a column as expressions write it, whatever is in it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

type casting struct {
	pair setting.Pair
	expr *expr.Expr
}

type cast struct {
	env     Env
	columns []casting
	cache   cached[castPlan]
}

// castPlan is a cast bound to a schema.
type castPlan struct {
	schema   *arrow.Schema
	programs map[int]*expr.Program // by place of the column
}

func (c *cast) Bind(in *arrow.Schema) (*arrow.Schema, error) {
	b, err := c.bind(in)
	return b.schema, err
}

func (c *cast) bind(in *arrow.Schema) (castPlan, error) {
	fields, programs := in.Fields(), map[int]*expr.Program{}
	for _, col := range c.columns {
		at, err := columnOf(in, col.pair.Key)
		if err != nil {
			return castPlan{}, col.pair.Place.Wrap(err)
		}
		p, err := col.expr.Bind(in)
		if err != nil {
			return castPlan{}, col.pair.Value.Wrap(err)
		}
		if rows.SameType(fields[at].Type, p.Type()) {
			continue
		}
		fields[at].Type, programs[at] = p.Type(), p
	}
	meta := in.Metadata()
	return castPlan{arrow.NewSchema(fields, &meta), programs}, nil
}

func (c *cast) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if in.Len() == 0 {
		return emit(in)
	}
	b, err := c.cache.get(in.Rows.Schema(), c.bind)
	if err != nil {
		return err
	}
	columns := make([]arrow.Array, in.Rows.NumCols())
	var list []refused
	for i := range columns {
		p := b.programs[i]
		if p == nil {
			columns[i] = in.Rows.Column(i)
			continue
		}
		column, errs, err := p.Eval(ctx, in.Rows)
		if err != nil {
			return err
		}
		name := b.schema.Field(i).Name
		for _, e := range errs {
			list = append(list, refused{e.Row, rows.BadType, name, name + ": " + e.Message})
		}
		columns[i] = column
	}
	return c.env.pass(in, array.NewRecordBatch(b.schema, columns, in.Rows.NumRows()), list, emit)
}
