package json

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// literal is a number of JSON taken apart: ±0.DIGITS × 10^exp, without leading or trailing zeros in its digits. The zero
// literal is 0.
type literal struct {
	neg    bool
	digits []byte // at most maxDigits of them
	exp    int
	long   bool // it has more digits than are kept
}

// maxDigits is above what any column can hold.
const maxDigits = 48

// parse takes a number of good grammar apart.
func (l *literal) parse(lit []byte) {
	l.digits, l.exp, l.long, l.neg = l.digits[:0], 0, false, false
	if lit[0] == '-' {
		l.neg = true
		lit = lit[1:]
	}
	point, zeros := false, 0
	for i, c := range lit {
		switch {
		case c == '.':
			point = true
		case c|0x20 == 'e':
			l.exp += exponent(lit[i+1:])
			if len(l.digits) == 0 {
				l.exp = 0
			}
			return
		case c == '0':
			if len(l.digits) > 0 {
				zeros++
				if !point {
					l.exp++
				}
			} else if point {
				l.exp--
			}
		default:
			if len(l.digits)+zeros >= maxDigits {
				l.long = true
			} else {
				for ; zeros > 0; zeros-- {
					l.digits = append(l.digits, '0')
				}
				l.digits = append(l.digits, c)
			}
			if !point {
				l.exp++
			}
		}
	}
	if len(l.digits) == 0 {
		l.exp = 0
	}
}

// exponent reads an exponent, held below what could overflow when a document's worth of zeros is added.
func exponent(text []byte) int {
	neg := false
	if text[0] == '+' || text[0] == '-' {
		neg = text[0] == '-'
		text = text[1:]
	}
	e := 0
	for _, c := range text {
		if e < 1<<40 {
			e = e*10 + int(c-'0')
		}
	}
	if neg {
		return -e
	}
	return e
}

// int64 is the value of l if it is whole and fits.
func (l *literal) int64() (int64, bool) {
	if l.exp < len(l.digits) || l.exp > 19 || l.long {
		return 0, len(l.digits) == 0
	}
	return l.scaled(l.exp)
}

// scaled is the number of the first n digits of l, zeros following those that it has, if it fits; n ≤ 19.
func (l *literal) scaled(n int) (int64, bool) {
	var v uint64
	for i := range n {
		d := uint64(0)
		if i < len(l.digits) {
			d = uint64(l.digits[i] - '0')
		}
		v = v*10 + d // 19 digits fit 64 bits
	}
	if l.neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// decimal is the value of l in units of 10^-scale if it is whole there and has no more than precision digits.
func (l *literal) decimal(precision, scale int32) (decimal128.Num, bool) {
	if len(l.digits) == 0 {
		return decimal128.Num{}, true
	}
	units := l.exp + int(scale)
	if l.long || units < len(l.digits) || units > int(precision) || units > 38 {
		return decimal128.Num{}, false
	}
	var buf [40]byte
	text := append(buf[:0], l.digits...)
	for len(text) < units {
		text = append(text, '0')
	}
	if units <= 18 {
		v, _ := l.scaled(units)
		return decimal128.FromI64(v), true
	}
	v, _ := new(big.Int).SetString(string(text), 10)
	if l.neg {
		v.Neg(v)
	}
	return decimal128.FromBigInt(v), true
}

// float returns the floating-point number of so many bits that lit spells. ok is false when lit is rounded by it: a whole
// number beyond what the type counts one by one, or a fraction that the number, printed with as many digits, does not
// give back.
func (l *literal) float(lit []byte, whole bool, width int) (f float64, ok bool) {
	sure, most, count := 15, 17, float64(1<<53)
	if width == 32 {
		sure, most, count = 6, 9, 1<<24
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(lit), len(lit)), width)
	if err != nil {
		return 0, false
	}
	l.parse(lit)
	n := len(l.digits)
	switch {
	case n == 0:
		return f, true
	case whole:
		return f, math.Abs(f) <= count && l.isWhole(math.Abs(f))
	case n > most || l.long:
		return f, false
	case n <= sure && f != 0 && math.Abs(f) >= smallestNormal(width):
		return f, true
	}
	return f, l.printed(f, n-1, width)
}

// printed reports whether f, printed with so many digits behind the point, or as few as it takes if -1, is l.
func (l *literal) printed(f float64, digits, width int) bool {
	var buf [32]byte
	var kept [24]byte
	back := literal{digits: kept[:0]}
	back.parse(strconv.AppendFloat(buf[:0], f, 'e', digits, width))
	return back.neg == l.neg && back.exp == l.exp && string(back.digits) == string(l.digits)
}

func smallestNormal(width int) float64 {
	if width == 32 {
		return 0x1p-126
	}
	return 0x1p-1022
}

// isWhole reports whether l, its sign aside, is the whole number f.
func (l *literal) isWhole(f float64) bool {
	v, ok := (&literal{digits: l.digits, exp: l.exp, long: l.long}).int64()
	return ok && float64(v) == f && v <= 1<<53
}

// powers of ten, which are exact as a float64.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

var wholePowers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// quickInt reads a whole number of up to 15 digits at i. end is 0 if what stands there is none.
func quickInt(p unsafe.Pointer, i int) (v int64, end int) {
	w := load8(p, i)
	neg := byte(w) == '-'
	if neg {
		i++
		w = load8(p, i)
	}
	m := nonDigits(w)
	n := bits.TrailingZeros64(m) >> 3
	if n == 0 || byte(w) == '0' && n > 1 {
		return 0, 0
	}
	u := digits(w, n)
	i += n
	if n == 8 {
		w = load8(p, i)
		if m = nonDigits(w); m == 0 {
			return 0, 0
		}
		if n = bits.TrailingZeros64(m) >> 3; n > 0 {
			u = u*wholePowers[n] + digits(w, n)
			i += n
		}
	}
	if c := load1(p, i); c == '.' || c|0x20 == 'e' {
		return 0, 0
	}
	v = int64(u)
	if neg {
		v = -v
	}
	return v, i
}

// quickFloat reads a number of up to 15 digits without an exponent at i, which a float64 always gives back. end is 0 if
// what stands there is none.
func quickFloat(p unsafe.Pointer, i int) (v float64, end int, whole bool) {
	w := load8(p, i)
	neg := byte(w) == '-'
	if neg {
		i++
		w = load8(p, i)
	}
	n := bits.TrailingZeros64(nonDigits(w)) >> 3
	if n == 0 || n == 8 || byte(w) == '0' && n > 1 {
		return 0, 0, false
	}
	u := digits(w, n)
	i += n
	c := load1(p, i)
	v = float64(u)
	whole = c != '.'
	if !whole {
		w = load8(p, i+1)
		k := bits.TrailingZeros64(nonDigits(w)) >> 3
		if k == 0 || k == 8 {
			return 0, 0, false
		}
		i += 1 + k
		c = load1(p, i)
		v = float64(u*wholePowers[k]+digits(w, k)) / powers[k]
	}
	if c|0x20 == 'e' {
		return 0, 0, false
	}
	if neg {
		v = -v
	}
	return v, i, whole
}
