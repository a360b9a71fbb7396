package expr

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
)

// bindDecimal binds + - * % of decimals, whose common type is typ. Sums get one more digit, products as many as both
// together; never more than 38, and an overflow beyond is an error of the row.
func (b *binder) bindDecimal(n *node, args []*op, typ *arrow.Decimal128Type) (*op, error) {
	operands := []*arrow.Decimal128Type{typ, typ}
	switch n.text {
	case "+", "-":
		typ = decimalType(typ.Precision+1, typ.Scale)
		operands = []*arrow.Decimal128Type{typ, typ}
	case "*":
		for i, a := range args {
			if operands[i] = typ; !isNull(a.typ) && !a.isLiteral(stringLiteral) {
				operands[i] = asDecimal(a.typ)
			}
		}
		scale := operands[0].Scale + operands[1].Scale
		if scale > maxPrecision {
			err := b.errorf(n, "the product has %d digits after the point, and a decimal at most %d", scale, maxPrecision)
			return nil, fault.Hint(err, "cast one of the factors to double, or to a decimal with fewer digits")
		}
		typ = decimalType(operands[0].Precision+operands[1].Precision, scale)
	}
	for i, a := range args {
		var err error
		if args[i], err = b.coerce(a, operands[i]); err != nil {
			return nil, err
		}
	}
	return b.apply(n, typ, func(rows int, v []*vector) *vector { return decimalArithmetic(rows, n, v[0], v[1], typ) }, args...)
}

func decimalArithmetic(n int, node *node, x, y *vector, typ *arrow.Decimal128Type) *vector {
	out := strict(n, x, y)
	out.decs = make([]decimal128.Num, n)
	xm, ym := x.mask(), y.mask()
	for i := range out.decs {
		if out.isNull(i) {
			continue
		}
		p, q := x.decs[i&xm], y.decs[i&ym]
		r, ok := decimal128.Num{}, true
		switch node.text {
		case "+":
			r = p.Add(q)
		case "-":
			r = p.Sub(q)
		case "*":
			r, ok = multiplyDecimals(p, q)
		case "%":
			if q.Sign() == 0 {
				out.setNull(i, n)
				continue
			}
			r = remainder(p, q)
		}
		if !ok || !r.FitsInPrecision(typ.Precision) {
			out.fail(i, n, node.pos, fmt.Sprintf("%s overflows a decimal of %d digits", node.text, typ.Precision))
			continue
		}
		out.decs[i] = r
	}
	return out
}

// fits64 reports whether d is the sign extension of its low word.
func fits64(d decimal128.Num) bool { return d.HighBits() == int64(d.LowBits())>>63 }

func remainder(p, q decimal128.Num) decimal128.Num {
	if fits64(p) && fits64(q) && q.HighBits()|int64(q.LowBits()) != -1 {
		return decimal128.FromI64(int64(p.LowBits()) % int64(q.LowBits()))
	}
	_, r := p.Div(q)
	return r
}

// multiplyDecimals reports whether the product fits 127 bits.
func multiplyDecimals(a, b decimal128.Num) (decimal128.Num, bool) {
	negative := a.Sign()*b.Sign() < 0
	a, b = a.Abs(), b.Abs()
	if a.HighBits() != 0 {
		a, b = b, a
	}
	if a.HighBits() != 0 {
		return a, false
	}
	carry, low := bits.Mul64(a.LowBits(), b.LowBits())
	over, high := bits.Mul64(a.LowBits(), uint64(b.HighBits()))
	high, c := bits.Add64(high, carry, 0)
	if over != 0 || c != 0 || high>>63 != 0 {
		return a, false
	}
	r := decimal128.New(int64(high), low)
	if negative {
		r = r.Negate()
	}
	return r, true
}

// rescale changes the number of digits after the point, rounding halves away from zero, and reports whether the result has
// at most precision digits.
func rescale(d decimal128.Num, from, to, precision int32) (decimal128.Num, bool) {
	switch {
	case to > from:
		if d.Sign() == 0 {
			return d, true
		}
		var ok bool
		if d, ok = multiplyDecimals(d, decimal128.GetScaleMultiplier(int(to-from))); !ok {
			return d, false
		}
	case to < from:
		d = reduce(d, from-to)
	}
	return d, d.FitsInPrecision(precision)
}

// reduce divides d by a power of ten and rounds halves away from zero.
func reduce(d decimal128.Num, power int32) decimal128.Num {
	negative := d.Sign() < 0
	d = d.Abs()
	high, low, last := uint64(d.HighBits()), d.LowBits(), uint64(0)
	for ; power > 0 && high|low != 0; power-- {
		var rest uint64
		high, rest = high/10, high%10
		low, last = bits.Div64(rest, low, 10)
	}
	if power > 0 {
		last = 0
	}
	if last >= 5 {
		var carry uint64
		low, carry = bits.Add64(low, 1, 0)
		high += carry
	}
	d = decimal128.New(int64(high), low)
	if negative {
		d = d.Negate()
	}
	return d
}

