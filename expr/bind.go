package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// op is a node whose type is known.
type op struct {
	typ    arrow.DataType
	node   *node
	value  *vector // what it is, if it is the same for all rows
	column int     // the column it reads, -1 if none
	only   int     // the only column that it and all below read: -1 none, -2 several
	args   []*op
	eval   evaluator
}

// evaluator computes n rows of args. It sees constants only beside a vector, or n = 1.
type evaluator func(n int, args []*vector) *vector

func (o *op) isLiteral(kind literalKind) bool {
	return o.node.kind == literalNode && o.node.literal == kind && o.value != nil
}

// binder finds columns and types of an expression.
type binder struct {
	text    string
	schema  *arrow.Schema
	columns []boundColumn
}

// boundColumn is a column that a program reads.
type boundColumn struct {
	path []string
	typ  arrow.DataType
}

// Bind checks e against a schema and makes it ready to run. Errors are *Error, of kind Invalid. A column whose type is null
// is undecided and takes any type.
func (e *Expr) Bind(s *arrow.Schema) (*Program, error) {
	b := &binder{text: e.text, schema: s}
	root, err := b.bind(e.root)
	if err != nil {
		return nil, err
	}
	return &Program{expr: e, root: root, columns: b.columns}, nil
}

func (b *binder) errorf(n *node, format string, args ...any) error {
	return newError(b.text, n.pos, format, args...)
}

func (b *binder) bind(n *node) (*op, error) {
	switch n.kind {
	case literalNode:
		typ, value, err := n.constant()
		if err != nil {
			return nil, b.errorf(n, "%v", err)
		}
		return &op{typ: typ, node: n, value: value, column: -1, only: -1}, nil
	case columnNode:
		return b.bindColumn(n)
	}
	args := make([]*op, len(n.args))
	for i, a := range n.args {
		var err error
		if args[i], err = b.bind(a); err != nil {
			return nil, err
		}
	}
	if n.kind == castNode {
		return b.cast(n, args[0], n.typ, n.text == "try_cast")
	}
	f, ok := lookup(n.text)
	if !ok {
		return nil, fault.Errorf(fault.Internal, "operator %q has no meaning", n.text)
	}
	return f.bind(b, n, args)
}

func (b *binder) bindColumn(n *node) (*op, error) {
	var typ arrow.DataType = arrow.StructOf(b.schema.Fields()...)
	for i, name := range n.path {
		s, ok := typ.(*arrow.StructType)
		if isNull(typ) {
			break
		}
		if !ok {
			err := b.errorf(n, "%s is a %s, which has no field %s", dotted(n.path[:i]), rows.TypeName(typ), quoteName(name))
			if typ.ID() == arrow.LIST {
				err = fault.Hint(err, "elements of a list become rows with explode")
			}
			return nil, err
		}
		f, ok := fieldNamed(s, name)
		if !ok {
			return nil, b.unknownColumn(n, i, s)
		}
		typ = rows.Logical(f.Type)
	}
	column := -1
	for i, c := range b.columns {
		if dotted(c.path) == dotted(n.path) {
			column = i
		}
	}
	if column < 0 {
		column = len(b.columns)
		b.columns = append(b.columns, boundColumn{n.path, typ})
	}
	return &op{typ: typ, node: n, column: column, only: column}, nil
}

func fieldNamed(s *arrow.StructType, name string) (arrow.Field, bool) {
	for _, f := range s.Fields() {
		if f.Name == name {
			return f, true
		}
	}
	return arrow.Field{}, false
}

func (b *binder) unknownColumn(n *node, part int, s *arrow.StructType) error {
	name, names := n.path[part], make([]string, s.NumFields())
	for i, f := range s.Fields() {
		names[i] = f.Name
	}
	what := "there is no column " + quoteName(name)
	if part > 0 {
		what = fmt.Sprintf("%s has no field %s", dotted(n.path[:part]), quoteName(name))
	}
	err := b.errorf(n, "%s", what)
	if part == 0 && b.text[n.pos] == '"' && !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) {
		text := "double quotes are for names; a text is written '" + strings.ReplaceAll(name, "'", "''") + "'"
		if near := fault.Nearest(name, names); near != "" {
			text = "did you mean " + quoteName(near) + "? " + text
		}
		return fault.Hint(err, "%s", text)
	}
	if near := fault.Nearest(name, names); near != "" {
		return fault.Hint(err, "did you mean %s?", quoteName(near))
	}
	if len(names) > 20 {
		names = append(names[:20], "…")
	}
	if len(names) == 0 {
		return err
	}
	return fault.Hint(err, "there are %s", strings.Join(names, ", "))
}

