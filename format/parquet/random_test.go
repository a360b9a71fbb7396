package parquet

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

// randomType nests at most depth deep.
func (g *generator) randomType(depth int) arrow.DataType {
	flat := everyType().Fields()[:18]
	switch n := g.IntN(len(flat) + 6); {
	case n < len(flat):
		return flat[n].Type
	case n == len(flat), depth == 0:
		return dictionaryType
	case n < len(flat)+3:
		var fields []arrow.Field
		for i := range 1 + g.IntN(3) {
			fields = append(fields, arrow.Field{Name: fmt.Sprint("f", i), Type: g.randomType(depth - 1), Nullable: true})
		}
		return arrow.StructOf(fields...)
	case n < len(flat)+5:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: g.randomType(depth - 1), Nullable: true})
	default:
		return arrow.MapOf(arrow.BinaryTypes.String, g.randomType(depth-1))
	}
}

// reshuffled has the columns of r in another order, and rows from a slice: offsets that are not 0.
func (g *generator) reshuffled(r arrow.RecordBatch) arrow.RecordBatch {
	var fields []arrow.Field
	var columns []arrow.Array
	for _, k := range g.Perm(int(r.NumCols())) {
		fields = append(fields, r.Schema().Field(k))
		columns = append(columns, r.Column(k))
	}
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, r.NumRows())
	from := g.Int64N(r.NumRows() + 1)
	return rec.NewSlice(from, from+g.Int64N(r.NumRows()-from+1))
}

// ordered has the columns of rec in the order of s.
func ordered(s *arrow.Schema, rec arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, s.NumFields())
	for i, f := range s.Fields() {
		columns[i] = rec.Column(rec.Schema().FieldIndices(f.Name)[0])
	}
	return array.NewRecordBatch(s, columns, rec.NumRows())
}

func TestRandomTablesComeBack(t *testing.T) {
	n := uint64(60)
	if os.Getenv("GROS_SOAK") != "" {
		n = 5000
	}
	for seed := range n {
		g := &generator{newRand(seed), 1 + int(seed%7)}
		var fields []arrow.Field
		for i := range 1 + g.IntN(6) {
			fields = append(fields, arrow.Field{Name: fmt.Sprintf("c%d.é %d", i, i), Type: g.randomType(3), Nullable: true})
		}
		s := arrow.NewSchema(fields, nil)
		var groups [][]arrow.RecordBatch
		var want []string
		for range 1 + g.IntN(3) {
			var recs []arrow.RecordBatch
			for range 1 + g.IntN(4) {
				rec := g.reshuffled(g.batch(s, 0, g.IntN(200)))
				recs = append(recs, rec)
				want = append(want, plainRows(t, ordered(s, rec))...)
			}
			groups = append(groups, recs)
		}
		var data []byte
		if seed%2 == 0 {
			data = encodeFile(t, format.EncodeOptions{}, s, groups...)
		} else {
			data = smallPages(t, s, groups...)
		}
		batches, err := readAll(t, data, format.ReadOptions{}, "")
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, s, err)
		}
		if got := plainRows(t, recordsOf(batches)...); !slices.Equal(got, want) {
			t.Errorf("seed %d: %s", seed, s)
			compareRows(t, got, want)
		}
	}
}

