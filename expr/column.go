package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/rows"
)

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

// textDictionary makes a dictionary column whose row i is row index[i] of v, which has size rows.
func (v *vector) textDictionary(size int, index []int32) arrow.Array {
	v = v.expand(size)
	codes, seen := make([]int32, size), make(map[string]int32, size)
	distinct := &vector{}
	for i, s := range v.texts {
		if v.isNull(i) {
			codes[i] = -1
			continue
		}
		code, ok := seen[s]
		if !ok {
			code = int32(len(seen))
			seen[s] = code
			distinct.texts = append(distinct.texts, s)
		}
		codes[i] = code
	}
	indices := pick(codes, index)
	var nulls []bool
	if v.nulls != nil {
		nulls = make([]bool, len(indices))
		for i, code := range indices {
			if code < 0 {
				nulls[i], indices[i] = true, 0
			}
		}
	}
	validity, count := packValid(nulls)
	values := distinct.column(textType, len(distinct.texts)).Data().(*array.Data)
	buffers := []*memory.Buffer{validity, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(indices))}
	return array.MakeFromData(array.NewDataWithDictionary(rows.TextDictionary, len(indices), buffers, count, 0, values))
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
