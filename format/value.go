package format

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// AppendJSON appends the value of a column in row i as JSON. Nothing is lost: integers and decimals are numbers with all
// their digits, NaN and the infinities the strings "NaN", "Infinity" and "-Infinity". Times are ISO 8601, instants with a
// Z and naive timestamps without; binary is base64; a map is an object, its keys as text; null is null.
func AppendJSON(dst []byte, col arrow.Array, i int) []byte {
	if col.IsNull(i) {
		return append(dst, "null"...)
	}
	switch c := col.(type) {
	case *array.Null:
		return append(dst, "null"...)
	case *array.String:
		return AppendQuoted(dst, c.Value(i))
	case *array.Dictionary:
		return AppendJSON(dst, c.Dictionary(), c.GetValueIndex(i))
	case *array.Float64:
		return appendFloat(dst, c.Value(i), 64, true)
	case *array.Float32:
		return appendFloat(dst, float64(c.Value(i)), 32, true)
	case *array.Struct:
		return appendStruct(dst, c, i)
	case *array.Map:
		return appendMap(dst, c, i)
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		dst = append(dst, '[')
		for j := from; j < to; j++ {
			if j > from {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, c.ListValues(), int(j))
		}
		return append(dst, ']')
	case *array.Boolean, *array.Int64, *array.Int32, *array.Int16, *array.Int8, *array.Uint64, *array.Uint32, *array.Uint16, *array.Uint8, *array.Decimal128:
		return AppendText(dst, col, i)
	case *array.Timestamp, *array.Date32, *array.Time64, *array.Binary:
		dst = AppendText(append(dst, '"'), col, i)
		return append(dst, '"')
	}
	return AppendQuoted(dst, string(AppendText(nil, col, i)))
}

// AppendText appends the value of a column in row i as text: as AppendJSON does, without quotes and escapes around
// strings and times. A null is no text.
func AppendText(dst []byte, col arrow.Array, i int) []byte {
	if col.IsNull(i) {
		return dst
	}
	switch c := col.(type) {
	case *array.Null:
		return dst
	case *array.String:
		return append(dst, c.Value(i)...)
	case *array.Dictionary:
		return AppendText(dst, c.Dictionary(), c.GetValueIndex(i))
	case *array.Boolean:
		return strconv.AppendBool(dst, c.Value(i))
	case *array.Int64:
		return strconv.AppendInt(dst, c.Value(i), 10)
	case *array.Int32:
		return strconv.AppendInt(dst, int64(c.Value(i)), 10)
	case *array.Int16:
		return strconv.AppendInt(dst, int64(c.Value(i)), 10)
	case *array.Int8:
		return strconv.AppendInt(dst, int64(c.Value(i)), 10)
	case *array.Uint64:
		return strconv.AppendUint(dst, c.Value(i), 10)
	case *array.Uint32:
		return strconv.AppendUint(dst, uint64(c.Value(i)), 10)
	case *array.Uint16:
		return strconv.AppendUint(dst, uint64(c.Value(i)), 10)
	case *array.Uint8:
		return strconv.AppendUint(dst, uint64(c.Value(i)), 10)
	case *array.Float64:
		return appendFloat(dst, c.Value(i), 64, false)
	case *array.Float32:
		return appendFloat(dst, float64(c.Value(i)), 32, false)
	case *array.Decimal128:
		return appendDecimal(dst, c, i)
	case *array.Timestamp:
		t := c.DataType().(*arrow.TimestampType)
		return appendTimestamp(dst, int64(c.Value(i)), t.Unit, t.TimeZone != "")
	case *array.Date32:
		return appendDate(dst, int64(c.Value(i)))
	case *array.Time64:
		return appendClock(dst, toMicros(int64(c.Value(i)), c.DataType().(*arrow.Time64Type).Unit))
	case *array.Binary:
		return base64.StdEncoding.AppendEncode(dst, c.Value(i))
	case array.ListLike, *array.Struct:
		return AppendJSON(dst, col, i)
	}
	return append(dst, col.ValueStr(i)...)
}

