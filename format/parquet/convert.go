package parquet

import (
	"encoding/hex"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/gros-lake/gros/fault"
)

// conversion turns arrays as the library reads them into those of a canonical type. A nil leaf and no children: as they are.
type conversion struct {
	path     string
	to       arrow.DataType
	leaf     func(path string, a arrow.Array) (arrow.Array, error)
	children []*conversion
}

// conversionOf says how column f of a file of schema s is converted.
func conversionOf(path string, f *pqarrow.SchemaField, s *schema.Schema) (*conversion, error) {
	c := &conversion{path: path, to: f.Field.Type}
	switch t := f.Field.Type.(type) {
	case *arrow.BooleanType, *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Float32Type, *arrow.Float64Type,
		*arrow.StringType, *arrow.BinaryType, *arrow.Date32Type, *arrow.NullType:
	case *arrow.Decimal128Type:
		if t.Precision < 1 || t.Scale < 0 || t.Scale > t.Precision {
			return nil, unsupported(path, t)
		}
	case *arrow.Uint8Type:
		c.to, c.leaf = arrow.PrimitiveTypes.Int16, widened[uint8, int16]
	case *arrow.Uint16Type:
		c.to, c.leaf = arrow.PrimitiveTypes.Int32, widened[uint16, int32]
	case *arrow.Uint32Type:
		c.to, c.leaf = arrow.PrimitiveTypes.Int64, widened[uint32, int64]
	case *arrow.Uint64Type:
		c.to, c.leaf = &arrow.Decimal128Type{Precision: 20}, decimals
	case *arrow.Float16Type:
		c.to, c.leaf = arrow.PrimitiveTypes.Float32, floats
	case *arrow.Time32Type:
		c.to, c.leaf = arrow.FixedWidthTypes.Time64us, milliTimes
	case *arrow.Time64Type:
		if t.Unit == arrow.Nanosecond {
			c.to, c.leaf = arrow.FixedWidthTypes.Time64us, divided
		}
	case *arrow.TimestampType:
		zone := t.TimeZone
		if s.Column(f.ColIndex).PhysicalType() == parquet.Types.Int96 {
			zone = "" // what an INT96 is relative to is not in the file
		}
		c.to = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: zone}
		switch {
		case t.Unit == arrow.Nanosecond:
			c.leaf = divided
		case t.Unit == arrow.Millisecond:
			c.leaf = multiplied
		case zone != t.TimeZone:
			c.leaf = func(_ string, a arrow.Array) (arrow.Array, error) { return a, nil }
		}
	case *arrow.FixedSizeBinaryType:
		if _, ok := s.Column(f.ColIndex).LogicalType().(schema.UUIDLogicalType); ok && t.ByteWidth == 16 {
			c.to, c.leaf = arrow.BinaryTypes.String, uuids
		} else {
			c.to, c.leaf = arrow.BinaryTypes.Binary, fixedBinaries
		}
	case arrow.ExtensionType:
		if t.ExtensionName() != "arrow.uuid" {
			return nil, unsupported(path, t)
		}
		c.to, c.leaf = arrow.BinaryTypes.String, uuids
	case *arrow.DictionaryType:
		if t.ValueType.ID() != arrow.STRING {
			return nil, unsupported(path, t)
		}
		c.to = dictionaryType
	case *arrow.StructType, *arrow.ListType, *arrow.MapType:
		return c, c.nested(f, s)
	default:
		return nil, unsupported(path, t)
	}
	return c, nil
}

func unsupported(path string, t arrow.DataType) error {
	err := fault.Errorf(fault.Invalid, "column %s: %s cannot be read", path, t)
	return fault.Hint(err, "name the other columns to leave it out")
}

func (c *conversion) nested(f *pqarrow.SchemaField, s *schema.Schema) error {
	child := func(path string, f *pqarrow.SchemaField) (*conversion, error) {
		k, err := conversionOf(path, f, s)
		if err == nil {
			c.children = append(c.children, k)
		}
		return k, err
	}
	switch t := f.Field.Type.(type) {
	case *arrow.StructType:
		fields := make([]arrow.Field, len(f.Children))
		for i := range f.Children {
			k, err := child(c.path+"."+t.Field(i).Name, &f.Children[i])
			if err != nil {
				return err
			}
			fields[i] = arrow.Field{Name: t.Field(i).Name, Type: k.to, Nullable: t.Field(i).Nullable}
		}
		c.to = arrow.StructOf(fields...)
	case *arrow.ListType:
		k, err := child(c.path+".element", &f.Children[0])
		if err != nil {
			return err
		}
		c.to = arrow.ListOfField(arrow.Field{Name: "element", Type: k.to, Nullable: t.ElemField().Nullable})
	case *arrow.MapType:
		entries := &f.Children[0]
		key, err := conversionOf(c.path+".key", &entries.Children[0], s)
		if err != nil {
			return err
		}
		value, err := conversionOf(c.path+".value", &entries.Children[1], s)
		if err != nil {
			return err
		}
		m := arrow.MapOf(key.to, value.to)
		m.SetItemNullable(t.ItemField().Nullable)
		c.to = m
		c.children = []*conversion{{path: c.path, to: m.Elem(), children: []*conversion{key, value}}}
	}
	return nil
}

// apply returns a in its canonical type.
func (c *conversion) apply(a arrow.Array) (arrow.Array, error) {
	if c.leaf != nil {
		out, err := c.leaf(c.path, a)
		if err != nil {
			return nil, err
		}
		d := out.Data()
		return array.MakeFromData(array.NewData(c.to, d.Len(), d.Buffers(), d.Children(), d.NullN(), d.Offset())), nil
	}
	if len(c.children) == 0 {
		return a, nil
	}
	d := a.Data()
	children := make([]arrow.ArrayData, len(c.children))
	for i, k := range c.children {
		child, err := k.apply(array.MakeFromData(d.Children()[i]))
		if err != nil {
			return nil, err
		}
		children[i] = child.Data()
	}
	return array.MakeFromData(array.NewData(c.to, d.Len(), d.Buffers(), children, d.NullN(), d.Offset())), nil
}

