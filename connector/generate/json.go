package generate

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// appendJSON appends the i-th value of an array of a type that kind rows makes.
func appendJSON(dst []byte, of arrow.Array, i int, legacy bool) []byte {
	if of.IsNull(i) {
		return append(dst, "null"...)
	}
	switch a := of.(type) {
	case *array.Int64:
		return strconv.AppendInt(dst, a.Value(i), 10)
	case *array.Float64:
		return appendNumber(dst, a.Value(i))
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(i))
	case *array.String:
		return appendText(dst, a.Value(i))
	case *array.Dictionary:
		return appendJSON(dst, a.Dictionary(), a.GetValueIndex(i), legacy)
	case *array.Timestamp:
		dst = appendStamp(append(dst, '"'), int64(a.Value(i)), legacy)
		return append(dst, '"')
	case *array.List:
		from, to := a.ValueOffsets(i)
		dst = append(dst, '[')
		for k := from; k < to; k++ {
			if k > from {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, a.ListValues(), int(k), legacy)
		}
		return append(dst, ']')
	case *array.Struct:
		dst = append(dst, '{')
		for k, f := range a.DataType().(*arrow.StructType).Fields() {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, f.Name), ':')
			dst = appendJSON(dst, a.Field(k), i, legacy)
		}
		return append(dst, '}')
	}
	panic("generate: no JSON of " + of.DataType().String())
}

// appendNumber appends a double so that it reads as one again, in the shortest form; what JSON cannot say is null.
func appendNumber(dst []byte, v float64) []byte {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return append(dst, "null"...)
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return append(strconv.AppendInt(dst, int64(v), 10), ".0"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

func appendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}