// dotted is a path as SQL writes it.
func dotted(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = quoteName(p)
	}
	return strings.Join(parts, ".")
}

// apply makes the op of n: eval of args, which give typ. Constants are computed at once.
func (b *binder) apply(n *node, typ arrow.DataType, eval evaluator, args ...*op) (*op, error) {
	o := &op{typ: typ, node: n, column: -1, only: -1, args: args, eval: eval}
	constant := true
	for _, a := range args {
		constant = constant && a.value != nil
		switch {
		case o.only == -1:
			o.only = a.only
		case a.only != -1 && a.only != o.only:
			o.only = -2
		}
	}
	if !constant {
		return o, nil
	}
	o.value = evalConstant(o)
	if len(o.value.errs) > 0 {
		e := o.value.errs[0]
		return nil, newError(b.text, e.pos, "%s", e.message)
	}
	return o, nil
}

func evalConstant(o *op) *vector {
	args := make([]*vector, len(o.args))
	for i, a := range o.args {
		args[i] = a.value
	}
	v := o.eval(1, args)
	v.konst = true
	return v
}

// coerce returns a as typ, cast if it must be.
func (b *binder) coerce(a *op, typ arrow.DataType) (*op, error) {
	if rows.SameType(a.typ, typ) {
		return a, nil
	}
	if isNull(a.typ) {
		out := *a
		out.typ = typ
		return &out, nil
	}
	return b.cast(a.node, a, typ, false)
}

// coerceAll brings args to the type in which they meet.
func (b *binder) coerceAll(n *node, what string, args []*op) ([]*op, arrow.DataType, error) {
	typ, ok := commonOf(args)
	if !ok {
		return nil, nil, b.noCommon(n, what, args)
	}
	out := make([]*op, len(args))
	for i, a := range args {
		var err error
		if out[i], err = b.coerce(a, typ); err != nil {
			return nil, nil, err
		}
	}
	return out, typ, nil
}

func (b *binder) noCommon(n *node, what string, args []*op) error {
	var names []string
	for _, a := range args {
		if name := rows.TypeName(a.typ); !isNull(a.typ) && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	err := b.errorf(n, "%s: %s are not of one kind", what, strings.Join(names, " and "))
	return fault.Hint(err, "cast one of them: cast(x as %s)", names[0])
}

// constant is the type and value of a literal.
func (n *node) constant() (arrow.DataType, *vector, error) {
	v := &vector{konst: true}
	switch n.literal {
	case nullLiteral:
		return nullType, nullVector(), nil
	case boolLiteral:
		v.bools = []bool{n.text == "true"}
		return boolType, v, nil
	case integerLiteral:
		x, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil {
			return n.decimal()
		}
		v.ints = []int64{x}
		if low, high := bounds(intType); low <= x && x <= high {
			return intType, v, nil
		}
		return bigintType, v, nil
	case decimalLiteral:
		return n.decimal()
	case floatLiteral:
		return n.double()
	case stringLiteral:
		v.texts = []string{n.text}
		return textType, v, nil
	}
	typ, zone := dateType, false
	switch n.literal {
	case timestampLiteral:
		typ = timestampType
	case timestamptzLiteral:
		typ, zone = timestamptzType, true
	}
	x, ok := parseTime(n.text, typ.ID() == arrow.DATE32, zone)
	if !ok {
		return nil, nil, fmt.Errorf("'%s' is no %s", n.text, rows.TypeName(typ))
	}
	v.ints = []int64{x}
	return typ, v, nil
}

// decimal is a literal with a point, or an integer that no bigint holds. Beyond 38 digits it is a double.
func (n *node) decimal() (arrow.DataType, *vector, error) {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(n.text, "-"), ".")
	precision, scale := int32(len(whole)+len(fraction)), int32(len(fraction))
	if precision > maxPrecision {
		return n.double()
	}
	x, ok := parseDecimal(n.text, precision, scale)
	if !ok {
		return nil, nil, fmt.Errorf("%s is no number", n.text)
	}
	return decimalType(precision, scale), &vector{konst: true, decs: []decimal128.Num{x}}, nil
}

func (n *node) double() (arrow.DataType, *vector, error) {
	f, ok := parseFloat(n.text, 64)
	if !ok {
		return nil, nil, fmt.Errorf("%s is no number", n.text)
	}
	return doubleType, &vector{konst: true, floats: []float64{f}}, nil
}
