package rows

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// AppendJSON appends row i of r to dst as a JSON object with every column of r in order, nulls too. Values are written as
// AppendJSONValue does. It allocates nothing but what dst needs to grow.
func AppendJSON(dst []byte, r arrow.RecordBatch, i int) []byte {
	schema := r.Schema()
	dst = append(dst, '{')
	for c := range int(r.NumCols()) {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSONString(dst, schema.Field(c).Name)
		dst = append(dst, ':')
		dst = AppendJSONValue(dst, r.Column(c), i)
	}
	return append(dst, '}')
}

// AppendJSONValue appends value i of a to dst: numbers and decimals as numbers, doubles always with a point or an exponent,
// NaN and the infinities as strings, dates and times as ISO-8601 writes them, timestamps as RFC 3339 with Z, or without a zone
// if they have none, binary as base64, maps as objects, what is no UTF-8 as U+FFFD.
func AppendJSONValue(dst []byte, a arrow.Array, i int) []byte {
	if a.IsNull(i) {
		return append(dst, "null"...)
	}
	switch a := a.(type) {
	case *array.Null: // does not call its values null
		return append(dst, "null"...)
	case *array.String:
		return AppendJSONString(dst, a.Value(i))
	case *array.Dictionary:
		return AppendJSONValue(dst, a.Dictionary(), a.GetValueIndex(i))
	case *array.Int64:
		return strconv.AppendInt(dst, a.Value(i), 10)
	case *array.Int32:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Int16:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Int8:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Float64:
		return appendFloat(dst, a.Value(i), 64)
	case *array.Float32:
		return appendFloat(dst, float64(a.Value(i)), 32)
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(i))
	case *array.Decimal128:
		return appendDecimal(dst, a.Value(i), a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Timestamp:
		layout := `"2006-01-02T15:04:05.999999"`
		if a.DataType().(*arrow.TimestampType).TimeZone != "" {
			layout = `"2006-01-02T15:04:05.999999Z"`
		}
		return time.UnixMicro(int64(a.Value(i))).UTC().AppendFormat(dst, layout)
	case *array.Date32:
		return time.Unix(int64(a.Value(i))*86400, 0).UTC().AppendFormat(dst, `"2006-01-02"`)
	case *array.Time64:
		return time.UnixMicro(int64(a.Value(i))).UTC().AppendFormat(dst, `"15:04:05.999999"`)
	case *array.Binary:
		dst = append(dst, '"')
		return append(base64.StdEncoding.AppendEncode(dst, a.Value(i)), '"')
	case *array.Struct:
		return appendStruct(dst, a, i)
	case *array.Map:
		return appendMap(dst, a, i)
	case *array.List:
		from, to := a.ValueOffsets(i)
		dst = append(dst, '[')
		for j := from; j < to; j++ {
			if j > from {
				dst = append(dst, ',')
			}
			dst = AppendJSONValue(dst, a.ListValues(), int(j))
		}
		return append(dst, ']')
	}
	return AppendJSONString(dst, a.ValueStr(i))
}

func appendStruct(dst []byte, a *array.Struct, i int) []byte {
	fields := a.DataType().(*arrow.StructType)
	dst = append(dst, '{')
	for f := range a.NumField() {
		if f > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSONString(dst, fields.Field(f).Name)
		dst = append(dst, ':')
		dst = AppendJSONValue(dst, a.Field(f), i)
	}
	return append(dst, '}')
}

func appendMap(dst []byte, a *array.Map, i int) []byte {
	from, to := a.ValueOffsets(i)
	dst = append(dst, '{')
	for j := int(from); j < int(to); j++ {
		if j > int(from) {
			dst = append(dst, ',')
		}
		at := len(dst)
		dst = AppendJSONValue(dst, a.Keys(), j)
		if dst[at] != '"' { // the key of an object is a string, whatever it stands for
			dst = append(dst, '"', '"')
			copy(dst[at+1:], dst[at:len(dst)-2])
			dst[at] = '"'
		}
		dst = append(dst, ':')
		dst = AppendJSONValue(dst, a.Items(), j)
	}
	return append(dst, '}')
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	format := byte('f')
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	at := len(dst)
	dst = strconv.AppendFloat(dst, v, format, -1, bits)
	for _, c := range dst[at:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...) // so that a reader that infers takes it for a double again
}

// appendDecimal writes all digits of v, scale of them after the point.
func appendDecimal(dst []byte, v decimal128.Num, scale int32) []byte {
	negative := v.Sign() < 0
	if negative {
		v = v.Negate()
	}
	high, low := uint64(v.HighBits()), v.LowBits()
	var buf [96]byte
	at := len(buf)
	for digits := int32(0); high|low != 0 || digits <= max(scale, 0); digits++ {
		if digits == scale && scale > 0 {
			at--
			buf[at] = '.'
		}
		var digit uint64
		high, low, digit = divTen(high, low)
		at--
		buf[at] = byte('0' + digit)
	}
	if negative {
		at--
		buf[at] = '-'
	}
	dst = append(dst, buf[at:]...)
	for ; scale < 0 && v.Sign() != 0; scale++ {
		dst = append(dst, '0')
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// AppendJSONString appends s to dst as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
