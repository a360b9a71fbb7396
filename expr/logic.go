package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// boolArgs checks that args are conditions.
func (b *binder) boolArgs(n *node, args []*op) ([]*op, error) {
	out := make([]*op, len(args))
	for i, a := range args {
		if a.typ.ID() != arrow.BOOL && !isNull(a.typ) {
			err := b.errorf(a.node, "%s takes conditions, not %s", n.text, rows.TypeName(a.typ))
			return nil, fault.Hint(err, "compare it: x <> 0, x is not null")
		}
		var err error
		if out[i], err = b.coerce(a, boolType); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func bindLogic(b *binder, n *node, args []*op) (*op, error) {
	args, err := b.boolArgs(n, args)
	if err != nil {
		return nil, err
	}
	decisive := n.text == "or" // true or …, false and …
	return b.apply(n, boolType, func(rows int, v []*vector) *vector { return logic(rows, v[0], v[1], decisive) }, args...)
}

// logic is “or” when decisive is true, “and” when it is false, in three-valued logic: a decisive operand decides. It is
// evaluated from the left: what the left one decides, an error on the right does not undo.
func logic(n int, x, y *vector, decisive bool) *vector {
	out := &vector{bools: make([]bool, n)}
	xm, ym := x.mask(), y.mask()
	for i := range out.bools {
		if decisive {
			out.bools[i] = x.bools[i&xm] || y.bools[i&ym]
		} else {
			out.bools[i] = x.bools[i&xm] && y.bools[i&ym]
		}
	}
	if x.nulls == nil && y.nulls == nil {
		return out
	}
	out.nulls = make([]bool, n)
	for i := range out.bools {
		xNull, yNull := x.isNull(i), y.isNull(i)
		if !xNull && !yNull {
			continue
		}
		decided := !xNull && x.bools[i&xm] == decisive || !yNull && y.bools[i&ym] == decisive
		out.bools[i], out.nulls[i] = decisive, !decided
	}
	for _, e := range x.spread(n) {
		out.nulls[e.row] = true
		out.errs = append(out.errs, e)
	}
	for _, e := range y.spread(n) {
		if x.isNull(e.row) || x.bools[e.row&xm] != decisive {
			out.nulls[e.row] = true
			out.errs = append(out.errs, e)
		}
	}
	return out
}

func bindNot(b *binder, n *node, args []*op) (*op, error) {
	args, err := b.boolArgs(n, args)
	if err != nil {
		return nil, err
	}
	return b.apply(n, boolType, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.bools = make([]bool, rows)
		for i := range out.bools {
			out.bools[i] = !v[0].bools[i]
		}
		return out
	}, args...)
}

func bindIsNull(b *binder, n *node, args []*op) (*op, error) {
	return b.apply(n, boolType, func(rows int, v []*vector) *vector {
		out := &vector{bools: make([]bool, rows)}
		copy(out.bools, v[0].nulls)
		for _, e := range v[0].errs {
			out.setNull(e.row, rows)
			out.errs = append(out.errs, e)
		}
		return out
	}, args...)
}

// flat returns args in the type in which they meet, which must not be nested.
func (b *binder) flat(n *node, args []*op) ([]*op, arrow.DataType, error) {
	args, typ, err := b.coerceAll(n, n.text, args)
	if err == nil && classOf(typ) == nestedClass {
		err = fault.Hint(b.errorf(n, "%s does not take %s", n.text, rows.TypeName(typ)), "use a field of it: a.b")
	}
	return args, typ, err
}

// bindCase binds case when a then x … else z end.
func bindCase(b *binder, n *node, args []*op) (*op, error) {
	var conditions, values []*op
	for i := 0; i+1 < len(args); i += 2 {
		conditions, values = append(conditions, args[i]), append(values, args[i+1])
	}
	values = append(values, args[len(args)-1])
	conditions, err := b.boolArgs(n, conditions)
	if err != nil {
		return nil, err
	}
	values, typ, err := b.flat(n, values)
	if err != nil {
		return nil, err
	}
	branches := len(conditions)
	return b.apply(n, typ, func(rows int, v []*vector) *vector {
		return choose(rows, v[:branches], v[branches:], classOf(typ))
	}, append(conditions, values...)...)
}

// bindSwitch binds case x when a then … end: x is compared with each.
func bindSwitch(b *binder, n *node, args []*op) (*op, error) {
	subjects, values := []*op{args[0]}, []*op(nil)
	for i := 1; i+1 < len(args); i += 2 {
		subjects, values = append(subjects, args[i]), append(values, args[i+1])
	}
	values = append(values, args[len(args)-1])
	subjects, of, err := b.flat(n, subjects)
	if err != nil {
		return nil, err
	}
	values, typ, err := b.flat(n, values)
	if err != nil {
		return nil, err
	}
	branches := len(subjects) - 1
	return b.apply(n, typ, func(rows int, v []*vector) *vector {
		conditions := make([]*vector, branches)
		for i := range conditions {
			conditions[i] = compare(rows, "=", v[0], v[i+1], classOf(of))
		}
		return choose(rows, conditions, v[branches+1:], classOf(typ))
	}, append(subjects, values...)...)
}

// choose takes for each row the value beside the first condition that is true, the last value if none is. A condition
// that failed before one was true is the row's error.
func choose(n int, conditions, values []*vector, c class) *vector {
	choice := make([]int32, n)
	for i := range choice {
		choice[i] = undecided
	}
	var errs []rowError
	for k, cond := range conditions {
		m := cond.mask()
		for _, e := range cond.spread(n) {
			if choice[e.row] == undecided {
				choice[e.row] = nothing
				errs = append(errs, e)
			}
		}
		for i := range choice {
			if choice[i] == undecided && cond.bools[i&m] && !cond.isNull(i) {
				choice[i] = int32(k)
			}
		}
	}
	for i := range choice {
		if choice[i] == undecided {
			choice[i] = int32(len(values) - 1)
		}
	}
	out := blend(n, choice, values, c)
	out.errs = append(out.errs, errs...)
	return out
}

// What a choice is beside the number of a vector.
const (
	nothing   = -1 // null
	undecided = -2
)

// blend returns the vector whose row i is that of values[choice[i]].
func blend(n int, choice []int32, values []*vector, c class) *vector {
	out := &vector{nulls: make([]bool, n)}
	for i, k := range choice {
		out.nulls[i] = k < 0 || values[k].isNull(i)
	}
	for k, v := range values {
		for _, e := range v.spread(n) {
			if choice[e.row] == int32(k) {
				out.errs = append(out.errs, e)
			}
		}
	}
	switch c {
	case boolClass:
		out.bools = blendOf(choice, values, func(v *vector) []bool { return v.bools })
	case intClass:
		out.ints = blendOf(choice, values, ints)
	case floatClass:
		out.floats = blendOf(choice, values, floats)
	case decimalClass:
		out.decs = blendOf(choice, values, func(v *vector) []decimal128.Num { return v.decs })
	case textClass:
		out.texts = blendOf(choice, values, texts)
	}
	return out
}

func blendOf[T any](choice []int32, values []*vector, of func(*vector) []T) []T {
	slices, masks := make([][]T, len(values)), make([]int, len(values))
	for k, v := range values {
		slices[k], masks[k] = of(v), v.mask()
	}
	out := make([]T, len(choice))
	for i, k := range choice {
		if k >= 0 {
			out[i] = slices[k][i&masks[k]]
		}
	}
	return out
}

// bindCoalesce binds the first value that is not null.
func bindCoalesce(b *binder, n *node, args []*op) (*op, error) {
	args, typ, err := b.flat(n, args)
	if err != nil {
		return nil, err
	}
	return b.apply(n, typ, func(rows int, v []*vector) *vector {
		choice := make([]int32, rows)
		for i := range choice {
			choice[i] = nothing
		}
		for k, x := range v {
			for _, e := range x.spread(rows) { // a value that cannot be had is not the same as none
				if choice[e.row] == nothing {
					choice[e.row] = int32(k)
				}
			}
			for i := range choice {
				if choice[i] == nothing && !x.isNull(i) {
					choice[i] = int32(k)
				}
			}
		}
		return blend(rows, choice, v, classOf(typ))
	}, args...)
}

// bindNullif binds the first value, or null where it equals the second.
func bindNullif(b *binder, n *node, args []*op) (*op, error) {
	both, typ, err := b.flat(n, args)
	if err != nil {
		return nil, err
	}
	first := args[0]
	return b.apply(n, first.typ, func(rows int, v []*vector) *vector {
		equal := compare(rows, "=", v[1], v[2], classOf(typ))
		choice := make([]int32, rows)
		for i := range choice {
			if equal.bools[i] && !equal.isNull(i) {
				choice[i] = nothing
			}
		}
		out := blend(rows, choice, v[:1], classOf(first.typ))
		for _, e := range equal.errs {
			out.fail(e.row, rows, e.pos, e.message)
		}
		return out
	}, first, both[0], both[1])
}

// bindGreatest binds greatest and least, which ignore nulls.
func bindGreatest(b *binder, n *node, args []*op) (*op, error) {
	args, typ, err := b.flat(n, args)
	if err != nil {
		return nil, err
	}
	operator := ">"
	if n.text == "least" {
		operator = "<"
	}
	return b.apply(n, typ, func(rows int, v []*vector) *vector {
		best := v[0].expand(rows)
		for _, x := range v[1:] {
			better := compare(rows, operator, x, best, classOf(typ))
			choice := make([]int32, rows)
			for i := range choice {
				if best.isNull(i) || better.bools[i] && !x.isNull(i) {
					choice[i] = 1
				}
			}
			next := blend(rows, choice, []*vector{best, x}, classOf(typ))
			next.errs = nil
			best = next
		}
		for _, x := range v {
			for _, e := range x.spread(rows) {
				best.setNull(e.row, rows)
				best.errs = append(best.errs, e)
			}
		}
		return best
	}, args...)
}
