package generate

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/rows"
)

// appendJSON appends the i-th value of an array, with stamps to the microsecond.
func appendJSON(dst []byte, of arrow.Array, i int, legacy bool) []byte {
	if of.IsNull(i) {
		return append(dst, "null"...)
	}
	switch a := of.(type) {
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
			dst = append(rows.AppendJSONString(dst, f.Name), ':')
			dst = appendJSON(dst, a.Field(k), i, legacy)
		}
		return append(dst, '}')
	}
	return rows.AppendJSONValue(dst, of, i)
}
