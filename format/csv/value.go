package csv

import (
	"math"
	"math/bits"
	"strconv"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// parseInt reads an integer as JSON writes it: no plus sign, no leading zeros, no -0.
func parseInt(b []byte) (v int64, ok bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c) // 19 digits fit 64 bits
	}
	if len(digits) < len(b) {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// number is a number taken apart: ±DIGITS × 10^exp, without leading or trailing zeros in its digits. Zero has no digits.
type number struct {
	digits [40]byte
	n      int
	exp    int
	neg    bool
	long   bool // it has more digits than are kept
}

// parse takes a number of the grammar of JSON apart.
func (x *number) parse(b []byte) bool {
	x.n, x.exp, x.neg, x.long = 0, 0, false, false
	i := 0
	if i < len(b) && b[i] == '-' {
		x.neg = true
		i++
	}
	from := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		x.digit(b[i])
	}
	if i == from || b[from] == '0' && i > from+1 {
		return false
	}
	if i < len(b) && b[i] == '.' {
		i++
		from = i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			x.digit(b[i])
			x.exp--
		}
		if i == from {
			return false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		e, err := strconv.Atoi(string(b[i+1:]))
		if err != nil || e > 1<<20 || e < -1<<20 {
			return false
		}
		x.exp += e
		i = len(b)
	}
	for x.n > 0 && x.digits[x.n-1] == '0' {
		x.n--
		x.exp++
	}
	return i == len(b)
}

func (x *number) digit(c byte) {
	switch {
	case x.n == 0 && c == '0':
	case x.n < len(x.digits):
		x.digits[x.n] = c
		x.n++
	default:
		x.exp++
		x.long = x.long || c != '0'
	}
}

// whole is the value of x if it is a whole number of 64 bits. Minus zero is none.
func (x *number) whole() (int64, bool) {
	if x.n == 0 {
		return 0, !x.neg
	}
	if x.exp < 0 || x.n+x.exp > 19 || x.long {
		return 0, false
	}
	var u uint64
	for _, c := range x.digits[:x.n] {
		u = u*10 + uint64(c-'0')
	}
	for range x.exp {
		u *= 10
	}
	if x.neg {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// decimal is the value of x in units of 10^-scale if it is whole there and has at most precision digits.
func (x *number) decimal(precision, scale int32) (decimal128.Num, bool) {
	units := x.exp + int(scale)
	if x.n == 0 {
		return decimal128.Num{}, true
	}
	if x.long || units < 0 || x.n+units > int(precision) || x.n+units > 38 {
		return decimal128.Num{}, false
	}
	var high, low uint64
	for i := range x.n + units {
		var d byte
		if i < x.n {
			d = x.digits[i] - '0'
		}
		carry, product := bits.Mul64(low, 10)
		var over uint64
		low, over = bits.Add64(product, uint64(d), 0)
		high = high*10 + carry + over
	}
	v := decimal128.New(int64(high), low)
	if x.neg {
		v = v.Negate()
	}
	return v, true
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// quickFloat reads a number of at most 15 digits without an exponent, which a float64 always gives back.
func quickFloat(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 17 {
		return 0, false
	}
	i := 0
	if b[0] == '-' {
		i = 1
	}
	var u uint64
	from, point := i, -1
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			if b[i] != '.' || point >= 0 || i == from {
				return 0, false
			}
			point = i
			continue
		}
		u = u*10 + uint64(c)
	}
	digits, places := i-from, 0
	if point >= 0 {
		digits--
		places = i - point - 1
		if places == 0 {
			return 0, false
		}
	}
	if digits == 0 || digits > 15 || b[from] == '0' && digits-places > 1 {
		return 0, false
	}
	f := float64(u) / powersOfTen[places]
	if b[0] == '-' {
		f = -f
	}
	return f, true
}

// parseFloat reads a floating-point number of so many bits that is not rounded: a whole number that the type counts one
// by one, or a fraction which the value, printed with as many digits, gives back. NaN, Infinity and -Infinity are numbers.
func parseFloat(b []byte, width int, x *number) (float64, bool) {
	sure, most, count, normal := 15, 17, float64(1<<53), 0x1p-1022
	if width == 32 {
		sure, most, count, normal = 6, 9, 1<<24, 0x1p-126
	}
	switch string(b) {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if !x.parse(b) {
		return 0, false
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), width)
	if err != nil {
		return 0, false
	}
	if x.n == 0 {
		return f, true
	}
	if x.exp >= 0 && isDigits(b) {
		v, ok := x.whole()
		return f, ok && math.Abs(float64(v)) <= count && int64(f) == v
	}
	if x.n <= sure && math.Abs(f) >= normal {
		return f, true
	}
	if x.n > most || x.long {
		return f, false
	}
	var room [40]byte
	var back number
	back.parse(strconv.AppendFloat(room[:0], f, 'e', x.n-1, width))
	return f, back.exp == x.exp && back.n == x.n && back.digits == x.digits
}

// isDigits says whether b is an integer by its look: no point, no exponent.
func isDigits(b []byte) bool {
	for _, c := range b {
		if c == '.' || c|0x20 == 'e' {
			return false
		}
	}
	return true
}

func parseBool(b []byte) (v, ok bool) {
	switch string(b) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// era is what a text says of time.
type era uint8

const (
	noTime era = iota
	dayOnly
	naive
	zoned
)

const (
	microsOfDay = 86400 * 1e6
	firstMicro  = -62135596800 * 1e6 // 0001-01-01
	endMicro    = 253402300800 * 1e6 // 10000-01-01
)

// parseTime reads an ISO-8601 date, or date and time of day, between the years 1 and 9999, as microseconds since 1970, in
// UTC where it has a zone. What it cannot hold exactly, a leap second or a fraction finer than a microsecond, is no time.
func parseTime(b []byte) (micros int64, e era) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, noTime
	}
	century, rest, month, date := two(b), two(b[2:]), two(b[5:]), two(b[8:])
	year := century*100 + rest
	if century > 99 || rest > 99 || year == 0 || month < 1 || month > 12 || date < 1 || date > daysIn(year, month) {
		return 0, noTime
	}
	micros = daysOf(year, month, date) * microsOfDay
	if len(b) == 10 {
		return micros, dayOnly
	}
	if b[10] != 'T' && b[10] != ' ' {
		return 0, noTime
	}
	clock, n := parseClock(b[11:])
	if n == 0 {
		return 0, noTime
	}
	micros += clock
	if b = b[11+n:]; len(b) == 0 {
		return micros, naive
	}
	zone, ok := parseZone(b)
	micros -= zone
	if !ok || micros < firstMicro || micros >= endMicro {
		return 0, noTime
	}
	return micros, zoned
}

