package expr

import (
	"cmp"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

func bindCompare(b *binder, n *node, args []*op) (*op, error) {
	args, typ, err := b.flat(n, args)
	if err != nil {
		return nil, err
	}
	c := classOf(typ)
	return b.apply(n, boolType, func(rows int, v []*vector) *vector { return compare(rows, n.text, v[0], v[1], c) }, args...)
}

// compare applies a comparison to two vectors of one class. NaN equals itself and is greater than all other numbers.
func compare(n int, operator string, x, y *vector, c class) *vector {
	out := strict(n, x, y)
	out.bools = make([]bool, n)
	xm, ym := x.mask(), y.mask()
	switch c {
	case intClass:
		compareOrdered(out.bools, operator, x.ints, xm, y.ints, ym)
	case textClass:
		compareOrdered(out.bools, operator, x.texts, xm, y.texts, ym)
	case floatClass:
		compareFloats(out.bools, operator, x.floats, xm, y.floats, ym)
	case decimalClass:
		compareBy(out.bools, operator, x.decs, xm, y.decs, ym, decimal128.Num.Cmp)
	case boolClass:
		compareBy(out.bools, operator, x.bools, xm, y.bools, ym, compareBools)
	}
	return out
}

func compareOrdered[T int64 | string](out []bool, operator string, x []T, xm int, y []T, ym int) {
	switch operator {
	case "=":
		for i := range out {
			out[i] = x[i&xm] == y[i&ym]
		}
	case "<>":
		for i := range out {
			out[i] = x[i&xm] != y[i&ym]
		}
	case "<":
		for i := range out {
			out[i] = x[i&xm] < y[i&ym]
		}
	case "<=":
		for i := range out {
			out[i] = x[i&xm] <= y[i&ym]
		}
	case ">":
		for i := range out {
			out[i] = x[i&xm] > y[i&ym]
		}
	case ">=":
		for i := range out {
			out[i] = x[i&xm] >= y[i&ym]
		}
	}
}

// compareFloats uses that !(a > b) holds for NaN on either side.
func compareFloats(out []bool, operator string, x []float64, xm int, y []float64, ym int) {
	switch operator {
	case "=", "<>":
		unequal := operator == "<>"
		for i := range out {
			a, b := x[i&xm], y[i&ym]
			out[i] = (a == b || a != a && b != b) != unequal
		}
	case ">", "<=":
		not := operator == "<="
		for i := range out {
			a, b := x[i&xm], y[i&ym]
			out[i] = (a > b || a != a && b == b) != not
		}
	case "<", ">=":
		not := operator == ">="
		for i := range out {
			a, b := x[i&xm], y[i&ym]
			out[i] = (a < b || a == a && b != b) != not
		}
	}
}

func compareBy[T any](out []bool, operator string, x []T, xm int, y []T, ym int, order func(T, T) int) {
	for i := range out {
		o := order(x[i&xm], y[i&ym])
		switch operator {
		case "=":
			out[i] = o == 0
		case "<>":
			out[i] = o != 0
		case "<":
			out[i] = o < 0
		case "<=":
			out[i] = o <= 0
		case ">":
			out[i] = o > 0
		case ">=":
			out[i] = o >= 0
		}
	}
}

func compareBools(a, b bool) int {
	number := map[bool]int{true: 1}
	return cmp.Compare(number[a], number[b])
}

// bindBetween binds x between low and high: x >= low and x <= high.
func bindBetween(b *binder, n *node, args []*op) (*op, error) {
	args, typ, err := b.flat(n, args)
	if err != nil {
		return nil, err
	}
	c := classOf(typ)
	return b.apply(n, boolType, func(rows int, v []*vector) *vector {
		return logic(rows, compare(rows, ">=", v[0], v[1], c), compare(rows, "<=", v[0], v[2], c), false)
	}, args...)
}

// bindIn binds x in (a, b, …): true if x equals one, else null if x or one of them is null, else false.
func bindIn(b *binder, n *node, args []*op) (*op, error) {
	args, typ, err := b.flat(n, args)
	if err != nil {
		return nil, err
	}
	c, constant := classOf(typ), true
	for _, a := range args[1:] {
		constant = constant && a.value != nil
	}
	if constant && len(args) > hashed && (c == textClass || c == intClass) {
		return b.bindInSet(n, args, c)
	}
	return b.apply(n, boolType, func(rows int, v []*vector) *vector {
		out := compare(rows, "=", v[0], v[1], c)
		for _, x := range v[2:] {
			out = logic(rows, out, compare(rows, "=", v[0], x, c), true)
		}
		return out
	}, args...)
}

// hashed is the length from which a list of constants is looked up in a hash table.
const hashed = 6

func (b *binder) bindInSet(n *node, args []*op, c class) (*op, error) {
	if c == textClass {
		return b.inSet(n, args, inSet(args[1:], texts))
	}
	return b.inSet(n, args, inSet(args[1:], ints))
}

func (b *binder) inSet(n *node, args []*op, find func(x *vector, out []bool) (hasNull bool)) (*op, error) {
	return b.apply(n, boolType, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.bools = make([]bool, rows)
		if find(v[0], out.bools) {
			for i, found := range out.bools {
				if !found {
					out.setNull(i, rows)
				}
			}
		}
		return out
	}, args[0])
}

func inSet[T comparable](list []*op, of func(*vector) []T) func(*vector, []bool) bool {
	set, hasNull := make(map[T]bool, len(list)), false
	for _, a := range list {
		if a.value.allNull() {
			hasNull = true
			continue
		}
		set[of(a.value)[0]] = true
	}
	return func(x *vector, out []bool) bool {
		values := of(x)
		for i := range out {
			out[i] = set[values[i]]
		}
		return hasNull
	}
}
