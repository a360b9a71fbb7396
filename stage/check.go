package stage

import (
	"context"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// CheckConfig is what rows must be like. Names of columns may descend into structs: a.b. As in SQL, null passes all but
// not_null.
type CheckConfig struct {
	NotNull        []string        `setting:"not_null" doc:"columns that have a value in every row" example:"[id]"`
	AcceptedValues setting.Pairs   `setting:"accepted_values" doc:"for a column, all values that it may have" example:"{kind: [a, b]}"`
	Range          setting.Pairs   `setting:"range" doc:"for a column, its least and greatest value; null is no bound" example:"{price: [0, 1_000]}"`
	Regex          setting.Pairs   `setting:"regex" doc:"for a column, an expression in RE2's syntax that matches somewhere in it" example:"{email: '^[^@]+@[^@]+$'}"`
	Expr           []*setting.Node `setting:"expr" doc:"conditions between columns" example:"['start <= end']"`
}

// Check lets rows pass that satisfy rules; the others become rejects of kind check.
var Check = Of("check", "rows that break a rule become rejects", func(env Env, c *CheckConfig) (Stage, error) {
	k := &check{env: env}
	for _, name := range c.NotNull {
		k.rules = append(k.rules, rule{name: "not_null", column: name})
	}
	for _, group := range []struct {
		name  string
		pairs setting.Pairs
		check func(*setting.Node) error
	}{
		{"accepted_values", c.AcceptedValues, isList}, {"range", c.Range, isRange}, {"regex", c.Regex, isText},
	} {
		for _, p := range group.pairs {
			if err := group.check(p.Value); err != nil {
				return nil, err
			}
			k.rules = append(k.rules, rule{name: group.name, column: p.Key, node: p.Value})
		}
	}
	for _, n := range c.Expr {
		if _, err := parseExpr(n); err != nil {
			return nil, err
		}
		k.rules = append(k.rules, rule{name: "expr", node: n})
	}
	return k, nil
})

func isList(n *setting.Node) error {
	if n.Kind != setting.List || len(n.Items) == 0 {
		return n.Errorf("%s is no list of values", n.Shown()).WithHint("write column: [a, b]")
	}
	for _, item := range n.Items {
		if item.Kind == setting.List || item.Kind == setting.Map {
			return item.Errorf("%s is no value", item.Shown())
		}
	}
	return nil
}

func isRange(n *setting.Node) error {
	if n.Kind != setting.List || len(n.Items) != 2 || n.Items[0].Kind == setting.Null && n.Items[1].Kind == setting.Null {
		return n.Errorf("%s is no range", n.Shown()).WithHint("write column: [least, greatest], one of them null if there is no bound")
	}
	return isList(n)
}

func isText(n *setting.Node) error {
	if n.Kind != setting.Scalar {
		return n.Errorf("%s is no regular expression", n.Shown())
	}
	return nil
}

// rule is one thing that must hold.
type rule struct {
	name   string        // as in CheckConfig
	column string        // "" of expr
	node   *setting.Node // of the values, the bounds, the pattern or the expression; nil of not_null
}

type check struct {
	env   Env
	rules []rule
	cache cached[[]boundRule]
}

// boundRule finds the rows that break a rule.
type boundRule struct {
	rule
	broken *expr.Program // true where the rule is broken
	value  *expr.Program // of the column, for the message; nil of expr
}

func (c *check) Bind(in *arrow.Schema) (*arrow.Schema, error) {
	_, err := c.bind(in)
	return in, err
}

func (c *check) bind(in *arrow.Schema) ([]boundRule, error) {
	bound := make([]boundRule, len(c.rules))
	for i, r := range c.rules {
		var err error
		if bound[i], err = r.bind(in); err != nil {
			if r.node != nil {
				err = r.node.Wrap(err)
			}
			return nil, err
		}
	}
	return bound, nil
}

func (r rule) bind(in *arrow.Schema) (boundRule, error) {
	b := boundRule{rule: r}
	condition := ""
	if r.column == "" {
		condition = r.node.Text
	} else {
		column := path(in, r.column)
		e, err := expr.Parse(column)
		if err != nil {
			return b, err
		}
		if b.value, err = e.Bind(in); err != nil {
			return b, declare(err)
		}
		condition = r.condition(column, b.value.Type())
	}
	holds, err := expr.Parse(condition)
	if err != nil {
		return b, err
	}
	if _, err := bindCondition(holds, in); err != nil {
		return b, err
	}
	broken, err := expr.Parse("not (" + holds.String() + ")")
	if err != nil {
		return b, err
	}
	b.broken, err = broken.Bind(in)
	return b, err
}

// path is the column that name means, as expressions write it: one of exactly that name, or the field of a struct.
func path(in *arrow.Schema, name string) string {
	if in.HasField(name) {
		return quoted(name)
	}
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = quoted(p)
	}
	return strings.Join(parts, ".")
}

