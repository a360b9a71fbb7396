package generate

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// newArray makes an array of its buffers but the bitmap, without a copy.
func newArray(t arrow.DataType, n int, valid *memory.Buffer, nulls int, buffers ...*memory.Buffer) arrow.Array {
	return array.MakeFromData(array.NewData(t, n, append([]*memory.Buffer{valid}, buffers...), nil, nulls, 0))
}

// fixedArray makes an array of numbers or stamps.
func fixedArray[T int64 | float64](t arrow.DataType, values []T, valid *memory.Buffer, nulls int) arrow.Array {
	return newArray(t, len(values), valid, nulls, memory.NewBufferBytes(arrow.GetBytes(values)))
}

func int64Array(values []int64, valid *memory.Buffer, nulls int) arrow.Array {
	return fixedArray(arrow.PrimitiveTypes.Int64, values, valid, nulls)
}

// textArray makes an array of n texts that value appends; size is how many bytes they may have.
func textArray(n, size int, valid *memory.Buffer, nulls int, value func(dst []byte, i int) []byte) arrow.Array {
	offsets, data := make([]int32, n+1), make([]byte, 0, size+size/16+64)
	for i := range n {
		data = value(data, i)
		offsets[i+1] = int32(len(data))
	}
	return newArray(arrow.BinaryTypes.String, n, valid, nulls, memory.NewBufferBytes(arrow.GetBytes(offsets)), memory.NewBufferBytes(data))
}

func stringArray(texts []string) arrow.Array {
	return textArray(len(texts), 0, nil, 0, func(dst []byte, i int) []byte { return append(dst, texts[i]...) })
}

// dictArray makes an array of places in a dictionary.
func dictArray(codes []int32, dict arrow.Array, valid *memory.Buffer, nulls int) arrow.Array {
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: dict.DataType()}
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(arrow.GetBytes(codes))}
	return array.NewDictionaryData(array.NewDataWithDictionary(t, len(codes), buffers, nulls, 0, dict.Data().(*array.Data)))
}
