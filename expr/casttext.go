package expr

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "1", "yes", "y":
		return true, true
	case "false", "f", "0", "no", "n":
		return false, true
	}
	return false, false
}

// plainDigits is s without underscores between digits.
func plainDigits(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '_' || i == 0 || i+1 == len(s) || !isDigit(s[i-1]) || !isDigit(s[i+1]) {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// parseInt reads an integer; a number with a fraction is rounded, halves away from zero.
func parseInt(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if x, ok := plainInt(s); ok {
		return x, true
	}
	d, ok := parseDecimal(plainDigits(s), maxPrecision, 0)
	return int64(d.LowBits()), ok && fits64(d)
}

// plainInt reads up to 18 digits: unlike strconv it makes no error of what is none.
func plainInt(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	x := int64(0)
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return 0, false
		}
		x = x*10 + int64(digits[i]-'0')
	}
	if len(digits) < len(s) {
		x = -x
	}
	return x, true
}

// parseFloat reads a number, inf or nan. What is too large is infinite.
func parseFloat(s string, size int) (float64, bool) {
	if !floatLike(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(plainDigits(s), size)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// floatLike reports whether s has only what numbers have, or is a word for one; strconv's hexadecimals are none.
func floatLike(s string) bool {
	word := strings.TrimLeft(s, "+-")
	if strings.EqualFold(word, "inf") || strings.EqualFold(word, "infinity") || strings.EqualFold(word, "nan") {
		return true
	}
	for i := range len(s) {
		if !isDigit(s[i]) && strings.IndexByte("+-.eE_", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// parseTime reads a date, with a time of the day or not, as days or as microseconds since 1970: YYYY-MM-DD, then T or a
// space, HH:MM[:SS[.ffffff]] and a zone: Z, +HH, +HH:MM. The zone counts only if zoned is true, and is UTC when absent.
func parseTime(s string, isDate, zoned bool) (int64, bool) {
	days, rest, ok := parseDate(s)
	if !ok {
		return 0, false
	}
	micros := int64(0)
	if rest != "" {
		if rest[0] != 'T' && rest[0] != ' ' {
			return 0, false
		}
		clock, zone := splitZone(rest[1:])
		offset, zoneOK := parseZone(zone)
		if micros, ok = parseClock(clock); !ok || !zoneOK {
			return 0, false
		}
		if zoned {
			micros -= offset
		}
	}
	if isDate {
		return days, true
	}
	if days <= math.MinInt64/day || days >= math.MaxInt64/day {
		return 0, false
	}
	return days*day + micros, true
}

// parseDate reads [-]Y-M-D or Y/M/D and returns what follows it.
func parseDate(s string) (int64, string, bool) {
	text, sign := s, int64(1)
	if strings.HasPrefix(s, "-") {
		text, sign = s[1:], -1
	}
	y, text, ok := leadingInt(text, 6)
	if !ok || text == "" || text[0] != '-' && text[0] != '/' {
		return 0, "", false
	}
	separator := text[0]
	m, text, ok := leadingInt(text[1:], 2)
	if !ok || text == "" || text[0] != separator {
		return 0, "", false
	}
	d, text, ok := leadingInt(text[1:], 2)
	y *= sign
	if !ok || m < 1 || m > 12 || d < 1 || d > days(y, m+1, 1)-days(y, m, 1) {
		return 0, "", false
	}
	n := days(y, m, d)
	return n, text, n >= math.MinInt32 && n <= math.MaxInt32
}

func leadingInt(s string, most int) (int64, string, bool) {
	x, i := int64(0), 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		x = x*10 + int64(s[i]-'0')
	}
	if i == 0 || i > most {
		return 0, s, false
	}
	return x, s[i:], true
}

// parseClock reads H:M[:S[.fraction]]; digits beyond microseconds are cut off.
func parseClock(s string) (int64, bool) {
	h, s, ok := leadingInt(s, 2)
	if !ok || h > 23 || s == "" || s[0] != ':' {
		return 0, false
	}
	m, s, ok := leadingInt(s[1:], 2)
	if !ok || m > 59 {
		return 0, false
	}
	micros := h*hour + m*minute
	if s == "" {
		return micros, true
	}
	if s[0] != ':' {
		return 0, false
	}
	sec, s, ok := leadingInt(s[1:], 2)
	if !ok || sec > 59 {
		return 0, false
	}
	micros += sec * second
	if s == "" {
		return micros, true
	}
	if s[0] != '.' {
		return 0, false
	}
	for i, unit := 1, int64(second/10); i < len(s); i, unit = i+1, unit/10 {
		if !isDigit(s[i]) {
			return 0, false
		}
		micros += int64(s[i]-'0') * unit
	}
	return micros, true
}

func splitZone(s string) (clock, zone string) {
	if i := strings.IndexAny(s, "Zz+-"); i >= 0 {
		return strings.TrimRight(s[:i], " "), s[i:]
	}
	return s, ""
}

// parseZone returns the microseconds by which a zone is ahead of UTC.
func parseZone(s string) (int64, bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	sign := int64(1)
	if s[0] == '-' {
		sign = -1
	}
	h, rest, ok := leadingInt(s[1:], 2)
	m := int64(0)
	if ok && rest != "" {
		if m, rest, ok = leadingInt(strings.TrimPrefix(rest, ":"), 2); rest != "" {
			return 0, false
		}
	}
	return sign * (h*hour + m*minute), ok && h <= 15 && m <= 59
}

// formatAll makes the texts of n values in one piece of memory.
func formatAll(n int, typ arrow.DataType, in, out *vector) []string {
	if classOf(typ) == textClass {
		return in.texts
	}
	ends, buf := make([]int, n), make([]byte, 0, 20*n)
	for i := range ends {
		if out.nulls == nil || !out.nulls[i] {
			buf = appendValue(buf, typ, in, i)
		}
		ends[i] = len(buf)
	}
	return cut(buf, ends)
}

// cut makes strings of the pieces of buf, which is not written again.
func cut(buf []byte, ends []int) []string {
	all, from := unsafe.String(unsafe.SliceData(buf), len(buf)), 0
	texts := make([]string, len(ends))
	for i, end := range ends {
		texts[i], from = all[from:end], end
	}
	return texts
}

// appendValue writes a value as DuckDB's cast to varchar does.
func appendValue(dst []byte, typ arrow.DataType, v *vector, i int) []byte {
	switch typ.ID() {
	case arrow.BOOL:
		return strconv.AppendBool(dst, v.bools[i])
	case arrow.FLOAT32:
		return appendFloat(dst, v.floats[i], 32)
	case arrow.FLOAT64:
		return appendFloat(dst, v.floats[i], 64)
	case arrow.DECIMAL128:
		return appendDecimal(dst, v.decs[i], typ.(*arrow.Decimal128Type))
	case arrow.DATE32:
		return appendDate(dst, v.ints[i])
	case arrow.TIME64:
		return appendClock(dst, v.ints[i])
	case arrow.TIMESTAMP:
		d := floorDiv(v.ints[i], day)
		dst = appendClock(append(appendDate(dst, d), ' '), v.ints[i]-d*day)
		if hasZone(typ) {
			dst = append(dst, "+00"...)
		}
		return dst
	case arrow.STRING, arrow.BINARY:
		return append(dst, v.texts[i]...)
	}
	return strconv.AppendInt(dst, v.ints[i], 10)
}

// appendFloat writes the fewest digits that read back as f, with a point or an exponent of two digits at least.
func appendFloat(dst []byte, f float64, size int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 0):
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	}
	form := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		form = 'e'
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, form, -1, size)
	if form == 'f' && bytes.IndexByte(dst[from:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendDate writes YYYY-MM-DD; years before the first are counted back and marked.
func appendDate(dst []byte, n int64) []byte {
	y, m, d := civil(n)
	bc := ""
	if y <= 0 {
		y, bc = 1-y, " (BC)"
	}
	if y < 1000 {
		dst = append(dst, "000"[:3-len(strconv.Itoa(int(y)))+1]...)
	}
	dst = strconv.AppendInt(dst, y, 10)
	dst = append(dst, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
	return append(dst, bc...)
}

// appendClock writes HH:MM:SS and, if it is not zero, a fraction.
func appendClock(dst []byte, micros int64) []byte {
	two := func(n int64) { dst = append(dst, byte('0'+n/10), byte('0'+n%10)) }
	two(micros / hour)
	dst = append(dst, ':')
	two(micros / minute % 60)
	dst = append(dst, ':')
	two(micros / second % 60)
	fraction := micros % second
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(second / 10); fraction > 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit))
		fraction %= unit
	}
	return dst
}
