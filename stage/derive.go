package stage

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// Derive adds columns that are computed from others: {name: expression}, in order, so that later ones see earlier ones. A
// name that exists is replaced in its place, and loses its companions. A row for which an expression has no value becomes
// a reject.
var Derive = Of("derive", "adds columns, or replaces them: {name: expression}", func(env Env, c *setting.Pairs) (Stage, error) {
	d := &derive{env: env}
	for i, p := range *c {
		e, err := parseExpr(p.Value)
		if err != nil && i+1 < len(*c) && (*c)[i+1].Value.Kind == setting.Null { // {a: f(x, y)} is {a: "f(x", "y)": null}
			err = fault.Hint(err, "between { and } an expression with a comma stands in quotes")
		}
		if err != nil {
			return nil, err
		}
		if p.Key == "" {
			return nil, p.Place.Errorf("a column needs a name")
		}
		d.columns = append(d.columns, derived{p.Key, p.Value, e})
	}
	return d, nil
})

// parseExpr reads the expression that a setting is.
func parseExpr(n *setting.Node) (*expr.Expr, error) {
	if n.Kind != setting.Scalar {
		return nil, n.Errorf("%s is no expression", n.Shown())
	}
	e, err := expr.Parse(n.Text)
	return e, n.Wrap(err)
}

type derived struct {
	name string
	node *setting.Node
	expr *expr.Expr
}

type derive struct {
	env     Env
	columns []derived
	cache   cached[derivation]
}

// derivation is a derive bound to a schema.
type derivation struct {
	programs []*expr.Program
	steps    []layout // before each program, and after the last: the columns so far; from -1 is the one just computed
}

func (d *derive) Bind(in *arrow.Schema) (*arrow.Schema, error) {
	b, err := d.bind(in)
	if err != nil {
		return nil, err
	}
	if len(b.steps) == 0 {
		return in, nil
	}
	return b.steps[len(b.steps)-1].schema, nil
}

func (d *derive) bind(in *arrow.Schema) (derivation, error) {
	var b derivation
	for _, c := range d.columns {
		p, err := c.expr.Bind(in)
		if err != nil {
			return b, c.node.Wrap(declare(err))
		}
		step, err := withColumn(in, arrow.Field{Name: c.name, Type: p.Type(), Nullable: true})
		if err != nil {
			return b, c.node.Wrap(err)
		}
		b.programs, b.steps = append(b.programs, p), append(b.steps, step)
		in = step.schema
	}
	return b, nil
}

// declare gives an error about a column that is not there, and resembles none, the other way out.
func declare(err error) error {
	if fault.HintOf(err) != "" || !fault.Is(err, fault.Invalid) {
		return err
	}
	return fault.Hint(err, "columns that come only later are declared under schema")
}

// withColumn is the layout of in with f, in the place of the column of its name if there is one.
func withColumn(in *arrow.Schema, f arrow.Field) (layout, error) {
	var fields []arrow.Field
	var from []int
	replaced := false
	for i, old := range in.Fields() {
		switch {
		case old.Name == f.Name:
			replaced = true
			fields, from = append(fields, f), append(from, -1)
		case rows.CompanionOf(old) != f.Name:
			fields, from = append(fields, old), append(from, i)
		}
	}
	if !replaced {
		fields, from = append(fields, f), append(from, -1)
	}
	return newLayout(in, fields, from)
}

func (d *derive) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if in.Len() == 0 {
		return emit(in)
	}
	b, err := d.cache.get(in.Rows.Schema(), d.bind)
	if err != nil {
		return err
	}
	out := in.Rows
	var list []refused
	for i, p := range b.programs {
		column, errs, err := p.Eval(ctx, out)
		if err != nil {
			return err
		}
		for _, e := range errs {
			list = append(list, refused{e.Row, rows.BadType, d.columns[i].name, d.columns[i].name + ": " + e.Message})
		}
		out = b.steps[i].with(out, column)
	}
	return d.env.pass(in, out, list, emit)
}

// with returns r in the layout l, which has one column that r has not.
func (l layout) with(r arrow.RecordBatch, column arrow.Array) arrow.RecordBatch {
	columns := make([]arrow.Array, len(l.from))
	for i, at := range l.from {
		if columns[i] = column; at >= 0 {
			columns[i] = r.Column(at)
		}
	}
	return array.NewRecordBatch(l.schemaOf(columns), columns, r.NumRows())
}

// schemaOf is the schema of the layout with the types of columns: what an expression calls a string may be a dictionary.
func (l layout) schemaOf(columns []arrow.Array) *arrow.Schema {
	same := true
	for i, c := range columns {
		same = same && arrow.TypeEqual(c.DataType(), l.schema.Field(i).Type)
	}
	if same {
		return l.schema
	}
	fields, meta := l.schema.Fields(), l.schema.Metadata()
	for i, c := range columns {
		fields[i].Type = c.DataType()
	}
	return arrow.NewSchema(fields, &meta)
}
