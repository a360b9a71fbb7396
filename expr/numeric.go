package expr

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// numberArg returns a if it is a number; a null counts as a bigint.
func (b *binder) numberArg(n *node, a *op) (*op, error) {
	if isNull(a.typ) {
		return b.coerce(a, bigintType)
	}
	if !isNumber(a.typ) {
		return nil, b.mismatch(n, a, "a number")
	}
	return a, nil
}

func bindAbs(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.numberArg(n, args[0])
	if err != nil {
		return nil, err
	}
	low, _ := bounds(a.typ)
	return b.apply(n, a.typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		switch classOf(a.typ) {
		case floatClass:
			out.floats = mapped(v[0].floats[:rows], math.Abs)
		case decimalClass:
			out.decs = mapped(v[0].decs[:rows], decimal128.Num.Abs)
		default:
			out.ints = mapped(v[0].ints[:rows], func(x int64) int64 { return int64(magnitude(x)) })
			for i, x := range v[0].ints[:rows] {
				if x == low {
					out.fail(i, rows, n.pos, fmt.Sprintf("abs(%d) overflows", x))
				}
			}
		}
		return out
	}, a)
}

func mapped[A, R any](values []A, f func(A) R) []R {
	out := make([]R, len(values))
	for i, x := range values {
		out[i] = f(x)
	}
	return out
}

// bindRound binds round(x, digits), halves away from zero; digits are the same for all rows, because they decide the type
// of a decimal.
func bindRound(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.numberArg(n, args[0])
	if err != nil {
		return nil, err
	}
	digits := int64(0)
	if len(args) == 2 {
		if digits, err = b.constantInt(n, args[1]); err != nil {
			return nil, err
		}
	}
	digits = max(-400, min(400, digits))
	switch classOf(a.typ) {
	case decimalClass:
		return b.roundDecimal(n, a, a.typ.(*arrow.Decimal128Type), digits)
	case intClass:
		return b.roundInt(n, a, digits)
	}
	single := a.typ.ID() == arrow.FLOAT32
	return b.apply(n, a.typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.floats = mapped(v[0].floats[:rows], func(f float64) float64 {
			if f = roundFloat(f, digits); single {
				f = float64(float32(f))
			}
			return f
		})
		return out
	}, a)
}

func roundFloat(f float64, digits int64) float64 {
	unit := math.Pow10(int(magnitude(digits)))
	switch {
	case digits == 0:
		return math.Round(f)
	case digits > 0:
		r := math.Round(f*unit) / unit
		if math.IsInf(r, 0) || math.IsNaN(r) {
			return f
		}
		return r
	}
	r := math.Round(f/unit) * unit
	if math.IsInf(r, 0) || math.IsNaN(r) {
		return 0
	}
	return r
}

func (b *binder) roundDecimal(n *node, a *op, typ *arrow.Decimal128Type, digits int64) (*op, error) {
	if digits >= int64(typ.Scale) {
		return a, nil
	}
	to := decimalType(typ.Precision, int32(max(digits, 0)))
	return b.apply(n, to, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.decs = make([]decimal128.Num, rows)
		for i, d := range v[0].decs[:rows] {
			ok := true
			if digits >= 0 {
				d = reduce(d, typ.Scale-to.Scale)
			} else if int64(typ.Precision) < int64(typ.Scale)-digits {
				d = decimal128.Num{}
			} else {
				d, ok = multiplyDecimals(reduce(d, typ.Scale-int32(digits)), decimal128.GetScaleMultiplier(int(-digits)))
			}
			if out.decs[i] = d; !ok || !d.FitsInPrecision(to.Precision) {
				out.fail(i, rows, n.pos, "round overflows")
			}
		}
		return out
	}, a)
}

func (b *binder) roundInt(n *node, a *op, digits int64) (*op, error) {
	if digits >= 0 {
		return a, nil
	}
	low, high := bounds(a.typ)
	return b.apply(n, a.typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.ints = make([]int64, rows)
		if digits < -18 {
			return out
		}
		unit := int64(math.Pow10(int(-digits)))
		for i, x := range v[0].ints[:rows] {
			r := x % unit
			y := x - r
			switch { // y is between x and 0: only the next step may leave the type
			case r >= unit-r && y <= high-unit:
				y += unit
			case r >= unit-r, -r >= unit+r && y < low+unit:
				out.fail(i, rows, n.pos, fmt.Sprintf("round(%d, %d) overflows", x, digits))
			case -r >= unit+r:
				y -= unit
			}
			out.ints[i] = y
		}
		return out
	}, a)
}
