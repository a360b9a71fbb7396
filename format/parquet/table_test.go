package parquet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/format"
)

var (
	utcMicros   = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	naiveMicros = &arrow.TimestampType{Unit: arrow.Microsecond}
)

// everyType has a column of every type that files can hold, some nested.
func everyType() *arrow.Schema {
	list := arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.BinaryTypes.String, Nullable: true})
	deep := arrow.StructOf(
		arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		arrow.Field{Name: "at", Type: utcMicros, Nullable: true},
		arrow.Field{Name: "tags", Type: list, Nullable: true})
	var fields []arrow.Field
	for _, f := range []struct {
		name string
		t    arrow.DataType
	}{
		{"id", arrow.PrimitiveTypes.Int64}, {"flag", arrow.FixedWidthTypes.Boolean},
		{"i8", arrow.PrimitiveTypes.Int8}, {"i16", arrow.PrimitiveTypes.Int16}, {"i32", arrow.PrimitiveTypes.Int32}, {"i64", arrow.PrimitiveTypes.Int64},
		{"f32", arrow.PrimitiveTypes.Float32}, {"f64", arrow.PrimitiveTypes.Float64},
		{"d9", &arrow.Decimal128Type{Precision: 9, Scale: 2}}, {"d18", &arrow.Decimal128Type{Precision: 18, Scale: 4}}, {"d38", &arrow.Decimal128Type{Precision: 38, Scale: 10}},
		{"text", arrow.BinaryTypes.String}, {"word", arrow.BinaryTypes.String}, {"bin", arrow.BinaryTypes.Binary},
		{"day", arrow.PrimitiveTypes.Date32}, {"clock", arrow.FixedWidthTypes.Time64us}, {"ts", utcMicros}, {"naive", naiveMicros},
		{"list", list}, {"deep", deep}, {"deeps", arrow.ListOfField(arrow.Field{Name: "element", Type: deep, Nullable: true})},
		{"map", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)},
	} {
		fields = append(fields, arrow.Field{Name: f.name, Type: f.t, Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

// generator makes seeded values; one in nulls is null.
type generator struct {
	*rand.Rand
	nulls int
}

var words = []string{"", "a", "grün", "日本語", "O'Brien", "two words", "emoji 🙂", strings.Repeat("long", 40)}

func (g *generator) append(b array.Builder) {
	if g.nulls > 0 && g.IntN(g.nulls) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(g.IntN(2) == 0)
	case *array.Int8Builder:
		b.Append(int8(g.Uint32()))
	case *array.Int16Builder:
		b.Append(int16(g.Uint32()))
	case *array.Int32Builder:
		b.Append(pick(g, int32(g.Uint32()), math.MinInt32, math.MaxInt32, 0))
	case *array.Int64Builder:
		b.Append(pick(g, int64(g.Uint64()), math.MinInt64, math.MaxInt64, 0, int64(g.IntN(1000))))
	case *array.Float32Builder:
		b.Append(pick(g, g.Float32(), float32(math.Inf(1)), float32(math.Float64frombits(0x7ff8<<48)), float32(math.Copysign(0, -1)), math.MaxFloat32))
	case *array.Float64Builder:
		b.Append(pick(g, g.NormFloat64(), math.Inf(-1), math.Float64frombits(0x7ff8<<48), math.Copysign(0, -1), math.SmallestNonzeroFloat64))
	case *array.Decimal128Builder:
		p := b.Type().(*arrow.Decimal128Type).Precision
		most := decimal128.GetMaxValue(p)
		b.Append(pick(g, decimal128.FromI64(int64(g.IntN(1e9))-5e8), most, most.Negate()))
	case *array.StringBuilder:
		b.Append(pick(g, words[g.IntN(len(words))], fmt.Sprintf("%x", g.Uint64()), "x"))
	case *array.BinaryBuilder:
		v := make([]byte, g.IntN(12))
		for i := range v {
			v[i] = byte(g.Uint32())
		}
		b.Append(v)
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(words[g.IntN(len(words))]); err != nil {
			panic(err)
		}
	case *array.Date32Builder:
		b.Append(arrow.Date32(g.IntN(200_000) - 100_000))
	case *array.Time64Builder:
		b.Append(arrow.Time64(g.Int64N(86_400_000_000)))
	case *array.TimestampBuilder:
		const year1, year9999 = -62_135_596_800_000_000, 253_402_300_799_999_999
		b.Append(pick(g, arrow.Timestamp(g.Int64N(2e15)), -1, year1, year9999))
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			g.append(b.FieldBuilder(i))
		}
	case *array.ListBuilder:
		b.Append(true)
		for range g.IntN(4) {
			g.append(b.ValueBuilder())
		}
	case *array.MapBuilder:
		b.Append(true)
		for i := range g.IntN(3) {
			b.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprint("k", i))
			g.append(b.ItemBuilder())
		}
	default:
		panic(fmt.Sprintf("no generator for %T", b))
	}
}

func pick[T any](g *generator, usual T, rare ...T) T {
	if i := g.IntN(4 * len(rare)); i < len(rare) {
		return rare[i]
	}
	return usual
}

// batch makes rows of s; the column id, if there is one, counts from first.
func (g *generator) batch(s *arrow.Schema, first, rows int) arrow.RecordBatch {
	columns := make([]arrow.Array, s.NumFields())
	for i, f := range s.Fields() {
		b := array.NewBuilder(memory.DefaultAllocator, f.Type)
		for n := range rows {
			if f.Name == "id" {
				b.(*array.Int64Builder).Append(int64(first + n))
			} else {
				g.append(b)
			}
		}
		columns[i] = b.NewArray()
	}
	return array.NewRecordBatch(s, columns, int64(rows))
}

// encodeFile writes a file of a row group for each of groups.
func encodeFile(t testing.TB, o format.EncodeOptions, s *arrow.Schema, groups ...[]arrow.RecordBatch) []byte {
	t.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	file, err := e.Begin(s)
	if err != nil {
		t.Fatal(err)
	}
	var runs []format.Run
	for _, recs := range groups {
		run, err := e.Encode(t.Context(), s, recs)
		if err != nil {
			t.Fatal(err)
		}
		file = append(file, run.Bytes...)
		run.Bytes = nil
		runs = append(runs, run)
	}
	end, err := e.End(s, runs)
	if err != nil {
		t.Fatal(err)
	}
	return append(file, end...)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }
