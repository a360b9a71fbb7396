package expr

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

func bindArithmetic(b *binder, n *node, args []*op) (*op, error) {
	if isTime(args[0].typ) || isTime(args[1].typ) {
		return b.bindDays(n, args)
	}
	for _, a := range args {
		if !isNumber(a.typ) && !isNull(a.typ) {
			return nil, b.mismatch(n, a, "numbers")
		}
	}
	typ, ok := commonOf(args)
	if !ok {
		return nil, b.noCommon(n, n.text, args)
	}
	if isNull(typ) {
		typ = bigintType
	}
	switch {
	case n.text == "/" && !isFloat(typ), n.text == "//" && isDecimal(typ):
		typ = doubleType
	case isDecimal(typ):
		return b.bindDecimal(n, args, typ.(*arrow.Decimal128Type))
	}
	for i, a := range args {
		var err error
		if args[i], err = b.coerce(a, typ); err != nil {
			return nil, err
		}
	}
	if isFloat(typ) {
		return b.apply(n, typ, func(rows int, v []*vector) *vector { return floatArithmetic(rows, n.text, v[0], v[1], typ) }, args...)
	}
	return b.apply(n, typ, intArithmetic(n, typ), args...)
}

// bindDays binds date + days, days + date, date - days and date - date.
func (b *binder) bindDays(n *node, args []*op) (*op, error) {
	x, y := args[0], args[1]
	isDate := func(o *op) bool { return o.typ.ID() == arrow.DATE32 }
	isDays := func(o *op) bool { return isInteger(o.typ) || isNull(o.typ) }
	typ := dateType
	switch {
	case n.text == "-" && isDate(x) && isDate(y):
		typ = bigintType
	case n.text == "+" && isDays(x) && isDate(y), (n.text == "+" || n.text == "-") && isDate(x) && isDays(y):
	default:
		err := b.errorf(n, "%s %s %s has no meaning", rows.TypeName(x.typ), n.text, rows.TypeName(y.typ))
		return nil, fault.Hint(err, "there is date + days, date - days and date - date")
	}
	for i, a := range args {
		if isNull(a.typ) {
			var err error
			if args[i], err = b.coerce(a, bigintType); err != nil {
				return nil, err
			}
		}
	}
	return b.apply(n, typ, intArithmetic(n, typ), args...)
}

// floatArithmetic computes in doubles; each result of floats is rounded to one, which is what their arithmetic gives.
func floatArithmetic(n int, operator string, x, y *vector, typ arrow.DataType) *vector {
	out := strict(n, x, y)
	out.own = true
	switch {
	case x.own && !x.konst:
		out.floats = x.floats
	case y.own && !y.konst:
		out.floats = y.floats
	default:
		out.floats = make([]float64, n)
	}
	a, b, am, bm := x.floats, y.floats, x.mask(), y.mask()
	switch operator {
	case "+":
		for i := range out.floats {
			out.floats[i] = a[i&am] + b[i&bm]
		}
	case "-":
		for i := range out.floats {
			out.floats[i] = a[i&am] - b[i&bm]
		}
	case "*":
		for i := range out.floats {
			out.floats[i] = a[i&am] * b[i&bm]
		}
	case "/":
		for i := range out.floats {
			out.floats[i] = a[i&am] / b[i&bm]
		}
	case "//": // of numbers with a fraction it is a division, too
		for i := range out.floats {
			p, q := a[i&am], b[i&bm] // out may be one of them
			if out.floats[i] = p / q; q == 0 {
				out.setNull(i, n)
			}
		}
	case "%":
		for i := range out.floats {
			out.floats[i] = math.Mod(a[i&am], b[i&bm])
		}
	}
	if typ.ID() == arrow.FLOAT32 {
		for i, f := range out.floats {
			out.floats[i] = float64(float32(f))
		}
	}
	return out
}

// intArithmetic computes all rows first, wrapping, and looks for the ones that do not fit only if there are any.
func intArithmetic(node *node, typ arrow.DataType) evaluator {
	low, high := bounds(typ)
	return func(n int, args []*vector) *vector {
		x, y := args[0], args[1]
		out := strict(n, x, y)
		out.ints = make([]int64, n)
		a, b, am, bm := x.ints, y.ints, x.mask(), y.mask()
		var bad int64 // negative once a row overflowed
		switch node.text {
		case "+":
			for i := range out.ints {
				p, q := a[i&am], b[i&bm]
				r := p + q
				out.ints[i] = r
				bad |= (p ^ r) & (q ^ r)
				if r < low || r > high {
					bad = -1
				}
			}
		case "-":
			for i := range out.ints {
				p, q := a[i&am], b[i&bm]
				r := p - q
				out.ints[i] = r
				bad |= (p ^ q) & (p ^ r)
				if r < low || r > high {
					bad = -1
				}
			}
		case "*":
			for i := range out.ints {
				r, ok := multiply(a[i&am], b[i&bm])
				out.ints[i] = r
				if !ok || r < low || r > high {
					bad = -1
				}
			}
		default:
			bad = -1
		}
		if bad < 0 {
			intSlow(node, out, a, am, b, bm, low, high)
		}
		return out
	}
}

// multiply reports whether a*b fits.
func multiply(a, b int64) (int64, bool) {
	r := a * b
	if uint64(a+1<<31)|uint64(b+1<<31) < 1<<32 {
		return r, true
	}
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	limit := uint64(math.MaxInt64)
	if (a < 0) != (b < 0) {
		limit++
	}
	return r, high == 0 && low <= limit
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// intSlow computes row by row what may overflow or divide by zero, which gives null.
func intSlow(node *node, out *vector, a []int64, am int, b []int64, bm int, low, high int64) {
	n := len(out.ints)
	for i := range out.ints {
		if out.isNull(i) {
			continue
		}
		p, q := a[i&am], b[i&bm]
		r, ok := int64(0), true
		switch node.text {
		case "+":
			r = p + q
			ok = (p^r)&(q^r) >= 0
		case "-":
			r = p - q
			ok = (p^q)&(p^r) >= 0
		case "*":
			r, ok = multiply(p, q)
		case "//", "%":
			if q == 0 {
				out.setNull(i, n)
				continue
			}
			ok = p != math.MinInt64 || q != -1
			if r = p / q; node.text == "%" {
				r = p % q
			}
		}
		if !ok || r < low || r > high {
			out.fail(i, n, node.pos, fmt.Sprintf("%d %s %d overflows", p, node.text, q))
			continue
		}
		out.ints[i] = r
	}
}

func bindNegate(b *binder, n *node, args []*op) (*op, error) {
	a := args[0]
	if isNull(a.typ) {
		return b.coerce(a, bigintType)
	}
	if !isNumber(a.typ) {
		return nil, b.mismatch(n, a, "a number")
	}
	low, _ := bounds(a.typ)
	return b.apply(n, a.typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		switch classOf(a.typ) {
		case floatClass:
			out.floats = make([]float64, rows)
			for i, f := range v[0].floats[:rows] {
				out.floats[i] = -f
			}
		case decimalClass:
			out.decs = make([]decimal128.Num, rows)
			for i, d := range v[0].decs[:rows] {
				out.decs[i] = d.Negate()
			}
		default:
			out.ints = make([]int64, rows)
			for i, x := range v[0].ints[:rows] {
				if out.ints[i] = -x; x == low {
					out.fail(i, rows, n.pos, fmt.Sprintf("-(%d) overflows", x))
				}
			}
		}
		return out
	}, a)
}
