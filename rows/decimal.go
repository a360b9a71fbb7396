package rows

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// divTen divides the number of 128 bits by ten.
func divTen(high, low uint64) (qHigh, qLow, rest uint64) {
	qHigh, rest = high/10, high%10
	qLow, rest = bits.Div64(rest, low, 10)
	return qHigh, qLow, rest
}

// rescale returns the decimal v of scale from as one of scale to and at most precision digits, false if that loses any.
func rescale(v decimal128.Num, from, to, precision int32) (decimal128.Num, bool) {
	negative := v.Sign() < 0
	if negative {
		v = v.Negate()
	}
	high, low := uint64(v.HighBits()), v.LowBits()
	for ; from > to && high|low != 0; from-- {
		var rest uint64
		if high, low, rest = divTen(high, low); rest != 0 {
			return v, false
		}
	}
	for ; from < to && high|low != 0; from++ {
		over, carry := bits.Mul64(low, 10)
		top, h := bits.Mul64(high, 10)
		sum, c := bits.Add64(h, over, 0)
		if top != 0 || c != 0 || sum>>63 != 0 {
			return v, false
		}
		high, low = sum, carry
	}
	v = decimal128.New(int64(high), low)
	if high>>63 != 0 || !v.FitsInPrecision(precision) {
		return v, false
	}
	if negative {
		v = v.Negate()
	}
	return v, true
}

// parseDecimal reads digits of the form that JSON and strconv write, 12.5 or 1.25e+01, as a decimal with the fewest digits
// after the point. It is false when 38 digits do not hold the value.
func parseDecimal(text []byte) (v decimal128.Num, scale int32, ok bool) {
	var high, low uint64
	digits, zeros, exponent := 0, 0, 0
	negative, point := false, false
	i := 0
	if i < len(text) && text[i] == '-' {
		negative = true
		i++
	}
	first := i
	for ; i < len(text) && text[i] != 'e' && text[i] != 'E'; i++ {
		c := text[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			return v, 0, false
		}
		if point {
			exponent--
		}
		if c == '0' { // zeros count once a digit follows them: those at the end are an exponent
			zeros++
			continue
		}
		for ; zeros > 0 && digits > 0; zeros-- {
			high, low = timesTen(high, low, 0)
			digits++
		}
		zeros = 0
		high, low = timesTen(high, low, uint64(c-'0'))
		if digits++; digits > maxPrecision {
			return v, 0, false
		}
	}
	if i == first {
		return v, 0, false
	}
	exponent += zeros
	if i < len(text) {
		e, ok := parseExponent(text[i+1:])
		if !ok {
			return v, 0, false
		}
		exponent += e
	}
	if digits == 0 {
		return v, 0, true
	}
	v = decimal128.New(int64(high), low)
	if negative {
		v = v.Negate()
	}
	if exponent <= 0 {
		return v, int32(-exponent), exponent >= -maxPrecision
	}
	v, ok = rescale(v, 0, int32(min(exponent, maxPrecision)), maxPrecision)
	return v, 0, ok && exponent < maxPrecision
}

func timesTen(high, low, add uint64) (uint64, uint64) {
	over, l := bits.Mul64(low, 10)
	l, carry := bits.Add64(l, add, 0)
	return high*10 + over + carry, l
}

func parseExponent(text []byte) (int, bool) {
	sign, n := 1, 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	for _, c := range text {
		if c < '0' || c > '9' || n > 1e6 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return sign * n, len(text) > 0
}
