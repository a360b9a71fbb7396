package json

import (
	stdjson "encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/format"
)

// column builds a column of one row; nil is null.
func build(t *testing.T, dt arrow.DataType, fill func(array.Builder)) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	fill(b)
	return b.NewArray()
}

func TestValuesAsJSON(t *testing.T) {
	us := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	naive := &arrow.TimestampType{Unit: arrow.Microsecond}
	text := arrow.BinaryTypes.String
	for _, c := range []struct {
		name string
		dt   arrow.DataType
		fill func(array.Builder)
		want string
	}{
		{"null", text, func(b array.Builder) { b.AppendNull() }, `null`},
		{"no type", arrow.Null, func(b array.Builder) { b.AppendNull() }, `null`},
		{"bool", arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).Append(true) }, `true`},
		{"int64 max", arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(math.MaxInt64) }, `9223372036854775807`},
		{"int8", arrow.PrimitiveTypes.Int8, func(b array.Builder) { b.(*array.Int8Builder).Append(-128) }, `-128`},
		{"double", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(0.1) }, `0.1`},
		{"whole double", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(100) }, `100.0`},
		{"large double", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(1e300) }, `1e+300`},
		{"minus zero", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(math.Copysign(0, -1)) }, `-0.0`},
		{"NaN", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(math.NaN()) }, `"NaN"`},
		{"infinity", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(math.Inf(-1)) }, `"-Infinity"`},
		{"float", arrow.PrimitiveTypes.Float32, func(b array.Builder) { b.(*array.Float32Builder).Append(0.1) }, `0.1`},
		{"decimal", &arrow.Decimal128Type{Precision: 10, Scale: 2}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromI64(-150)) }, `-1.50`},
		{"small decimal", &arrow.Decimal128Type{Precision: 10, Scale: 4}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromI64(-7)) }, `-0.0007`},
		{"2^64", &arrow.Decimal128Type{Precision: 20}, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.New(1, 0)) }, `18446744073709551616`},
		{"string", text, func(b array.Builder) { b.(*array.StringBuilder).Append("a\"\\\n\t\x01é𝄞") }, `"a\"\\\n\t\u0001é𝄞"`},
		{"binary", arrow.BinaryTypes.Binary, func(b array.Builder) { b.(*array.BinaryBuilder).Append([]byte{0, 255}) }, `"AP8="`},
		{"date", arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(-1) }, `"1969-12-31"`},
		{"year 12345", arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(3789391) }, `"+12345-01-01"`},
		{"time", arrow.FixedWidthTypes.Time64us, func(b array.Builder) { b.(*array.Time64Builder).Append(86399_000_001) }, `"23:59:59.000001"`},
		{"instant", us, func(b array.Builder) { b.(*array.TimestampBuilder).Append(1704067200_500000) }, `"2024-01-01T00:00:00.500000Z"`},
		{"instant before 1970", us, func(b array.Builder) { b.(*array.TimestampBuilder).Append(-1) }, `"1969-12-31T23:59:59.999999Z"`},
		{"naive", naive, func(b array.Builder) { b.(*array.TimestampBuilder).Append(1704067200_000000) }, `"2024-01-01T00:00:00"`},
		{"list", arrow.ListOf(text), func(b array.Builder) {
			l := b.(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.StringBuilder).AppendValues([]string{"a", "b"}, []bool{true, false})
		}, `["a",null]`},
		{"map", arrow.MapOf(text, arrow.PrimitiveTypes.Int64), func(b array.Builder) {
			m := b.(*array.MapBuilder)
			m.Append(true)
			m.KeyBuilder().(*array.StringBuilder).Append("k\"")
			m.ItemBuilder().(*array.Int64Builder).Append(1)
		}, `{"k\"":1}`},
		{"struct", arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "y", Type: text, Nullable: true}), func(b array.Builder) {
			s := b.(*array.StructBuilder)
			s.Append(true)
			s.FieldBuilder(0).(*array.Int64Builder).Append(1)
			s.FieldBuilder(1).AppendNull()
		}, `{"x":1,"y":null}`},
		{"dictionary", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: text}, func(b array.Builder) {
			if err := b.(*array.BinaryDictionaryBuilder).AppendString("d"); err != nil {
				t.Fatal(err)
			}
		}, `"d"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			col := build(t, c.dt, c.fill)
			got := string(format.AppendJSON(nil, col, 0))
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if !stdjson.Valid([]byte(got)) {
				t.Errorf("%s is no JSON", got)
			}
		})
	}
}

func TestRunsOfLinesConcatenate(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "b\"", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	a := build(t, arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).AppendValues([]int64{1, 2}, nil) })
	rec := array.NewRecordBatch(arrow.NewSchema(s.Fields()[:1], nil), []arrow.Array{a}, 2)
	for codec, suffix := range map[string]string{"": ".jsonl", "gzip": ".jsonl.gz", "zstd": ".jsonl.zst"} {
		e, err := NewEncoder(format.EncodeOptions{Compression: codec})
		if err != nil {
			t.Fatal(err)
		}
		if e.Suffix() != suffix {
			t.Errorf("suffix is %s, want %s", e.Suffix(), suffix)
		}
		var file []byte
		for range 2 {
			run, err := e.Encode(t.Context(), s, []arrow.RecordBatch{rec})
			if err != nil || run.Rows != 2 || run.Size != int64(len(run.Bytes)) {
				t.Fatalf("run %+v, %v", run, err)
			}
			file = append(file, run.Bytes...)
		}
		docs, _, err := documentsOf(t, input("x"+suffix, string(file)), "", 0)
		want := []string{`{"a":1,"b\"":null}`, `{"a":2,"b\"":null}`, `{"a":1,"b\"":null}`, `{"a":2,"b\"":null}`}
		if err != nil || strings.Join(docs, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, %v", suffix, docs, err)
		}
	}
	if got := string(AppendRow(nil, rec, 1)); got != `{"a":2}` {
		t.Errorf("row is %s", got)
	}
}

func BenchmarkEncode(b *testing.B) {
	ids, names, xs := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator), array.NewFloat64Builder(memory.DefaultAllocator)
	const n = 100_000
	for i := range n {
		ids.Append(int64(i))
		names.Append("somebody at home")
		xs.Append(float64(i) / 8)
	}
	rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.String}, {Name: "x", Type: arrow.PrimitiveTypes.Float64}}, nil), []arrow.Array{ids.NewArray(), names.NewArray(), xs.NewArray()}, n)
	e, err := NewEncoder(format.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		run, err := e.Encode(b.Context(), rec.Schema(), []arrow.RecordBatch{rec})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(run.Size)
	}
}
