package rows

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// TextDictionary is the type of a string column that holds each distinct value once.
var TextDictionary arrow.DataType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// timestampTZ and timestamp are points in time and readings of a calendar and a clock, both in microseconds.
var (
	timestampTZ arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	timestamp   arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond}
)

// TypeName is the name of dt in SQL as DuckDB writes it: "bigint", "decimal(10,2)", "varchar[]", "struct(a bigint, b varchar)",
// "map(varchar, double)". A dictionary has the name of its values; the type of an undecided column is "null". ParseType reads
// it back. A type that batches do not carry has its Arrow name.
func TypeName(dt arrow.DataType) string {
	switch t := Logical(dt).(type) {
	case *arrow.NullType:
		return "null"
	case *arrow.BooleanType:
		return "boolean"
	case *arrow.Int8Type:
		return "tinyint"
	case *arrow.Int16Type:
		return "smallint"
	case *arrow.Int32Type:
		return "integer"
	case *arrow.Int64Type:
		return "bigint"
	case *arrow.Float32Type:
		return "float"
	case *arrow.Float64Type:
		return "double"
	case *arrow.Decimal128Type:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case *arrow.StringType:
		return "varchar"
	case *arrow.BinaryType:
		return "blob"
	case *arrow.Date32Type:
		return "date"
	case *arrow.Time64Type:
		if t.Unit == arrow.Microsecond {
			return "time"
		}
	case *arrow.TimestampType:
		if t.Unit == arrow.Microsecond && t.TimeZone == "" {
			return "timestamp"
		}
		if t.Unit == arrow.Microsecond {
			return "timestamptz"
		}
	case *arrow.ListType:
		return TypeName(t.Elem()) + "[]"
	case *arrow.MapType:
		return "map(" + TypeName(t.KeyType()) + ", " + TypeName(t.ItemType()) + ")"
	case *arrow.StructType:
		return structName(t)
	}
	return dt.String()
}

func structName(t *arrow.StructType) string {
	var b strings.Builder
	b.WriteString("struct(")
	for i, f := range t.Fields() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteName(f.Name))
		b.WriteByte(' ')
		b.WriteString(TypeName(f.Type))
	}
	b.WriteByte(')')
	return b.String()
}

