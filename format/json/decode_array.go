package json

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/rows"
)

func load32(p unsafe.Pointer, i int) *[32]byte { return (*[32]byte)(unsafe.Add(p, i)) }

func base(v []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(v)) }

func raw[T any](v []T) *memory.Buffer {
	var t T
	return memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(t))))
}

// batch gives away the rows of the root c as arrays, without a copy of what they hold.
func (c *column) batch(s *arrow.Schema) arrow.RecordBatch {
	cols := make([]arrow.Array, len(c.kids))
	same := c.made != nil
	var missing []arrow.Array // columns that nobody wrote share what they are made of
	for i, k := range c.kids {
		if k.room == 0 && k.leaf() && c.n > 0 {
			cols[i] = missingOf(&missing, k.field.Type, c.n)
		} else {
			cols[i] = array.MakeFromData(k.finish(c.n))
		}
		same = same && arrow.TypeEqual(c.made.Field(i).Type, cols[i].DataType())
	}
	if !same {
		fields, md := s.Fields(), s.Metadata()
		for i, col := range cols {
			fields[i].Type = col.DataType()
		}
		c.made = arrow.NewSchema(fields, &md)
	}
	return array.NewRecordBatch(c.made, cols, int64(c.n))
}

// leaf reports whether values of c have no parts.
func (c *column) leaf() bool {
	return c.kind != undecided && c.kind != list && c.kind != object && c.kind != mapping
}

// missingOf returns n nulls of a type out of those made before, or makes them.
func missingOf(made *[]arrow.Array, dt arrow.DataType, n int) arrow.Array {
	for _, col := range *made {
		if arrow.TypeEqual(col.DataType(), dt) {
			return col
		}
	}
	col := rows.Nulls(dt, n)
	*made = append(*made, col)
	return col
}

// finish returns the first n slots, the missing ones as null.
func (c *column) finish(n int) *array.Data {
	if c.kind == undecided {
		return array.NewData(arrow.Null, n, []*memory.Buffer{nil}, nil, n, 0)
	}
	if c.room < n || c.room == 0 {
		c.grow(max(n-1, 0))
	}
	if c.n < n {
		c.pad(n)
	}
	c.expect = n
	buffers := make([]*memory.Buffer, 1, 3)
	if c.nulls > 0 {
		buffers[0] = raw(c.valid[:(n+7)/8])
	}
	dt := c.field.Type
	var kids []arrow.ArrayData
	switch c.kind {
	case boolean:
		buffers = append(buffers, raw(c.bits[:(n+7)/8]))
	case integer, day, clock, stamp:
		buffers = append(buffers, c.narrow(n))
	case floating:
		if c.width == 32 {
			buffers = append(buffers, raw(convert[float32](c.floats[:n])))
		} else {
			buffers = append(buffers, raw(c.floats[:n]))
		}
	case decimal:
		buffers = append(buffers, raw(c.decs[:n]))
	case words, octets:
		if c.dict != nil && c.dict.len() > 32 && 2*c.dict.len() > n {
			c.spell()
		}
		if c.dict != nil {
			return c.coded(n, buffers)
		}
		c.expectData = min(len(c.data), keptText)
		buffers = append(buffers, raw(c.offsets[:n+1]), raw(c.data))
	case list:
		buffers = append(buffers, raw(c.offsets[:n+1]))
		kids = append(kids, c.item().finish(int(c.offsets[n])))
	case mapping:
		buffers = append(buffers, raw(c.offsets[:n+1]))
		m := int(c.offsets[n])
		pair := arrow.StructOf(dt.(*arrow.MapType).KeyField(), dt.(*arrow.MapType).ItemField())
		both := []arrow.ArrayData{c.kids[0].finish(m), c.kids[1].finish(m)}
		kids = append(kids, array.NewData(pair, m, []*memory.Buffer{nil}, both, 0, 0))
	case object:
		for _, k := range c.kids {
			kids = append(kids, k.finish(n))
		}
	}
	return array.NewData(dt, n, buffers, kids, c.nulls, 0)
}

// narrow returns integers in the width of their type.
func (c *column) narrow(n int) *memory.Buffer {
	switch c.field.Type.ID() {
	case arrow.INT8:
		return raw(convert[int8](c.ints[:n]))
	case arrow.INT16:
		return raw(convert[int16](c.ints[:n]))
	case arrow.INT32, arrow.DATE32:
		return raw(convert[int32](c.ints[:n]))
	}
	return raw(c.ints[:n])
}

func convert[To, From int8 | int16 | int32 | int64 | float32 | float64](from []From) []To {
	out := make([]To, len(from))
	for i, v := range from {
		out[i] = To(v)
	}
	return out
}

var coded = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// coded returns texts as ids and the dictionary that they mean.
func (c *column) coded(n int, buffers []*memory.Buffer) *array.Data {
	d := c.dict
	texts := array.NewData(arrow.BinaryTypes.String, d.len(), []*memory.Buffer{nil, raw(d.ends), raw(d.data)}, nil, 0, 0)
	return array.NewDataWithDictionary(coded, n, append(buffers, raw(c.offsets[:n])), c.nulls, 0, texts)
}
