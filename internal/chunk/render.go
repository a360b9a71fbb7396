package chunk

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/rows"
)

// renderValue appends value i of col as Spark writes it in the name of a partition folder, before escaping. The text why is
// not empty if it cannot be written.
func renderValue(dst []byte, col arrow.Array, i int) (text []byte, why string) {
	switch a := col.(type) {
	case *array.String:
		if !utf8.ValidString(a.Value(i)) {
			return dst, "the text is not valid UTF-8"
		}
		return append(dst, a.Value(i)...), ""
	case *array.Dictionary:
		return renderValue(dst, a.Dictionary(), a.GetValueIndex(i))
	case *array.Float64:
		return appendDouble(dst, a.Value(i), 64), ""
	case *array.Float32:
		return appendDouble(dst, float64(a.Value(i)), 32), ""
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(i))).UTC().AppendFormat(dst, "2006-01-02 15:04:05.999999"), ""
	case *array.Date32, *array.Time64:
		text = rows.AppendJSONValue(dst, col, i)
		copy(text[len(dst):], text[len(dst)+1:]) // without the quotes
		return text[:len(text)-2], ""
	case *array.Boolean, *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Decimal128:
		return rows.AppendJSONValue(dst, col, i), ""
	}
	return dst, "a " + rows.TypeName(col.DataType()) + " cannot stand in a path"
}

// appendDouble writes v as Java does: with a point, and with an exponent below 1e-3 and from 1e7.
func appendDouble(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	at := len(dst)
	if size := math.Abs(v); size == 0 || size >= 1e-3 && size < 1e7 {
		dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
		for _, c := range dst[at:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, ".0"...)
	}
	var buf [32]byte
	digits := strconv.AppendFloat(buf[:0], v, 'e', -1, bits) // 1.5e+07
	e := len(digits) - 1
	for digits[e] != 'e' {
		e--
	}
	dst = append(dst, digits[:e]...)
	if !bytes.Contains(digits[:e], []byte(".")) {
		dst = append(dst, ".0"...)
	}
	exponent, err := strconv.Atoi(string(digits[e+1:]))
	if err != nil { // strconv wrote it
		panic(err)
	}
	return strconv.AppendInt(append(dst, 'E'), int64(exponent), 10)
}
