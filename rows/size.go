package rows

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Size is the number of bytes that the rows of r take in memory. What several columns share counts once; of a slice, its
// share counts, though it keeps the whole alive.
func Size(r arrow.RecordBatch) int64 {
	if r == nil {
		return 0
	}
	var s sizer
	for _, col := range r.Columns() {
		s.add(col)
	}
	return s.total
}

// sizer adds up ranges of buffers, each once.
type sizer struct {
	total int64
	seen  []*byte // where the ranges begin: while they are few, a search in order is quick
	many  map[*byte]bool
}

// fewRanges is how many are searched in order.
const fewRanges = 128

// fresh reports whether a range was not seen before.
func (s *sizer) fresh(first *byte) bool {
	if s.many != nil {
		seen := s.many[first]
		s.many[first] = true
		return !seen
	}
	for _, p := range s.seen {
		if p == first {
			return false
		}
	}
	if s.seen = append(s.seen, first); len(s.seen) > fewRanges {
		s.many = make(map[*byte]bool, 4*fewRanges)
		for _, p := range s.seen {
			s.many[p] = true
		}
	}
	return true
}

func (s *sizer) add(a arrow.Array) {
	n := a.Len()
	if n == 0 {
		return
	}
	data := a.Data()
	if a.NullN() > 0 {
		s.bits(data, 0, n)
	}
	switch a := a.(type) {
	case *array.Null:
	case *array.Boolean:
		s.bits(data, 1, n)
	case *array.String, *array.Binary:
		s.offsets(data, n)
		offsets := offsetsOf(data)
		s.bytes(data, 2, int(offsets[0]), int(offsets[n]))
	case *array.Dictionary:
		s.bytes(data, 1, data.Offset()*4, (data.Offset()+n)*4)
		s.add(a.Dictionary())
	case *array.Struct:
		for i := range a.NumField() {
			s.add(a.Field(i))
		}
	case *array.List:
		s.list(data, a, n)
	case *array.Map:
		s.list(data, a, n)
	default:
		if t, ok := a.DataType().(arrow.FixedWidthDataType); ok {
			w := t.BitWidth() / 8
			s.bytes(data, 1, data.Offset()*w, (data.Offset()+n)*w)
		}
	}
}

func (s *sizer) list(data arrow.ArrayData, a array.ListLike, n int) {
	s.offsets(data, n)
	offsets := offsetsOf(data)
	s.add(array.NewSlice(a.ListValues(), int64(offsets[0]), int64(offsets[n])))
}

func (s *sizer) bits(data arrow.ArrayData, buffer, n int) {
	s.bytes(data, buffer, data.Offset()/8, (data.Offset()+n+7)/8)
}

func (s *sizer) offsets(data arrow.ArrayData, n int) {
	s.bytes(data, 1, data.Offset()*4, (data.Offset()+n+1)*4)
}

// bytes counts a range of a buffer of data.
func (s *sizer) bytes(data arrow.ArrayData, buffer, from, to int) {
	b := data.Buffers()[buffer]
	if b == nil || from >= to || to > b.Len() {
		return
	}
	first := &b.Bytes()[from]
	if !s.fresh(first) {
		return
	}
	s.total += int64(to - from)
}

// offsetsOf returns the offsets of the values of a string, binary, list or map, one more than there are values.
func offsetsOf(data arrow.ArrayData) []int32 {
	if data.Len() == 0 {
		return []int32{0}
	}
	return valuesOf[int32](data, 1)[data.Offset() : data.Offset()+data.Len()+1]
}

// valuesOf returns a buffer of data as values of a fixed width, from the buffer's beginning.
func valuesOf[T any](data arrow.ArrayData, buffer int) []T {
	b := data.Buffers()[buffer]
	if b == nil || b.Len() == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), b.Len()/int(unsafe.Sizeof(zero)))
}

// bytesOf returns the bytes of values of a fixed width.
func bytesOf[T any](values []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(zero)))
}
