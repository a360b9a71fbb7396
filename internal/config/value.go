package config

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// schema reads declared columns: name: type, or a list of {name, type}.
func (l *loader) schema(n *setting.Node) *arrow.Schema {
	if n == nil {
		return nil
	}
	type column struct {
		Name string `setting:"name,required"`
		Type string `setting:"type,required"`
	}
	var fields []arrow.Field
	first := map[string]setting.Place{}
	add := func(at setting.Place, name string, typ *setting.Node) {
		if before, twice := first[name]; twice {
			l.fail(at.Errorf("there are two columns of the name %s", name).WithHint("the first one is in line %d", before.Line))
			return
		}
		first[name] = at
		var text string
		if err := setting.Decode(typ, &text); err != nil {
			l.add(err)
			return
		}
		dt, err := rows.ParseType(text)
		if err != nil {
			l.add(typ.Wrap(err))
			return
		}
		fields = append(fields, arrow.Field{Name: name, Type: dt, Nullable: true})
	}
	before := len(l.errs)
	switch n.Kind {
	case setting.Map:
		for _, p := range n.Pairs {
			add(p.Place, p.Key, p.Value)
		}
	case setting.List:
		for _, item := range n.Items {
			var c column
			if err := setting.Decode(item, &c); err != nil {
				l.add(err)
				continue
			}
			add(item.Place, c.Name, item.Get("type"))
		}
	}
	if len(first) == 0 && len(l.errs) == before {
		l.fail(n.Errorf("the schema has no columns").WithHint("write name: type for each, or leave schema out to infer it"))
	}
	return arrow.NewSchema(fields, nil)
}

// contract reads a contract, or the one mode of all its axes. What is absent is as in fallback.
func (l *loader) contract(n *setting.Node, fallback rows.Contract) rows.Contract {
	if n == nil {
		return fallback
	}
	c := fallback
	if n.Kind == setting.Scalar {
		mode := rows.Mode(n.Text)
		c = rows.Contract{Tables: mode, Columns: mode, Types: mode}
		l.add(n.Wrap(c.Check()))
		return c
	}
	var own rows.Contract
	if err := setting.Decode(n, &own); err != nil {
		l.add(err)
		return c
	}
	for key, axis := range map[string]struct{ to, from *rows.Mode }{
		"tables": {&c.Tables, &own.Tables}, "columns": {&c.Columns, &own.Columns}, "types": {&c.Types, &own.Types},
	} {
		if v := n.Get(key); v != nil && v.Kind != setting.Null {
			*axis.to = *axis.from
		}
	}
	return c
}

// expression reads the text of one, and looks that it can be parsed.
func (l *loader) expression(n *setting.Node) Expression {
	e := Expression{Place: n.Place}
	if err := setting.Decode(n, &e.Text); err != nil {
		l.add(err)
		return e
	}
	_, err := expr.Parse(e.Text)
	l.add(n.Wrap(err))
	return e
}
