package rows

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// zeros is what columns of nulls share. Nobody writes to it.
var zeros [1 << 20]byte

// Nulls returns a column of n nulls. That of a flat type takes no memory to speak of, unless n is large, so that rows of many
// columns most of which are missing are cheap.
func Nulls(dt arrow.DataType, n int) arrow.Array {
	flat := func(buffers ...*memory.Buffer) arrow.Array {
		all := append([]*memory.Buffer{zeroed(int(bitutil.BytesForBits(int64(n))))}, buffers...)
		return array.MakeFromData(array.NewData(dt, n, all, nil, n, 0))
	}
	switch t := dt.(type) {
	case *arrow.NullType:
		return array.NewNull(n)
	case *arrow.StringType, *arrow.BinaryType:
		return flat(zeroed(4*(n+1)), memory.NewBufferBytes(nil))
	case *arrow.DictionaryType:
		return Nulls(t.ValueType, n)
	case *arrow.StructType, *arrow.ListType, *arrow.MapType:
		return nullsOf(dt, n)
	case arrow.FixedWidthDataType:
		return flat(zeroed(int(bitutil.BytesForBits(int64(n) * int64(t.BitWidth())))))
	}
	return nullsOf(dt, n)
}

func zeroed(n int) *memory.Buffer {
	if n <= len(zeros) {
		return memory.NewBufferBytes(zeros[:n:n])
	}
	return memory.NewBufferBytes(make([]byte, n))
}

// flat reports whether values of dt have no parts.
func flat(dt arrow.DataType) bool {
	switch dt.ID() {
	case arrow.STRUCT, arrow.LIST, arrow.MAP, arrow.NULL:
		return false
	}
	return true
}