func appendStruct(dst []byte, c *array.Struct, i int) []byte {
	fields := c.DataType().(*arrow.StructType).Fields()
	dst = append(dst, '{')
	for j := range fields {
		if j > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendQuoted(dst, fields[j].Name), ':')
		dst = AppendJSON(dst, c.Field(j), i)
	}
	return append(dst, '}')
}

func appendMap(dst []byte, c *array.Map, i int) []byte {
	from, to := c.ValueOffsets(i)
	keys, items := c.Keys(), c.Items()
	dst = append(dst, '{')
	for j := int(from); j < int(to); j++ {
		if j > int(from) {
			dst = append(dst, ',')
		}
		if s, ok := keys.(*array.String); ok {
			dst = AppendQuoted(dst, s.Value(j))
		} else {
			dst = AppendQuoted(dst, string(AppendText(nil, keys, j)))
		}
		dst = append(dst, ':')
		dst = AppendJSON(dst, items, j)
	}
	return append(dst, '}')
}

// appendFloat writes the shortest number that is read back as v.
func appendFloat(dst []byte, v float64, bits int, quoted bool) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		word := "NaN"
		if v > 0 {
			word = "Infinity"
		} else if v < 0 {
			word = "-Infinity"
		}
		if quoted {
			return AppendQuoted(dst, word)
		}
		return append(dst, word...)
	}
	form, from := byte('f'), len(dst)
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	dst = strconv.AppendFloat(dst, v, form, -1, bits)
	for _, b := range dst[from:] {
		if b == '.' || b == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...) // or it would come back as an integer
}

func appendDecimal(dst []byte, c *array.Decimal128, i int) []byte {
	scale := int(c.DataType().(*arrow.Decimal128Type).Scale)
	v := c.Value(i)
	var digits []byte
	var room [48]byte
	if v.HighBits() == int64(v.LowBits())>>63 {
		digits = strconv.AppendInt(room[:0], int64(v.LowBits()), 10)
	} else {
		digits = v.BigInt().Append(room[:0], 10)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	switch {
	case scale < 0:
		dst = append(dst, digits...)
		if len(digits) > 1 || digits[0] != '0' {
			for range -scale {
				dst = append(dst, '0')
			}
		}
		return dst
	case scale == 0:
		return append(dst, digits...)
	}
	if whole := len(digits) - scale; whole > 0 {
		dst, digits = append(dst, digits[:whole]...), digits[whole:]
	} else {
		dst = append(dst, '0')
	}
	dst = append(dst, '.')
	for range scale - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

func toMicros(v int64, unit arrow.TimeUnit) int64 {
	switch unit {
	case arrow.Second:
		return v * 1e6
	case arrow.Millisecond:
		return v * 1e3
	case arrow.Nanosecond:
		return v / 1e3
	}
	return v
}

const dayMicros = 24 * 60 * 60 * 1e6

func appendTimestamp(dst []byte, v int64, unit arrow.TimeUnit, utc bool) []byte {
	v = toMicros(v, unit)
	day := v / dayMicros
	if v%dayMicros < 0 {
		day--
	}
	dst = append(appendDate(dst, day), 'T')
	dst = appendClock(dst, v-day*dayMicros)
	if utc {
		dst = append(dst, 'Z')
	}
	return dst
}

// appendDate writes YYYY-MM-DD; years of more than four digits have a sign, as ISO 8601 asks.
func appendDate(dst []byte, day int64) []byte {
	year, month, date := time.Unix(day*24*60*60, 0).UTC().Date()
	switch {
	case year < 0:
		dst = append(dst, '-')
		year = -year
	case year > 9999:
		dst = append(dst, '+')
	}
	if year > 9999 {
		dst = strconv.AppendInt(dst, int64(year), 10)
	} else {
		dst = appendTwo(appendTwo(dst, year/100), year%100)
	}
	dst = appendTwo(append(dst, '-'), int(month))
	return appendTwo(append(dst, '-'), date)
}

func appendClock(dst []byte, micros int64) []byte {
	seconds := int(micros / 1e6)
	dst = appendTwo(dst, seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if rest := int(micros % 1e6); rest != 0 {
		dst = appendTwo(append(dst, '.'), rest/10000)
		dst = appendTwo(appendTwo(dst, rest/100%100), rest%100)
	}
	return dst
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[from:i]...)
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
