package json

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/format"
)

func build(t *testing.T, dt arrow.DataType, fill func(array.Builder)) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	fill(b)
	return b.NewArray()
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