// two is the number that two digits spell, 1000 or more if they are none.
func two(b []byte) int {
	high, low := b[0]-'0', b[1]-'0'
	if high > 9 || low > 9 {
		return 1000
	}
	return int(high)*10 + int(low)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysOf counts the days since 1970-01-01, in the calendar whose year begins in March so that leap days are last.
func daysOf(year, month, date int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return int64(365*year+year/4-year/100+year/400+(153*(month-3)+2)/5+date) - 719469
}

// parseClock reads hh:mm, hh:mm:ss or hh:mm:ss.ffffff, and returns how many bytes that took, 0 if there is none.
func parseClock(b []byte) (micros int64, n int) {
	if len(b) < 5 || b[2] != ':' {
		return 0, 0
	}
	hour, minute, second := two(b), two(b[3:]), 0
	n = 5
	if len(b) > 5 && b[5] == ':' {
		if len(b) < 8 {
			return 0, 0
		}
		second = two(b[6:])
		n = 8
	}
	if hour > 23 || minute > 59 || second > 59 {
		return 0, 0
	}
	micros = int64(hour*3600+minute*60+second) * 1e6
	if n == 8 && len(b) > 8 && b[8] == '.' {
		unit := int64(100_000)
		for n = 9; n < len(b) && b[n]-'0' <= 9; n++ {
			if unit == 0 && b[n] != '0' {
				return 0, 0
			}
			micros += int64(b[n]-'0') * unit
			unit /= 10
		}
		if n == 9 {
			return 0, 0
		}
	}
	return micros, n
}

// parseZone reads a zone that is all of b: Z, ±hh:mm, ±hhmm or ±hh.
func parseZone(b []byte) (micros int64, ok bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hours, minutes := two(b[1:]), 0
	switch {
	case len(b) == 3:
	case len(b) == 5:
		minutes = two(b[3:])
	case len(b) == 6 && b[3] == ':':
		minutes = two(b[4:])
	default:
		return 0, false
	}
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	micros = int64(time.Duration(hours)*time.Hour+time.Duration(minutes)*time.Minute) / 1000
	if b[0] == '-' {
		micros = -micros
	}
	return micros, true
}