func TestNamesWithDotsAreNotTakenForPaths(t *testing.T) {
	b := arrow.StructOf(arrow.Field{Name: "b", Type: dictionaryType, Nullable: true}, arrow.Field{Name: "c", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	s := arrow.NewSchema([]arrow.Field{
		{Name: "a.b", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "a", Type: b, Nullable: true}, {Name: "a.c", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "A", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	rec := (&generator{newRand(1), 4}).batch(s, 0, 500)
	batches, err := readAll(t, encodeFile(t, format.EncodeOptions{}, s, []arrow.RecordBatch{rec}), format.ReadOptions{}, "")
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, plainRows(t, recordsOf(batches)...), plainRows(t, rec))
}

func TestRunsOfOneFileAreEncodedAtOnce(t *testing.T) {
	s := dictionarySchema()
	e, err := NewEncoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const groups = 8
	runs := make([]format.Run, groups)
	recs := make([]arrow.RecordBatch, groups)
	var wg sync.WaitGroup
	for k := range groups {
		g := &generator{newRand(uint64(k)), 4}
		recs[k] = g.batch(s, k*100, 100)
		wg.Go(func() {
			run, err := e.Encode(t.Context(), s, recs[k:k+1])
			if err != nil {
				t.Error(err)
			}
			runs[k] = run
		})
	}
	wg.Wait()
	// Runs may stand in any order, and in more than one file.
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 3, 0}} {
		data, err := e.Begin(s)
		if err != nil {
			t.Fatal(err)
		}
		var chosen []format.Run
		var want []string
		for _, k := range order {
			data = append(data, runs[k].Bytes...)
			chosen = append(chosen, runs[k])
			want = append(want, plainRows(t, recs[k])...)
		}
		end, err := e.End(s, chosen)
		if err != nil {
			t.Fatal(err)
		}
		batches, err := readAll(t, append(data, end...), format.ReadOptions{}, "")
		if err != nil {
			t.Fatal(err)
		}
		compareRows(t, plainRows(t, recordsOf(batches)...), want)
	}
}

func TestSchemasThatFilesCannotHoldAreRefused(t *testing.T) {
	e, err := NewEncoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []arrow.Field{
		{Name: "x", Type: arrow.Null}, {Name: "x", Type: arrow.PrimitiveTypes.Uint64}, {Name: "x", Type: arrow.StructOf()},
		{Name: "x", Type: arrow.FixedWidthTypes.Timestamp_ns}, {Name: "x", Type: arrow.ListOf(arrow.Null)},
		{Name: "x", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Berlin"}}, {Name: "y", Type: arrow.PrimitiveTypes.Int64},
	} {
		s := arrow.NewSchema([]arrow.Field{{Name: "y", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, f}, nil)
		if _, err := e.Begin(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", f, err)
		}
	}
	required := arrow.NewSchema([]arrow.Field{{Name: "y", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rec := (&generator{newRand(1), 2}).batch(required, 0, 20)
	if _, err := e.Encode(t.Context(), required, []arrow.RecordBatch{rec}); !fault.Is(err, fault.Invalid) {
		t.Errorf("nulls in a required column: %v", err)
	}
	for _, o := range []format.EncodeOptions{{Compression: "zst"}, {Level: 23}, {Level: -1}, {Compression: "snappy", Level: 1}} {
		if _, err := NewEncoder(o); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestColumnsAreChosenByName(t *testing.T) {
	s := everyType()
	rec := (&generator{newRand(2), 4}).batch(s, 0, 50)
	data := encodeFile(t, format.EncodeOptions{}, s, []arrow.RecordBatch{rec})
	for _, names := range [][]string{{"deep", "id"}, {"map"}, {}} {
		batches, err := readAll(t, data, format.ReadOptions{Columns: names}, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(batches) != 1 || batches[0].Len() != 50 || int(batches[0].Rows.NumCols()) != len(names) {
			t.Fatalf("%q: %d batches", names, len(batches))
		}
		for k := range names {
			got := batches[0].Rows
			at := s.FieldIndices(got.ColumnName(k))[0]
			want := array.NewRecordBatch(arrow.NewSchema(s.Fields()[at:at+1], nil), rec.Columns()[at:at+1], 50)
			one := array.NewRecordBatch(arrow.NewSchema(got.Schema().Fields()[k:k+1], nil), got.Columns()[k:k+1], 50)
			compareRows(t, plainRows(t, one), plainRows(t, want))
		}
	}
	_, err := readAll(t, data, format.ReadOptions{Columns: []string{"deeep"}}, "")
	if !fault.Is(err, fault.Invalid) || fault.HintOf(err) != `did you mean "deep"?` && fault.HintOf(err) != `did you mean "deeps"?` {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}
