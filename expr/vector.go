package expr

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// vector holds the values of an expression for the rows of a batch: one slice, which one depends on the type. All integers,
// dates and times are ints; blobs are texts. What stands in the slice where a row is null or failed means nothing.
type vector struct {
	konst  bool   // the slices hold one value, which stands for all rows
	own    bool   // floats belong to this vector alone, which is used once: the next step may write over them
	nulls  []bool // nil: none
	errs   []rowError
	bools  []bool
	ints   []int64
	floats []float64
	decs   []decimal128.Num
	texts  []string
	array  arrow.Array // lists, structs and maps
}

// rowError is a row that has no value, which is seen only if the value is needed. The row is also null.
type rowError struct {
	row     int
	pos     int // byte offset in the expression
	message string
}

// mask is 0 for a constant and all ones otherwise: slice[i&mask] is the value of row i.
func (v *vector) mask() int {
	if v.konst {
		return 0
	}
	return -1
}

func (v *vector) isNull(i int) bool { return v.nulls != nil && v.nulls[i&v.mask()] }

// allNull reports whether v is a constant without value.
func (v *vector) allNull() bool { return v.konst && v.nulls != nil && v.nulls[0] }

// setNull makes row i of a vector of n rows null.
func (v *vector) setNull(i, n int) {
	if v.nulls == nil {
		v.nulls = make([]bool, n)
	}
	v.nulls[i] = true
}

// fail makes row i of a vector of n rows an error. A row keeps its first one.
func (v *vector) fail(i, n, pos int, message string) {
	if v.isNull(i) {
		return
	}
	v.setNull(i, n)
	v.errs = append(v.errs, rowError{i, pos, message})
}

// nullVector is a null for all rows, of every type at once.
func nullVector() *vector {
	return &vector{konst: true, nulls: []bool{true}, bools: make([]bool, 1), ints: make([]int64, 1), floats: make([]float64, 1),
		decs: make([]decimal128.Num, 1), texts: make([]string, 1)}
}

// strict returns a vector of n rows that is null or failed where one of args is; its values are the caller's to fill in.
func strict(n int, args ...*vector) *vector {
	out := &vector{}
	for _, a := range args {
		if a.nulls == nil {
			continue
		}
		if out.nulls == nil {
			out.nulls = make([]bool, n)
		}
		if a.konst {
			if a.nulls[0] {
				for i := range out.nulls {
					out.nulls[i] = true
				}
			}
		} else {
			for i, null := range a.nulls {
				out.nulls[i] = out.nulls[i] || null
			}
		}
		out.errs = append(out.errs, a.spread(n)...)
	}
	return out
}

// spread returns the errors of v, one for each of n rows when v is a constant.
func (v *vector) spread(n int) []rowError {
	if !v.konst || len(v.errs) == 0 {
		return v.errs
	}
	errs := make([]rowError, n)
	for i := range errs {
		errs[i] = v.errs[0]
		errs[i].row = i
	}
	return errs
}

// gather returns the vector whose row i is row index[i] of v.
func (v *vector) gather(index []int32) *vector {
	if v.konst {
		return v
	}
	out := &vector{bools: pick(v.bools, index), ints: pick(v.ints, index), floats: pick(v.floats, index), decs: pick(v.decs, index), texts: pick(v.texts, index)}
	if v.nulls != nil {
		out.nulls = pick(v.nulls, index)
	}
	if len(v.errs) == 0 {
		return out
	}
	failed := make(map[int]rowError, len(v.errs))
	for _, e := range v.errs {
		failed[e.row] = e
	}
	for i, from := range index {
		if e, ok := failed[int(from)]; ok {
			e.row = i
			out.errs = append(out.errs, e)
		}
	}
	return out
}

func pick[T any](values []T, index []int32) []T {
	if values == nil {
		return nil
	}
	out := make([]T, len(index))
	for i, from := range index {
		out[i] = values[from]
	}
	return out
}

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

// expand returns v with a value for each of n rows.
func (v *vector) expand(n int) *vector {
	if !v.konst {
		return v
	}
	out := v.gatherConst(n)
	out.errs = v.spread(n)
	return out
}

