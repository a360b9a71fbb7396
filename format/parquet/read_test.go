package parquet

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// input is a file in memory.
func input(data []byte) format.Input {
	return format.Input{Name: "x.parquet", Size: int64(len(data)), Open: func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		end := int64(len(data))
		if n >= 0 {
			end = min(end, off+n)
		}
		return io.NopCloser(bytes.NewReader(data[min(off, end):end])), nil
	}}
}

// readAll returns all batches from pos on.
func readAll(t testing.TB, data []byte, o format.ReadOptions, pos rows.Position) ([]rows.Batch, error) {
	t.Helper()
	r, err := Open(t.Context(), input(data), o)
	if err != nil {
		return nil, err
	}
	var out []rows.Batch
	for b, err := range r.Read(t.Context(), pos) {
		if err != nil {
			return out, err
		}
		if !b.Rows.Schema().Equal(r.Schema()) {
			t.Fatalf("a batch of %s from a reader of %s", b.Rows.Schema(), r.Schema())
		}
		out = append(out, b)
	}
	return out, nil
}

// plainRows compares rows whatever their batches and dictionaries are: a JSON text for each row.
func plainRows(t testing.TB, recs ...arrow.RecordBatch) []string {
	t.Helper()
	var out []string
	for _, rec := range recs {
		for i := range int(rec.NumRows()) {
			var line bytes.Buffer
			for k := range int(rec.NumCols()) {
				line.WriteString(rec.ColumnName(k))
				line.WriteByte('=')
				if rec.Column(k).IsNull(i) {
					line.WriteString("null")
				} else {
					line.WriteString(rec.Column(k).ValueStr(i))
				}
				line.WriteByte(';')
			}
			out = append(out, line.String())
		}
	}
	return out
}

func recordsOf(batches []rows.Batch) []arrow.RecordBatch {
	var out []arrow.RecordBatch
	for _, b := range batches {
		out = append(out, b.Rows)
	}
	return out
}

func compareRows(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("row %d\n got %s\nwant %s", i, got[i], want[i])
		}
	}
}

func TestRowsOfEveryTypeComeBack(t *testing.T) {
	s := everyType()
	for _, o := range []format.EncodeOptions{{}, {Compression: "snappy"}, {Compression: "none"}, {Level: 3}} {
		g := &generator{newRand(1), 5}
		groups := [][]arrow.RecordBatch{{g.batch(s, 0, 300), g.batch(s, 300, 1)}, {g.batch(s, 301, 0)}, {g.batch(s, 301, 700)}}
		data := encodeFile(t, o, s, groups...)
		batches, err := readAll(t, data, format.ReadOptions{}, "")
		if err != nil {
			t.Fatal(err)
		}
		var want []arrow.RecordBatch
		for _, g := range groups {
			want = append(want, g...)
		}
		compareRows(t, plainRows(t, recordsOf(batches)...), plainRows(t, want...))
	}
}

func TestReadingResumesAtEveryPosition(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil)
	g := &generator{newRand(1), 0}
	data := encodeFile(t, format.EncodeOptions{}, s, []arrow.RecordBatch{g.batch(s, 0, 70_000)}, []arrow.RecordBatch{g.batch(s, 70_000, 10)})
	all, err := readAll(t, data, format.ReadOptions{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Fatalf("%d batches, want two of the first row group and one of the second", len(all))
	}
	for pos, first := range map[rows.Position]int64{"": 0, all[0].Position: 65536, all[1].Position: 70_000, "0:1": 1, "0:65537": 65537, "1:3": 70_003, all[2].Position: 70_010} {
		batches, err := readAll(t, data, format.ReadOptions{}, pos)
		if err != nil {
			t.Fatal(err)
		}
		next := first
		for _, b := range batches {
			for _, v := range b.Rows.Column(0).(*array.Int64).Int64Values() {
				if v != next {
					t.Fatalf("from %q: row %d where %d comes next", pos, v, next)
				}
				next++
			}
		}
		if next != 70_010 {
			t.Errorf("from %q: ends at %d", pos, next)
		}
	}
	for _, pos := range []rows.Position{"x", "2:0", "0:70001", "-1:0", "0:-1", "1"} {
		if _, err := readAll(t, data, format.ReadOptions{}, pos); !fault.Is(err, fault.Invalid) {
			t.Errorf("position %q: %v", pos, err)
		}
	}
}
