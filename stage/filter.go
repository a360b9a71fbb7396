package stage

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Filter keeps the rows for which a condition is true; a row for which it is false or null is filtered, one for which it
// has no value becomes a reject.
var Filter = Of("filter", "keeps the rows for which an expression is true", func(env Env, c *string) (Stage, error) {
	e, err := expr.Parse(*c)
	if err != nil {
		return nil, err
	}
	return &filter{env: env, expr: e}, nil
})

type filter struct {
	env   Env
	expr  *expr.Expr
	cache cached[*expr.Program]
}

func (f *filter) Bind(in *arrow.Schema) (*arrow.Schema, error) {
	_, err := f.bind(in)
	return in, err
}

func (f *filter) bind(in *arrow.Schema) (*expr.Program, error) {
	return bindCondition(f.expr, in)
}

// bindCondition binds an expression that must be true or false.
func bindCondition(e *expr.Expr, in *arrow.Schema) (*expr.Program, error) {
	p, err := e.Bind(in)
	if err != nil {
		return nil, declare(err)
	}
	if t := p.Type(); t.ID() != arrow.BOOL && t.ID() != arrow.NULL {
		err := fault.Errorf(fault.Invalid, "%s is %s, no condition", e.Text(), rows.TypeName(t))
		return nil, fault.Hint(err, "a condition is true or false: compare it with something")
	}
	return p, nil
}

func (f *filter) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if in.Len() == 0 {
		return emit(in)
	}
	p, err := f.cache.get(in.Rows.Schema(), f.bind)
	if err != nil {
		return err
	}
	index, errs, err := p.Select(ctx, in.Rows)
	if err != nil {
		return err
	}
	out := in
	if len(index) < int(in.Len()) {
		out.Rows = rows.Take(in.Rows, index)
	}
	var list []refused
	for _, e := range errs {
		list = append(list, refused{e.Row, rows.BadType, "", "filter: " + e.Message})
	}
	out.Rejects, _ = f.env.refuse(in, list)
	return emit(out)
}