func (v *vector) gatherConst(n int) *vector {
	plain := *v
	plain.konst, plain.errs = false, nil
	return plain.gather(make([]int32, n))
}

// column makes an array of type typ and n rows of v.
func (v *vector) column(typ arrow.DataType, n int) arrow.Array {
	if typ.ID() == arrow.NULL {
		return array.NewNull(n)
	}
	if v.allNull() {
		return array.MakeArrayOfNull(memory.DefaultAllocator, typ, n)
	}
	if v.array != nil {
		return v.array
	}
	v = v.expand(n)
	validity, nulls := packValid(v.nulls)
	switch typ.ID() {
	case arrow.STRING, arrow.BINARY:
		return v.textColumn(typ, n, validity, nulls)
	case arrow.BOOL:
		return array.MakeFromData(array.NewData(typ, n, []*memory.Buffer{validity, memory.NewBufferBytes(packBits(v.bools))}, nil, nulls, 0))
	}
	return array.MakeFromData(array.NewData(typ, n, []*memory.Buffer{validity, memory.NewBufferBytes(v.fixedBytes(typ))}, nil, nulls, 0))
}

func (v *vector) fixedBytes(typ arrow.DataType) []byte {
	switch typ.ID() {
	case arrow.INT8:
		return arrow.Int8Traits.CastToBytes(narrow[int8](v.ints))
	case arrow.INT16:
		return arrow.Int16Traits.CastToBytes(narrow[int16](v.ints))
	case arrow.INT32, arrow.DATE32:
		return arrow.Int32Traits.CastToBytes(narrow[int32](v.ints))
	case arrow.FLOAT32:
		out := make([]float32, len(v.floats))
		for i, f := range v.floats {
			out[i] = float32(f)
		}
		return arrow.Float32Traits.CastToBytes(out)
	case arrow.FLOAT64:
		return arrow.Float64Traits.CastToBytes(v.floats)
	case arrow.DECIMAL128:
		return arrow.Decimal128Traits.CastToBytes(v.decs)
	}
	return arrow.Int64Traits.CastToBytes(v.ints)
}

func narrow[T int8 | int16 | int32](values []int64) []T {
	out := make([]T, len(values))
	for i, x := range values {
		out[i] = T(x)
	}
	return out
}

func (v *vector) textColumn(typ arrow.DataType, n int, validity *memory.Buffer, nulls int) arrow.Array {
	size := 0
	for i, s := range v.texts {
		if v.nulls == nil || !v.nulls[i] {
			size += len(s)
		}
	}
	offsets, bytes := make([]int32, n+1), make([]byte, 0, size)
	for i, s := range v.texts {
		if v.nulls == nil || !v.nulls[i] {
			bytes = append(bytes, s...)
		}
		offsets[i+1] = int32(len(bytes))
	}
	buffers := []*memory.Buffer{validity, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(bytes)}
	return array.MakeFromData(array.NewData(typ, n, buffers, nil, nulls, 0))
}

// packBits returns one bit for each of values, the first one lowest.
func packBits(values []bool) []byte {
	out := make([]byte, (len(values)+7)/8)
	whole := len(values) / 8
	for i := range whole {
		v := values[i*8 : i*8+8 : i*8+8]
		out[i] = bit(v[0]) | bit(v[1])<<1 | bit(v[2])<<2 | bit(v[3])<<3 | bit(v[4])<<4 | bit(v[5])<<5 | bit(v[6])<<6 | bit(v[7])<<7
	}
	for i, set := range values[whole*8:] {
		out[whole] |= bit(set) << i
	}
	return out
}

// bit is written so that the compiler makes no branch of it.
func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// packValid returns the validity bitmap for nulls, nil if there is none, and their number.
func packValid(nulls []bool) (*memory.Buffer, int) {
	count := 0
	for _, null := range nulls {
		if null {
			count++
		}
	}
	if count == 0 {
		return nil, 0
	}
	bits := packBits(nulls)
	for i := range bits {
		bits[i] = ^bits[i]
	}
	if rest := len(nulls) & 7; rest != 0 {
		bits[len(bits)-1] &= 1<<rest - 1
	}
	return memory.NewBufferBytes(bits), count
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
