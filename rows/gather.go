package rows

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// gather copies the n values of all sources into one array of the type dt, or of its dictionary.
func gather(dt arrow.DataType, sources []source, n int) (arrow.Array, error) {
	encoded := false
	for i, s := range sources {
		if s.col == nil {
			continue
		}
		if s.col.DataType().ID() == arrow.NULL || s.col.NullN() == s.col.Len() && flat(s.col.DataType()) {
			sources[i].col = nil
			continue
		}
		encoded = encoded || s.col.DataType().ID() == arrow.DICTIONARY
		if have := Logical(s.col.DataType()); have.ID() != Logical(dt).ID() {
			return nil, fmt.Errorf("%s where %s should be", TypeName(have), TypeName(dt))
		}
	}
	if !slices.ContainsFunc(sources, func(s source) bool { return s.col != nil }) && flat(dt) {
		return Nulls(Logical(dt), n), nil
	}
	if encoded {
		if col := gatherDictionary(sources, n); col != nil {
			return col, nil
		}
	}
	dt = Logical(dt)
	switch t := dt.(type) {
	case *arrow.NullType:
		return array.NewNull(n), nil
	case *arrow.StringType, *arrow.BinaryType:
		return gatherText(dt, sources, n)
	case *arrow.BooleanType:
		return gatherBits(dt, sources, n), nil
	case *arrow.StructType:
		return gatherStruct(t, sources, n)
	case *arrow.ListType:
		return gatherLists(dt, t.Elem(), sources, n)
	case *arrow.MapType:
		return gatherLists(dt, t.Elem(), sources, n)
	case arrow.FixedWidthDataType:
		return gatherFixed(t, sources, n)
	}
	return nil, fmt.Errorf("no batch holds %s", dt)
}

func gatherFixed(dt arrow.FixedWidthDataType, sources []source, n int) (arrow.Array, error) {
	for _, s := range sources {
		if s.col != nil && !arrow.TypeEqual(s.col.DataType(), dt) {
			return nil, fmt.Errorf("%s where %s should be", TypeName(s.col.DataType()), TypeName(dt))
		}
	}
	var values []byte
	switch dt.BitWidth() {
	case 8:
		values = copyFixed[uint8](sources, n)
	case 16:
		values = copyFixed[uint16](sources, n)
	case 32:
		values = copyFixed[uint32](sources, n)
	case 64:
		values = copyFixed[uint64](sources, n)
	case 128:
		values = copyFixed[[2]uint64](sources, n)
	default:
		return nil, fmt.Errorf("no batch holds %s", dt)
	}
	return build(dt, sources, n, nil, memory.NewBufferBytes(values)), nil
}

func copyFixed[T any](sources []source, n int) []byte {
	out, k := make([]T, n), 0
	for _, s := range sources {
		to := out[k : k+s.n]
		k += s.n
		if s.col == nil {
			continue
		}
		data := s.col.Data()
		from := valuesOf[T](data, 1)
		from = from[min(data.Offset(), len(from)):]
		switch {
		case s.index == nil:
			copy(to, from)
		case s.holes:
			for i, at := range s.index {
				if at >= 0 {
					to[i] = from[at]
				}
			}
		default:
			for i, at := range s.index {
				to[i] = from[at]
			}
		}
	}
	return bytesOf(out)
}