// parseDecimal reads a number, with an exponent or not, as a decimal, rounding halves away from zero.
func parseDecimal(text string, precision, scale int32) (d decimal128.Num, ok bool) {
	mantissa, exponent := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		e, valid := plainInt(strings.TrimPrefix(text[i+1:], "+"))
		if !valid || e > math.MaxInt32 || e < math.MinInt32 || strings.HasPrefix(text[i+1:], "+-") {
			return d, false
		}
		mantissa, exponent = text[:i], e
	}
	negative := strings.HasPrefix(mantissa, "-")
	if negative || strings.HasPrefix(mantissa, "+") {
		mantissa = mantissa[1:]
	}
	keep := int64(scale) + exponent // digits after the point that count
	if point := strings.IndexByte(mantissa, '.'); point >= 0 {
		keep += int64(point)
	} else {
		keep += int64(len(mantissa))
	}
	var high, low uint64
	digits, place := 0, int64(0)
	for _, c := range []byte(mantissa) {
		if c == '.' && place >= 0 {
			if strings.Count(mantissa, ".") > 1 {
				return d, false
			}
			continue
		}
		if !isDigit(c) {
			return d, false
		}
		digits++
		switch place++; {
		case place <= keep:
			if high > math.MaxUint64/20 {
				return d, false
			}
			high, low = timesTen(high, low, uint64(c-'0'))
		case place == keep+1 && c >= '5':
			var carry uint64
			low, carry = bits.Add64(low, 1, 0)
			high += carry
		}
	}
	for ; place < keep && high|low != 0; place++ {
		if high > math.MaxUint64/20 {
			return d, false
		}
		high, low = timesTen(high, low, 0)
	}
	if digits == 0 || high>>63 != 0 {
		return d, false
	}
	if d = decimal128.New(int64(high), low); negative {
		d = d.Negate()
	}
	return d, d.FitsInPrecision(precision)
}

func timesTen(high, low, add uint64) (uint64, uint64) {
	over, product := bits.Mul64(low, 10)
	low, carry := bits.Add64(product, add, 0)
	return high*10 + over + carry, low
}

// decimalOf is f rounded to a decimal, halves away from zero.
func decimalOf(f float64, precision, scale int32) (d decimal128.Num, ok bool) {
	f = math.Round(f * math.Pow10(int(scale)))
	if math.Abs(f) >= math.Pow10(int(precision)) || f != f {
		return d, false
	}
	if math.Abs(f) < 1<<63 {
		return decimal128.FromI64(int64(f)), true
	}
	whole, _ := big.NewFloat(f).Int(nil)
	d = decimal128.FromBigInt(whole)
	return d, d.FitsInPrecision(precision)
}

// floatOf is d as a double: whole and fraction apart where d has more than 53 bits.
func floatOf(d decimal128.Num, scale int32) float64 {
	unit := math.Pow10(int(scale))
	if !fits64(d) {
		whole, fraction := d.Div(decimal128.GetScaleMultiplier(int(scale)))
		return whole.ToFloat64(0) + fraction.ToFloat64(0)/unit
	}
	x := int64(d.LowBits())
	if scale == 0 || scale > 18 || x > -1<<53 && x < 1<<53 {
		return float64(x) / unit
	}
	whole := int64(unit)
	return float64(x/whole) + float64(x%whole)/unit
}

// appendDecimal writes d as DuckDB does: no zero before the point if the type has no digits there.
func appendDecimal(dst []byte, d decimal128.Num, typ *arrow.Decimal128Type) []byte {
	if d.Sign() < 0 {
		dst = append(dst, '-')
		d = d.Negate()
	}
	var buf [48]byte
	digits := appendUint128(buf[:0], uint64(d.HighBits()), d.LowBits())
	scale := int(typ.Scale)
	if whole := len(digits) - scale; whole > 0 {
		dst = append(dst, digits[:whole]...)
		digits = digits[whole:]
	} else if typ.Precision > typ.Scale {
		dst = append(dst, '0')
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for range scale - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

func appendUint128(dst []byte, high, low uint64) []byte {
	if high == 0 {
		return strconv.AppendUint(dst, low, 10)
	}
	const chunk = 1e19
	q, r := high/chunk, high%chunk
	low, rest := bits.Div64(r, low, chunk)
	dst = appendUint128(dst, q, low)
	from := len(dst)
	dst = append(dst, "0000000000000000000"...)
	for i := len(dst) - 1; i >= from; i-- {
		dst[i] = byte('0' + rest%10)
		rest /= 10
	}
	return dst
}