// quoteName returns name as it stands in the text of a type: bare when it is a word, else in double quotes.
func quoteName(name string) string {
	for i := range len(name) {
		if !isWord(name[i]) {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// Logical is the type of the values of dt: that of its dictionary if it has one.
func Logical(dt arrow.DataType) arrow.DataType {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		return d.ValueType
	}
	return dt
}

// SameType reports whether columns of a and b hold values of one type: strings are the same plain or in a dictionary, lists
// and maps whatever their inner fields are called, structs when they have the same fields in the same order.
func SameType(a, b arrow.DataType) bool {
	a, b = Logical(a), Logical(b)
	if a.ID() != b.ID() {
		return false
	}
	switch a := a.(type) {
	case *arrow.ListType:
		return SameType(a.Elem(), b.(*arrow.ListType).Elem())
	case *arrow.MapType:
		b := b.(*arrow.MapType)
		return SameType(a.KeyType(), b.KeyType()) && SameType(a.ItemType(), b.ItemType())
	case *arrow.StructType:
		b := b.(*arrow.StructType)
		if a.NumFields() != b.NumFields() {
			return false
		}
		for i, f := range a.Fields() {
			if f.Name != b.Field(i).Name || !SameType(f.Type, b.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return arrow.TypeEqual(a, b)
}

// Canonical returns the type in which batches carry the values of dt: dt itself if they carry it as it is. It is false for
// a type that no batch can carry, as a union, an interval or a duration.
func Canonical(dt arrow.DataType) (arrow.DataType, bool) {
	switch t := dt.(type) {
	case *arrow.NullType, *arrow.BooleanType, *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Float32Type, *arrow.Float64Type, *arrow.Decimal128Type, *arrow.StringType, *arrow.BinaryType, *arrow.Date32Type:
		return dt, true
	case *arrow.Uint8Type:
		return arrow.PrimitiveTypes.Int16, true
	case *arrow.Uint16Type:
		return arrow.PrimitiveTypes.Int32, true
	case *arrow.Uint32Type:
		return arrow.PrimitiveTypes.Int64, true
	case *arrow.Uint64Type:
		return &arrow.Decimal128Type{Precision: 20}, true
	case *arrow.Float16Type:
		return arrow.PrimitiveTypes.Float32, true
	case *arrow.Decimal32Type, *arrow.Decimal64Type, *arrow.Decimal256Type:
		d := dt.(arrow.DecimalType)
		return &arrow.Decimal128Type{Precision: d.GetPrecision(), Scale: d.GetScale()}, d.GetPrecision() <= maxPrecision
	case *arrow.LargeStringType, *arrow.StringViewType:
		return arrow.BinaryTypes.String, true
	case *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return arrow.BinaryTypes.Binary, true
	case *arrow.Date64Type:
		return arrow.FixedWidthTypes.Date32, true
	case *arrow.Time32Type:
		return arrow.FixedWidthTypes.Time64us, true
	case *arrow.Time64Type:
		if t.Unit == arrow.Microsecond {
			return dt, true
		}
		return arrow.FixedWidthTypes.Time64us, true
	case *arrow.TimestampType:
		switch {
		case t.Unit == arrow.Microsecond && (t.TimeZone == "" || t.TimeZone == "UTC"):
			return dt, true
		case t.TimeZone == "":
			return timestamp, true
		}
		return timestampTZ, true
	}
	return canonicalNested(dt)
}

func canonicalNested(dt arrow.DataType) (arrow.DataType, bool) {
	switch t := dt.(type) {
	case *arrow.DictionaryType:
		if t.IndexType.ID() == arrow.INT32 && t.ValueType.ID() == arrow.STRING {
			return dt, true
		}
		return Canonical(t.ValueType)
	case *arrow.RunEndEncodedType:
		return Canonical(t.Encoded())
	case *arrow.MapType:
		key, ok := Canonical(t.KeyType())
		value, fine := Canonical(t.ItemType())
		if !ok || !fine {
			return nil, false
		}
		if key == t.KeyType() && value == t.ItemType() {
			return dt, true
		}
		return arrow.MapOf(key, value), true
	case *arrow.ListType:
		elem, ok := Canonical(t.Elem())
		if ok && elem == t.Elem() {
			return dt, true
		}
		return listOf(elem), ok
	case arrow.ListLikeType:
		elem, ok := Canonical(t.Elem())
		return listOf(elem), ok
	case *arrow.StructType:
		return canonicalStruct(t)
	case arrow.ExtensionType:
		if t.ExtensionName() == "arrow.uuid" {
			return arrow.BinaryTypes.String, true
		}
		return Canonical(t.StorageType())
	}
	return nil, false
}

func canonicalStruct(t *arrow.StructType) (arrow.DataType, bool) {
	fields, changed := make([]arrow.Field, t.NumFields()), false
	for i, f := range t.Fields() {
		inner, ok := Canonical(f.Type)
		if !ok {
			return nil, false
		}
		changed = changed || inner != f.Type
		fields[i] = arrow.Field{Name: f.Name, Type: inner, Nullable: true, Metadata: f.Metadata}
	}
	if !changed {
		return t, true
	}
	return arrow.StructOf(fields...), true
}

func listOf(elem arrow.DataType) arrow.DataType {
	if elem == nil {
		return nil
	}
	return arrow.ListOf(elem)
}

// maxPrecision is the number of digits that a decimal can have.
const maxPrecision = 38

// simpleTypes are the types without parameters, under each of their names.
var simpleTypes = map[string]arrow.DataType{
	"null":    arrow.Null,
	"boolean": arrow.FixedWidthTypes.Boolean, "bool": arrow.FixedWidthTypes.Boolean,
	"tinyint": arrow.PrimitiveTypes.Int8, "int1": arrow.PrimitiveTypes.Int8,
	"smallint": arrow.PrimitiveTypes.Int16, "int2": arrow.PrimitiveTypes.Int16, "short": arrow.PrimitiveTypes.Int16,
	"integer": arrow.PrimitiveTypes.Int32, "int": arrow.PrimitiveTypes.Int32, "int4": arrow.PrimitiveTypes.Int32,
	"bigint": arrow.PrimitiveTypes.Int64, "long": arrow.PrimitiveTypes.Int64, "int8": arrow.PrimitiveTypes.Int64,
	"float": arrow.PrimitiveTypes.Float32, "real": arrow.PrimitiveTypes.Float32, "float4": arrow.PrimitiveTypes.Float32,
	"double": arrow.PrimitiveTypes.Float64, "float8": arrow.PrimitiveTypes.Float64,
	"varchar": arrow.BinaryTypes.String, "string": arrow.BinaryTypes.String, "text": arrow.BinaryTypes.String,
	"uuid": arrow.BinaryTypes.String, // folders of files hold UUIDs as their text: not all engines read the Parquet type
	"blob": arrow.BinaryTypes.Binary, "binary": arrow.BinaryTypes.Binary, "varbinary": arrow.BinaryTypes.Binary, "bytea": arrow.BinaryTypes.Binary,
	"date": arrow.FixedWidthTypes.Date32, "time": arrow.FixedWidthTypes.Time64us,
	"timestamp": timestamp, "datetime": timestamp, "timestamptz": timestampTZ,
}

// parametrised are the names that need something in brackets.
var parametrised = []string{"decimal", "numeric", "list", "struct", "map"}

func typeNames() []string {
	names := append([]string(nil), parametrised...)
	for name := range simpleTypes {
		names = append(names, name)
	}
	return names
}

// maxTypeDepth bounds how deeply the text of a type may nest.
const maxTypeDepth = 1000

func parseSize(text string) (int32, bool) {
	n, err := strconv.ParseInt(text, 10, 16)
	return int32(n), err == nil
}
