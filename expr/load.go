package expr

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// load makes a vector of a column. Values are shared with it where their width allows.
func load(a arrow.Array) (*vector, error) {
	v := &vector{}
	switch a := a.(type) {
	case *array.Null:
		return nullVector(), nil
	case *array.Boolean:
		v.bools = make([]bool, a.Len())
		for i := range v.bools {
			v.bools[i] = a.Value(i)
		}
	case *array.Int8:
		v.ints = widen(a.Int8Values())
	case *array.Int16:
		v.ints = widen(a.Int16Values())
	case *array.Int32:
		v.ints = widen(a.Int32Values())
	case *array.Date32:
		v.ints = widen(a.Date32Values())
	case *array.Int64:
		v.ints = a.Int64Values()
	case *array.Time64:
		v.ints = arrow.Int64Traits.CastFromBytes(arrow.Time64Traits.CastToBytes(a.Time64Values()))
	case *array.Timestamp:
		v.ints = arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(a.TimestampValues()))
	case *array.Float32:
		v.floats = make([]float64, a.Len())
		for i, f := range a.Float32Values() {
			v.floats[i] = float64(f)
		}
	case *array.Float64:
		v.floats = a.Float64Values()
	case *array.Decimal128:
		v.decs = a.Values()
	case *array.String:
		v.texts = slicesOf(a.Data().Buffers()[2], a.ValueOffsets(), a.Len())
	case *array.Binary:
		v.texts = slicesOf(a.Data().Buffers()[2], a.ValueOffsets(), a.Len())
	case *array.Dictionary:
		values, err := load(a.Dictionary())
		if err != nil {
			return nil, err
		}
		return values.withNull(a.Dictionary().Len()).gather(dictionaryIndex(a)), nil
	case *array.Struct, *array.List, *array.Map:
		v.array = a
	default:
		return nil, fault.Errorf(fault.Internal, "a column of type %s has no place in a batch", a.DataType())
	}
	if a.NullN() > 0 {
		v.nulls = make([]bool, a.Len())
		for i := range v.nulls {
			v.nulls[i] = a.IsNull(i)
		}
	}
	return v, nil
}

// slicesOf returns the n texts between offsets, in the memory of bytes.
func slicesOf(bytes *memory.Buffer, offsets []int32, n int) []string {
	texts := make([]string, n)
	if n == 0 || bytes == nil {
		return texts
	}
	all := unsafe.String(unsafe.SliceData(bytes.Bytes()), bytes.Len())
	from := offsets[0]
	for i, to := range offsets[1 : n+1] {
		texts[i], from = all[from:to], to
	}
	return texts
}

func widen[T int8 | int16 | int32 | arrow.Date32](values []T) []int64 {
	out := make([]int64, len(values))
	for i, x := range values {
		out[i] = int64(x)
	}
	return out
}

// withNull returns v, which has n rows, with one more, which is null.
func (v *vector) withNull(n int) *vector {
	if v.konst {
		return v
	}
	out := &vector{nulls: make([]bool, n+1), texts: make([]string, n+1), errs: v.errs}
	copy(out.nulls, v.nulls)
	copy(out.texts, v.texts)
	out.nulls[n] = true
	return out
}

// dictionaryIndex returns the place of each row's value in the dictionary of d, one past its end for a null.
func dictionaryIndex(d *array.Dictionary) []int32 {
	past := int32(d.Dictionary().Len())
	if index, ok := d.Indices().(*array.Int32); ok && d.NullN() == 0 {
		return index.Int32Values()
	}
	out := make([]int32, d.Len())
	for i := range out {
		if d.IsNull(i) {
			out[i] = past
		} else {
			out[i] = int32(d.GetValueIndex(i))
		}
	}
	return out
}

// fieldOf returns the column at path below a, null where a struct on the way is null; nil if there is no such field.
func fieldOf(a arrow.Array, path []string) arrow.Array {
	for _, name := range path {
		s, ok := a.(*array.Struct)
		if !ok {
			return nil
		}
		i, ok := s.DataType().(*arrow.StructType).FieldIdx(name)
		if !ok {
			return nil
		}
		a = maskedBy(s.Field(i), s)
	}
	return a
}

// maskedBy returns the field a of s with nulls where s is null.
func maskedBy(a arrow.Array, s *array.Struct) arrow.Array {
	if s.NullN() == 0 || a.DataType().ID() == arrow.NULL {
		return a
	}
	nulls := make([]bool, a.Len())
	for i := range nulls {
		nulls[i] = s.IsNull(i) || a.IsNull(i)
	}
	off := a.Data().Offset()
	shifted := make([]bool, off+len(nulls)) // the bitmap has the offset of the values
	copy(shifted[off:], nulls)
	validity, _ := packValid(shifted)
	buffers := append([]*memory.Buffer{validity}, a.Data().Buffers()[1:]...)
	count := 0
	for _, null := range nulls {
		if null {
			count++
		}
	}
	if d, ok := a.(*array.Dictionary); ok {
		return array.MakeFromData(array.NewDataWithDictionary(a.DataType(), a.Len(), buffers, count, off, d.Dictionary().Data().(*array.Data)))
	}
	return array.MakeFromData(array.NewData(a.DataType(), a.Len(), buffers, a.Data().Children(), count, off))
}

// sameKind reports whether a batch's column of type got can stand where typ was bound.
func sameKind(typ, got arrow.DataType) bool {
	return got.ID() == arrow.NULL || rows.SameType(typ, got)
}
