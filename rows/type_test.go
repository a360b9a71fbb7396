package rows

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

func TestTypesAreReadUnderAllTheirNames(t *testing.T) {
	for text, want := range map[string]string{
		"BOOLEAN": "boolean", "bool": "boolean", "tinyint": "tinyint", "smallint": "smallint", "int": "integer", "Integer": "integer",
		"long": "bigint", "bigint": "bigint", "real": "float", "double precision": "double", "numeric(10)": "decimal(10,0)",
		"decimal": "decimal(18,3)", "decimal( 20 , 0 )": "decimal(20,0)", "string": "varchar", "varchar(20)": "varchar", "text": "varchar",
		"uuid": "varchar", "binary": "blob", "date": "date", "time": "time", "timestamp": "timestamp", "timestamptz": "timestamptz",
		"timestamp with time zone": "timestamptz", "TIMESTAMP WITHOUT TIME ZONE": "timestamp", "null": "null",
		"list<list<int>>": "integer[][]", "bigint[]": "bigint[]", "struct<a: bigint, b: list<string>>": "struct(a bigint, b varchar[])",
		`struct("a b" bigint, "c""d" date)[]`: `struct("a b" bigint, "c""d" date)[]`, "map(varchar,struct(x double))": "map(varchar, struct(x double))",
		"struct()": "struct()", "map<int, int>": "map(integer, integer)", `struct("" int, timestamp timestamp with time zone)`: `struct("" integer, timestamp timestamptz)`,
	} {
		dt, err := ParseType(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := TypeName(dt); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
		again, err := ParseType(TypeName(dt))
		if err != nil || !SameType(dt, again) {
			t.Errorf("%s: %s comes back as %v, %v", text, TypeName(dt), again, err)
		}
		if canon, ok := Canonical(dt); !ok || canon != dt {
			t.Errorf("%s: canonical is %v, %t", text, canon, ok)
		}
	}
}

func TestWrongTypesAreErrorsThatHelp(t *testing.T) {
	for text, hint := range map[string]string{
		"bigin": "did you mean bigint?", "struct(a vrchar)": "did you mean varchar?", "timestmp": "did you mean timestamp?",
		"": "", "decimal(39,2)": "a decimal has 1 to 38 digits", "decimal(2,3)": "a decimal has 1 to 38 digits", "decimal(a)": "", "int[": "", "int]": "",
		"struct(a int": "", "struct(a int,)": "", "struct(a int, a int)": "", "map(int)": "", "list<int)": "", `struct("a int)`: "", "varchar(x)": "",
		"int int": "", "[]": "", "decimal(5,-1)": "",
	} {
		_, err := ParseType(text)
		if !fault.Is(err, fault.Invalid) || fault.HintOf(err) != hint {
			t.Errorf("%q: %v, hint %q, want %q", text, err, fault.HintOf(err), hint)
		}
	}
}

func TestCanonicalTypesHoldWhatTheyStandFor(t *testing.T) {
	for _, c := range []struct {
		in   arrow.DataType
		want string
	}{
		{arrow.PrimitiveTypes.Uint8, "smallint"}, {arrow.PrimitiveTypes.Uint16, "integer"}, {arrow.PrimitiveTypes.Uint32, "bigint"},
		{arrow.PrimitiveTypes.Uint64, "decimal(20,0)"}, {arrow.FixedWidthTypes.Float16, "float"}, {arrow.BinaryTypes.LargeString, "varchar"},
		{arrow.FixedWidthTypes.Timestamp_ns, "timestamptz"}, {&arrow.TimestampType{Unit: arrow.Second}, "timestamp"}, {arrow.FixedWidthTypes.Time32ms, "time"},
		{&arrow.FixedSizeBinaryType{ByteWidth: 16}, "blob"}, {arrow.FixedWidthTypes.Date64, "date"}, {TextDictionary, "varchar"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Uint8}, "smallint"},
		{arrow.LargeListOf(arrow.PrimitiveTypes.Uint8), "smallint[]"}, {arrow.MapOf(arrow.BinaryTypes.LargeString, arrow.PrimitiveTypes.Int8), "map(varchar, tinyint)"},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Uint32}), "struct(a bigint)"},
	} {
		got, ok := Canonical(c.in)
		if !ok || TypeName(got) != c.want {
			t.Errorf("%s: %v, %t, want %s", c.in, got, ok, c.want)
		}
	}
	for _, dt := range []arrow.DataType{arrow.FixedWidthTypes.Timestamp_us, &arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.Time64Type{Unit: arrow.Microsecond}, TextDictionary} {
		if got, ok := Canonical(dt); !ok || got != dt {
			t.Errorf("%s is carried as %v, %t, not as it is", dt, got, ok)
		}
	}
	for _, dt := range []arrow.DataType{arrow.FixedWidthTypes.Duration_s, arrow.FixedWidthTypes.MonthInterval, arrow.ListOf(arrow.FixedWidthTypes.Duration_s), &arrow.Decimal256Type{Precision: 40}} {
		if got, ok := Canonical(dt); ok {
			t.Errorf("%s is carried as %s", dt, got)
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, text := range []string{"struct(a bigint, \"b c\" varchar[])", "map(varchar, decimal(3,1))", "timestamp with time zone", "list<struct<x:int>>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dt, err := ParseType(text)
		if err != nil {
			return
		}
		again, err := ParseType(TypeName(dt))
		if err != nil || !SameType(dt, again) {
			t.Fatalf("%q is %q, which is %v, %v", text, TypeName(dt), again, err)
		}
	})
}