// fixed makes an array of n values of t from their bytes with the nulls of a.
func fixed(t arrow.DataType, a arrow.Array, values []byte) arrow.Array {
	return array.MakeFromData(array.NewData(t, a.Len(), []*memory.Buffer{nulls(a), memory.NewBufferBytes(values)}, nil, a.NullN(), 0))
}

// nulls is the validity bitmap of a, from its first row on.
func nulls(a arrow.Array) *memory.Buffer {
	if a.NullN() == 0 {
		return nil
	}
	bits := make([]byte, bitutil.BytesForBits(int64(a.Len())))
	bitutil.CopyBitmap(a.NullBitmapBytes(), a.Data().Offset(), a.Len(), bits, 0)
	return memory.NewBufferBytes(bits)
}

func valuesOf[T arrow.FixedWidthType](d arrow.ArrayData) []T {
	if d.Len() == 0 {
		return nil // it may have no buffer
	}
	return arrow.GetData[T](d.Buffers()[1].Bytes())[d.Offset() : d.Offset()+d.Len()]
}

func widened[F uint8 | uint16 | uint32, T int16 | int32 | int64](_ string, a arrow.Array) (arrow.Array, error) {
	out := make([]T, a.Len())
	for i, v := range valuesOf[F](a.Data()) {
		out[i] = T(v)
	}
	return fixed(arrow.GetDataType[T](), a, arrow.GetBytes(out)), nil
}

func decimals(_ string, a arrow.Array) (arrow.Array, error) {
	out := make([]decimal128.Num, a.Len())
	for i, v := range valuesOf[uint64](a.Data()) {
		out[i] = decimal128.FromU64(v)
	}
	return fixed(&arrow.Decimal128Type{Precision: 20}, a, arrow.Decimal128Traits.CastToBytes(out)), nil
}

func floats(_ string, a arrow.Array) (arrow.Array, error) {
	out := make([]float32, a.Len())
	for i, v := range a.(*array.Float16).Values() {
		out[i] = v.Float32()
	}
	return fixed(arrow.PrimitiveTypes.Float32, a, arrow.GetBytes(out)), nil
}

func milliTimes(_ string, a arrow.Array) (arrow.Array, error) {
	out := make([]int64, a.Len())
	for i, v := range valuesOf[int32](a.Data()) {
		out[i] = int64(v) * 1000
	}
	return fixed(arrow.PrimitiveTypes.Int64, a, arrow.GetBytes(out)), nil
}

// divided turns nanoseconds into microseconds.
func divided(path string, a arrow.Array) (arrow.Array, error) {
	out := make([]int64, a.Len())
	for i, v := range valuesOf[int64](a.Data()) {
		if v%1000 != 0 && a.IsValid(i) {
			err := fault.Errorf(fault.Invalid, "column %s: %d ns is no whole number of microseconds", path, v)
			return nil, fault.Hint(err, "round the column in the program that writes it, or name the other columns to leave it out")
		}
		out[i] = v / 1000
	}
	return fixed(arrow.PrimitiveTypes.Int64, a, arrow.GetBytes(out)), nil
}

// multiplied turns milliseconds into microseconds.
func multiplied(path string, a arrow.Array) (arrow.Array, error) {
	out := make([]int64, a.Len())
	for i, v := range valuesOf[int64](a.Data()) {
		if (v > math.MaxInt64/1000 || v < math.MinInt64/1000) && a.IsValid(i) {
			return nil, fault.Errorf(fault.Invalid, "column %s: %d ms is too far from 1970 for microseconds", path, v)
		}
		out[i] = v * 1000
	}
	return fixed(arrow.PrimitiveTypes.Int64, a, arrow.GetBytes(out)), nil
}

func uuids(_ string, a arrow.Array) (arrow.Array, error) {
	const width = 36
	if e, ok := a.(array.ExtensionArray); ok {
		a = e.Storage()
	}
	return texts(arrow.BinaryTypes.String, a.(*array.FixedSizeBinary), width, func(out, v []byte) {
		hex.Encode(out, v[:4])
		hex.Encode(out[9:], v[4:6])
		hex.Encode(out[14:], v[6:8])
		hex.Encode(out[19:], v[8:10])
		hex.Encode(out[24:], v[10:])
		out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	})
}

func fixedBinaries(_ string, a arrow.Array) (arrow.Array, error) {
	f := a.(*array.FixedSizeBinary)
	width := f.DataType().(*arrow.FixedSizeBinaryType).ByteWidth
	return texts(arrow.BinaryTypes.Binary, f, width, func(out, v []byte) { copy(out, v) })
}

// texts makes values of width bytes of those of a.
func texts(t arrow.DataType, a *array.FixedSizeBinary, width int, put func(out, v []byte)) (arrow.Array, error) {
	offsets := make([]int32, 1, a.Len()+1)
	text := make([]byte, (a.Len()-a.NullN())*width)
	at := 0
	for i := range a.Len() {
		if a.IsValid(i) {
			put(text[at:at+width], a.Value(i))
			at += width
		}
		offsets = append(offsets, int32(at))
	}
	buffers := []*memory.Buffer{nulls(a), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(text)}
	return array.MakeFromData(array.NewData(t, a.Len(), buffers, nil, a.NullN(), 0)), nil
}
