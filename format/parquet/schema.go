package parquet

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

// storedSchema is s as files hold it: strings plain, no metadata, every type one that can be stored.
func storedSchema(s *arrow.Schema) (*arrow.Schema, error) {
	fields := make([]arrow.Field, s.NumFields())
	seen := make(map[string]bool, len(fields))
	for i, f := range s.Fields() {
		if seen[f.Name] {
			return nil, fault.Errorf(fault.Invalid, "column %s: it is twice in the schema", f.Name)
		}
		seen[f.Name] = true
		t, err := storedType(f.Name, f.Type)
		if err != nil {
			return nil, err
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	}
	return arrow.NewSchema(fields, nil), nil
}

func storedType(path string, t arrow.DataType) (arrow.DataType, error) {
	switch t := t.(type) {
	case *arrow.BooleanType, *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Float32Type, *arrow.Float64Type, *arrow.Decimal128Type, *arrow.StringType, *arrow.BinaryType, *arrow.Date32Type:
		return t, nil
	case *arrow.Time64Type:
		if t.Unit == arrow.Microsecond {
			return t, nil
		}
	case *arrow.TimestampType:
		if t.Unit == arrow.Microsecond && (t.TimeZone == "" || t.TimeZone == "UTC") {
			return t, nil
		}
	case *arrow.DictionaryType:
		if t.ValueType.ID() == arrow.STRING {
			return t.ValueType, nil
		}
	case *arrow.StructType:
		if t.NumFields() == 0 {
			err := fault.Errorf(fault.Invalid, "column %s: Parquet has no structs without fields", path)
			return nil, fault.Hint(err, "leave the column out until a field is known")
		}
		fields := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			ft, err := storedType(path+"."+f.Name, f.Type)
			if err != nil {
				return nil, err
			}
			fields[i] = arrow.Field{Name: f.Name, Type: ft, Nullable: f.Nullable}
		}
		return arrow.StructOf(fields...), nil
	case *arrow.ListType:
		e := t.ElemField()
		et, err := storedType(path+".element", e.Type)
		if err != nil {
			return nil, err
		}
		return arrow.ListOfField(arrow.Field{Name: "element", Type: et, Nullable: e.Nullable}), nil
	case *arrow.MapType:
		kt, err := storedType(path+".key", t.KeyType())
		if err != nil {
			return nil, err
		}
		vt, err := storedType(path+".value", t.ItemType())
		if err != nil {
			return nil, err
		}
		m := arrow.MapOf(kt, vt)
		m.SetItemNullable(t.ItemField().Nullable)
		return m, nil
	}
	return nil, fault.Errorf(fault.Invalid, "column %s: %s is no type of stored columns", path, t)
}

// sameType reports whether rows of type t are those of a stored column of type stored: equal but for dictionaries, names of
// list elements and nullability.
func sameType(t, stored arrow.DataType) bool {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return arrow.TypeEqual(t.ValueType, stored)
	case *arrow.StructType:
		s, ok := stored.(*arrow.StructType)
		if !ok || s.NumFields() != t.NumFields() {
			return false
		}
		for i, f := range t.Fields() {
			if f.Name != s.Field(i).Name || !sameType(f.Type, s.Field(i).Type) {
				return false
			}
		}
		return true
	case *arrow.ListType:
		s, ok := stored.(*arrow.ListType)
		return ok && sameType(t.Elem(), s.Elem())
	case *arrow.MapType:
		s, ok := stored.(*arrow.MapType)
		return ok && sameType(t.KeyType(), s.KeyType()) && sameType(t.ItemType(), s.ItemType())
	}
	return arrow.TypeEqual(t, stored)
}

// eachLeaf calls do for the leaf columns of t in the order and under the dotted paths of the file's schema.
func eachLeaf(path string, t arrow.DataType, do func(path string, t arrow.DataType)) {
	switch t := t.(type) {
	case *arrow.StructType:
		for _, f := range t.Fields() {
			eachLeaf(path+"."+f.Name, f.Type, do)
		}
	case *arrow.ListType:
		eachLeaf(path+".list.element", t.Elem(), do)
	case *arrow.MapType:
		eachLeaf(path+".key_value.key", t.KeyType(), do)
		eachLeaf(path+".key_value.value", t.ItemType(), do)
	default:
		do(path, t)
	}
}