// build makes an array of buffers that follow the validity, which it gathers.
func build(dt arrow.DataType, sources []source, n int, children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.Array {
	valid, nulls := gatherValidity(sources, n)
	all := append([]*memory.Buffer{valid}, buffers...)
	return array.MakeFromData(array.NewData(dt, n, all, children, nulls, 0))
}

// gatherValidity returns the bits of the values that are not null, nil if all are, and how many are null.
func gatherValidity(sources []source, n int) (*memory.Buffer, int) {
	any := false
	for _, s := range sources {
		any = any || s.n > 0 && s.hasNulls()
	}
	if !any {
		return nil, 0
	}
	bits, k, nulls := make([]byte, bitutil.BytesForBits(int64(n))), 0, 0
	for _, s := range sources {
		switch {
		case s.col == nil:
			nulls += s.n
		case !s.hasNulls():
			bitutil.SetBitsTo(bits, int64(k), int64(s.n), true)
		case s.index == nil:
			bitutil.CopyBitmap(s.col.NullBitmapBytes(), s.col.Data().Offset(), s.n, bits, k)
			nulls += s.col.NullN()
		default:
			for i := range s.n {
				if s.at(i) < 0 {
					nulls++
				} else {
					bitutil.SetBit(bits, k+i)
				}
			}
		}
		k += s.n
	}
	if nulls == 0 {
		return nil, 0
	}
	return memory.NewBufferBytes(bits), nulls
}

func gatherBits(dt arrow.DataType, sources []source, n int) arrow.Array {
	out, k := make([]byte, bitutil.BytesForBits(int64(n))), 0
	for _, s := range sources {
		if s.col != nil && s.n > 0 {
			data := s.col.Data()
			bits, off := data.Buffers()[1].Bytes(), data.Offset()
			if s.index == nil {
				bitutil.CopyBitmap(bits, off, s.n, out, k)
			}
			for i, at := range s.index {
				if at >= 0 && bitutil.BitIsSet(bits, off+int(at)) {
					bitutil.SetBit(out, k+i)
				}
			}
		}
		k += s.n
	}
	return build(dt, sources, n, nil, memory.NewBufferBytes(out))
}

// maxBytes is how much text one array holds: its offsets are 32 bits wide.
const maxBytes = 1<<31 - 1

func gatherText(dt arrow.DataType, sources []source, n int) (arrow.Array, error) {
	offsets, k, size := make([]int32, n+1), 0, int64(0)
	for _, s := range sources {
		size = s.textOffsets(offsets[k+1:k+1+s.n], size)
		k += s.n
		if size > maxBytes {
			return nil, fmt.Errorf("more than 2 GiB of text in %d rows", n)
		}
	}
	out, k := make([]byte, size), 0
	for _, s := range sources {
		s.copyText(out, offsets[k:k+s.n+1])
		k += s.n
	}
	return build(dt, sources, n, nil, memory.NewBufferBytes(bytesOf(offsets)), memory.NewBufferBytes(out)), nil
}

// textOffsets writes where each value of s ends when the first begins at size, and returns the last.
func (s source) textOffsets(ends []int32, size int64) int64 {
	col := s.col
	d, encoded := col.(*array.Dictionary)
	if encoded {
		col = d.Dictionary()
	}
	var from []int32
	if col != nil {
		from = offsetsOf(col.Data())
	}
	nulls := s.hasNulls()
	for i := range ends {
		at := i
		if nulls {
			at = s.at(i)
		} else if s.index != nil {
			at = int(s.index[i])
		}
		if at >= 0 {
			if encoded {
				at = d.GetValueIndex(at)
			}
			size += int64(from[at+1] - from[at])
		}
		ends[i] = int32(size)
	}
	return size
}

func (s source) copyText(out []byte, offsets []int32) {
	if s.col == nil || s.n == 0 {
		return
	}
	col := s.col
	d, encoded := col.(*array.Dictionary)
	if encoded {
		col = d.Dictionary()
	}
	from, buffer := offsetsOf(col.Data()), col.Data().Buffers()[2]
	if buffer == nil || col.Len() == 0 {
		return
	}
	text := buffer.Bytes()
	if s.index == nil && !encoded && int(from[s.n]-from[0]) == int(offsets[s.n]-offsets[0]) {
		copy(out[offsets[0]:], text[from[0]:from[s.n]])
		return
	}
	for i := range s.n {
		to := out[offsets[i]:offsets[i+1]]
		if len(to) == 0 {
			continue // empty, or null
		}
		at := i
		if s.index != nil {
			at = int(s.index[i])
		}
		if encoded {
			at = d.GetValueIndex(at)
		}
		copy(to, text[from[at]:])
	}
}

func gatherStruct(dt *arrow.StructType, sources []source, n int) (arrow.Array, error) {
	fields := dt.Fields()
	children := make([]arrow.ArrayData, len(fields))
	inner := make([]source, len(sources))
	for i, s := range sources {
		inner[i] = s.masked()
	}
	for f := range fields {
		of := append([]source(nil), inner...)
		for i, s := range sources {
			of[i].col = nil
			if st, ok := s.col.(*array.Struct); ok {
				if at, ok := st.DataType().(*arrow.StructType).FieldIdx(fields[f].Name); ok {
					of[i].col = st.Field(at)
				}
			}
		}
		child, err := gather(fields[f].Type, of, n)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", fields[f].Name, err)
		}
		fields[f].Type = child.DataType()
		children[f] = child.Data()
	}
	return build(arrow.StructOf(fields...), sources, n, children), nil
}

// masked is s with -1 in its index for what is null: so the fields of null structs become null.
func (s source) masked() source {
	if s.col == nil || s.col.NullN() == 0 {
		return s
	}
	index := make([]int32, s.n)
	for i := range index {
		index[i] = int32(s.at(i))
	}
	return source{col: s.col, index: index, n: s.n, holes: true}
}

func gatherLists(dt, elem arrow.DataType, sources []source, n int) (arrow.Array, error) {
	offsets, size := make([]int32, 1, n+1), int64(0)
	inner := make([]source, len(sources))
	for i, s := range sources {
		list, ok := s.col.(array.ListLike)
		if !ok {
			for range s.n {
				offsets = append(offsets, int32(size))
			}
			continue
		}
		index := []int32{}
		for row := range s.n {
			if at := s.at(row); at >= 0 {
				from, to := list.ValueOffsets(at)
				for ; from < to; from++ {
					index = append(index, int32(from))
				}
			}
			if size+int64(len(index)) > maxBytes {
				return nil, fmt.Errorf("more than 2^31 elements in %d lists", n)
			}
			offsets = append(offsets, int32(size)+int32(len(index)))
		}
		size += int64(len(index))
		inner[i] = source{col: list.ListValues(), index: index, n: len(index)}
	}
	child, err := gather(elem, inner, int(size))
	if err != nil {
		return nil, fmt.Errorf("elements: %w", err)
	}
	switch t := dt.(type) {
	case *arrow.MapType:
		entries := child.DataType().(*arrow.StructType)
		dt = arrow.MapOf(entries.Field(0).Type, entries.Field(1).Type)
	case *arrow.ListType:
		field := t.ElemField()
		field.Type = child.DataType()
		dt = arrow.ListOfField(field)
	}
	return build(dt, sources, n, []arrow.ArrayData{child.Data()}, memory.NewBufferBytes(bytesOf(offsets))), nil
}