// condition is the rule as an expression about a column of type typ.
func (r rule) condition(column string, typ arrow.DataType) string {
	switch r.name {
	case "not_null":
		return column + " is not null"
	case "accepted_values":
		var values []string
		for _, item := range r.node.Items {
			if item.Kind != setting.Null { // null passes without being named
				values = append(values, literal(item, typ))
			}
		}
		if len(values) == 0 {
			return column + " is null"
		}
		return column + " in (" + strings.Join(values, ", ") + ")"
	case "range":
		var bounds []string
		for i, operator := range []string{" >= ", " <= "} {
			if n := r.node.Items[i]; n.Kind != setting.Null {
				bounds = append(bounds, column+operator+literal(n, typ))
			}
		}
		return strings.Join(bounds, " and ")
	}
	return "regexp_matches(cast(" + column + " as varchar), " + text(r.node.Text) + ")"
}

// literal is a value of the configuration as expressions write it: a number where the column may be compared with one,
// else a text, which takes the type of the column.
func literal(n *setting.Node, typ arrow.DataType) string {
	digits := strings.ReplaceAll(n.Text, "_", "")
	switch typ.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL128:
		if _, err := strconv.ParseFloat(digits, 64); err == nil && !strings.ContainsAny(digits, "xXpPiInN") {
			return digits
		}
	}
	return text(n.Text)
}

func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (c *check) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if in.Len() == 0 {
		return emit(in)
	}
	bound, err := c.cache.get(in.Rows.Schema(), c.bind)
	if err != nil {
		return err
	}
	var list []refused
	for _, b := range bound {
		if list, err = b.find(ctx, in.Rows, list); err != nil {
			return err
		}
	}
	return c.env.pass(in, in.Rows, list, emit)
}

// find appends the rows that break the rule, and those for which it cannot be said.
func (b boundRule) find(ctx context.Context, r arrow.RecordBatch, list []refused) ([]refused, error) {
	index, errs, err := b.broken.Select(ctx, r)
	if err != nil || len(index)+len(errs) == 0 {
		return list, err
	}
	var values arrow.Array
	if b.value != nil {
		if values, _, err = b.value.Eval(ctx, r); err != nil {
			return nil, err
		}
	}
	for _, row := range index {
		list = append(list, refused{int(row), rows.Failed, b.column, b.message(values, int(row))})
	}
	for _, e := range errs {
		list = append(list, refused{e.Row, rows.Failed, b.column, b.name + ": " + e.Message})
	}
	return list, nil
}

// message says which rule a row breaks, with what value.
func (b boundRule) message(values arrow.Array, row int) string {
	if values == nil {
		return b.name + ": " + b.node.Text + " is false"
	}
	const shown = 80
	value := rows.AppendJSONValue(nil, values, row)
	if text := []rune(string(value)); len(text) > shown {
		value = []byte(string(text[:shown]) + "…")
	}
	start := b.name + ": " + b.column + " is " + string(value)
	switch b.name {
	case "accepted_values":
		return start + ", none of " + listed(b.node)
	case "range":
		return start + ", not in " + listed(b.node)
	case "regex":
		return start + ", which " + b.node.Text + " does not match"
	}
	return start
}

func listed(n *setting.Node) string {
	const most = 10
	var parts []string
	for i, item := range n.Items {
		if i == most {
			parts = append(parts, "…")
			break
		}
		if item.Kind == setting.Null {
			parts = append(parts, "null")
			continue
		}
		parts = append(parts, item.Text)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
