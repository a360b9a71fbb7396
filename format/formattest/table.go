package formattest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

var (
	utc   = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	naive = &arrow.TimestampType{Unit: arrow.Microsecond}
)

// schema has a column of every type that batches may have, under names that ask for care.
func schema() *arrow.Schema {
	field := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	return arrow.NewSchema([]arrow.Field{
		field("id", arrow.PrimitiveTypes.Int64),
		field("bool", arrow.FixedWidthTypes.Boolean),
		field("int8", arrow.PrimitiveTypes.Int8),
		field("int16", arrow.PrimitiveTypes.Int16),
		field("int32", arrow.PrimitiveTypes.Int32),
		field("int64", arrow.PrimitiveTypes.Int64),
		field("float32", arrow.PrimitiveTypes.Float32),
		field("float64", arrow.PrimitiveTypes.Float64),
		field("decimal", &arrow.Decimal128Type{Precision: 20, Scale: 3}),
		field("text", arrow.BinaryTypes.String),
		field("TEXT", arrow.BinaryTypes.String),
		field("a, \"b\".c é\n", arrow.BinaryTypes.String),
		field("binary", arrow.BinaryTypes.Binary),
		field("date", arrow.FixedWidthTypes.Date32),
		field("time", arrow.FixedWidthTypes.Time64us),
		field("instant", utc),
		field("naive", naive),
		field("list", arrow.ListOf(arrow.PrimitiveTypes.Int64)),
		field("struct", arrow.StructOf(field("x", arrow.PrimitiveTypes.Int64), field("y", arrow.BinaryTypes.String), field("z", arrow.ListOf(arrow.BinaryTypes.String)))),
		field("map", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)),
	}, nil)
}

// table makes n rows of s whose ids begin at first: every value may be null but the id, and the edges of each type come up.
func table(s *arrow.Schema, first, n int) arrow.RecordBatch {
	rng := rand.New(rand.NewPCG(uint64(first), uint64(n)))
	cols := make([]arrow.Array, s.NumFields())
	for j, f := range s.Fields() {
		b := array.NewBuilder(memory.DefaultAllocator, f.Type)
		for i := range n {
			switch {
			case j == 0:
				b.(*array.Int64Builder).Append(int64(first + i))
			case rng.IntN(6) == 0:
				b.AppendNull()
			default:
				value(rng, b)
			}
		}
		cols[j] = b.NewArray()
	}
	return array.NewRecordBatch(s, cols, int64(n))
}

// value appends a value to b.
func value(rng *rand.Rand, b array.Builder) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(rng.IntN(2) == 0)
	case *array.Int8Builder:
		b.Append(int8(rng.Uint32()))
	case *array.Int16Builder:
		b.Append(int16(rng.Uint32()))
	case *array.Int32Builder:
		b.Append(int32(rng.Uint32()))
	case *array.Int64Builder:
		b.Append(pick(rng, math.MinInt64, math.MaxInt64, 0, -1, 1<<53+1, rng.Int64N(1000), int64(rng.Uint64())))
	case *array.Float32Builder:
		b.Append(pick(rng, 0, 0.1, -1.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(rng.NormFloat64())))
	case *array.Float64Builder:
		b.Append(pick(rng, 0, 100, 0.1, -1e-7, 1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, rng.NormFloat64()))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(pick(rng, 0, 1, -1, 1500, -999, math.MaxInt64, rng.Int64N(1e12)-5e11)))
	case *array.StringBuilder:
		b.Append(text(rng))
	case *array.BinaryBuilder:
		raw := make([]byte, rng.IntN(20))
		for i := range raw {
			raw[i] = byte(rng.Uint32())
		}
		b.Append(raw)
	case *array.Date32Builder:
		b.Append(arrow.Date32(pick(rng, 0, -1, 19723, -25567, 2932896, rng.Int32N(40000)))) // up to 9999-12-31
	case *array.Time64Builder:
		b.Append(arrow.Time64(pick(rng, 0, 86_399_999_999, 43_200_000_000, rng.Int64N(86_400_000_000))))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(pick(rng, 0, -1, 1_704_067_200_000_000, 253_402_300_799_999_999, rng.Int64N(2e15))))
	case *array.ListBuilder:
		b.Append(true)
		for range rng.IntN(4) {
			element(rng, b.ValueBuilder())
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			element(rng, b.FieldBuilder(i))
		}
	case *array.MapBuilder:
		b.Append(true)
		for i := range rng.IntN(3) {
			b.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprintf("key %d", i))
			element(rng, b.ItemBuilder())
		}
	default:
		panic(fmt.Sprintf("no values of %s", b.Type()))
	}
}

func element(rng *rand.Rand, b array.Builder) {
	if rng.IntN(5) == 0 {
		b.AppendNull()
		return
	}
	value(rng, b)
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

var texts = []string{
	"", " ", "plain", "plain", "plain", "007", "+1", "null", "NULL", "NaN", "true", "1.5", "2024-01-01", "a,b;c\td|e", `say "hi"`, `"`, `\`, "two\nlines",
	"carriage\r\nreturn", "\r", "\n", " spaces around ", "é", "𝄞 clef", "\x00\x01\x1f", "{\"a\": [1]}", "[", "id", strings.Repeat("long ", 1000),
}

func text(rng *rand.Rand) string {
	if rng.IntN(2) == 0 {
		return fmt.Sprintf("value %d", rng.IntN(1<<30))
	}
	return pick(rng, texts...)
}

// disguised returns rec with its columns in another order, and its text columns dictionary-encoded.
func disguised(rec arrow.RecordBatch) arrow.RecordBatch {
	fields, cols := rec.Schema().Fields(), make([]arrow.Array, rec.NumCols())
	turned := make([]arrow.Field, len(fields))
	for j, f := range fields {
		col := rec.Column(j)
		if s, ok := col.(*array.String); ok {
			col = dictionary(s)
			f.Type = col.DataType()
		}
		turned[len(fields)-1-j], cols[len(fields)-1-j] = f, col
	}
	return array.NewRecordBatch(arrow.NewSchema(turned, nil), cols, rec.NumRows())
}

func dictionary(s *array.String) arrow.Array {
	b := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	for i := range s.Len() {
		if s.IsNull(i) {
			b.AppendNull()
		} else if err := b.AppendString(s.Value(i)); err != nil {
			panic(err) // only a dictionary of 2^31 values is too large
		}
	}
	return b.NewArray()
}
