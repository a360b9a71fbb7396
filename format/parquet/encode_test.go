package parquet

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/gros-lake/gros/format"
)

// orders is a batch of 15 mixed columns as a decoder makes them: words dictionary-encoded, ids plain.
func orders(first, rows int) arrow.RecordBatch {
	r := rand.New(rand.NewPCG(1, uint64(first)))
	var fields []arrow.Field
	var columns []arrow.Array
	add := func(name string, a arrow.Array) {
		fields = append(fields, arrow.Field{Name: name, Type: a.DataType(), Nullable: true})
		columns = append(columns, a)
	}
	id := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range rows {
		id.Append(fmt.Sprintf("%016x-%08x", r.Uint64(), first+i))
	}
	add("id", id.NewArray())
	for _, name := range []string{"seq", "user", "total"} {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for i := range rows {
			if name == "seq" {
				b.Append(int64(first + i))
			} else {
				b.Append(int64(r.IntN(1_000_000)))
			}
		}
		add(name, b.NewArray())
	}
	for _, name := range []string{"created", "paid"} {
		b := array.NewTimestampBuilder(memory.DefaultAllocator, utcMicros)
		for i := range rows {
			if name == "paid" && i%3 == 0 {
				b.AppendNull()
			} else {
				b.Append(arrow.Timestamp(1_700_000_000_000_000 + int64(first+i)*1000 + r.Int64N(1000)))
			}
		}
		add(name, b.NewArray())
	}
	for _, name := range []string{"price", "lat"} {
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		for range rows {
			b.Append(float64(r.IntN(100_000)) / 100)
		}
		add(name, b.NewArray())
	}
	for i, name := range []string{"country", "city", "status", "agent", "page"} {
		b := array.NewDictionaryBuilder(memory.DefaultAllocator, dictionaryType).(*array.BinaryDictionaryBuilder)
		for range rows {
			if r.IntN(20) == 0 {
				b.AppendNull()
			} else if err := b.AppendString(fmt.Sprint(name, "-", r.IntN(10<<i))); err != nil {
				panic(err)
			}
		}
		add(name, b.NewArray())
	}
	flag := array.NewBooleanBuilder(memory.DefaultAllocator)
	note := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range rows {
		flag.Append(r.IntN(2) == 0)
		if i%2 == 0 {
			note.AppendNull()
		} else {
			note.Append(fmt.Sprint("note of ", r.IntN(1_000_000), " for you"))
		}
	}
	add("flag", flag.NewArray())
	add("note", note.NewArray())
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(rows))
}

func BenchmarkEncode(b *testing.B) {
	const batches, rows = 40, 5000
	var recs []arrow.RecordBatch
	for i := range batches {
		recs = append(recs, orders(i*rows, rows))
	}
	s := recs[0].Schema()
	e, err := NewEncoder(format.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var size int64
	for b.Loop() {
		run, err := e.Encode(context.Background(), s, recs)
		if err != nil {
			b.Fatal(err)
		}
		size = run.Size
	}
	b.ReportMetric(float64(b.N)*batches*rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/batches/rows, "B/row")
}

func BenchmarkRead(b *testing.B) {
	const batches, rows = 40, 5000
	var recs []arrow.RecordBatch
	for i := range batches {
		recs = append(recs, orders(i*rows, rows))
	}
	data := encodeFile(b, format.EncodeOptions{}, recs[0].Schema(), recs)
	b.ReportAllocs()
	for b.Loop() {
		got, err := readAll(b, data, format.ReadOptions{}, "")
		if err != nil || len(got) == 0 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*batches*rows/b.Elapsed().Seconds(), "rows/s")
}

func TestLongValuesDoNotMakeLongPages(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range 300 {
		b.Append(fmt.Sprint(i) + strings.Repeat("x", 50_000))
	}
	rec := array.NewRecordBatch(s, []arrow.Array{b.NewArray()}, 300)
	f, err := file.NewParquetReader(bytes.NewReader(encodeFile(t, format.EncodeOptions{}, s, []arrow.RecordBatch{rec})))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := pagesOf(t, f, 0, 0)
	if len(pages) < 8 {
		t.Errorf("15 MB in %d pages", len(pages))
	}
}

func TestRequiredColumnsHaveNoNullsInTheirDictionary(t *testing.T) {
	entries := array.NewStringBuilder(memory.DefaultAllocator)
	entries.Append("a")
	entries.AppendNull()
	places := array.NewInt32Builder(memory.DefaultAllocator)
	places.AppendValues([]int32{0, 1, 0}, nil)
	words := array.NewDictionaryArray(dictionaryType, places.NewArray(), entries.NewArray())
	for _, nullable := range []bool{true, false} {
		s := arrow.NewSchema([]arrow.Field{{Name: "word", Type: arrow.BinaryTypes.String, Nullable: nullable}}, nil)
		e, err := NewEncoder(format.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "word", Type: dictionaryType, Nullable: true}}, nil), []arrow.Array{words}, 3)
		if _, err = e.Encode(t.Context(), s, []arrow.RecordBatch{rec}); (err == nil) != nullable {
			t.Errorf("nullable %v: %v", nullable, err)
		}
	}
}
