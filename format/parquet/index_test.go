package parquet

import (
	"bytes"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/gros-lake/gros/format"
)

// smallPages encodes recs as row groups whose columns have many pages.
func smallPages(t *testing.T, s *arrow.Schema, groups ...[]arrow.RecordBatch) []byte {
	t.Helper()
	made, err := NewEncoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := made.(*encoder)
	e.pageBytes, e.valuesAtOnce = 2000, 100
	data := []byte(magic)
	var runs []format.Run
	for _, recs := range groups {
		run, err := e.Encode(t.Context(), s, recs)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, run.Bytes...)
		runs = append(runs, run)
	}
	end, err := e.End(s, runs)
	if err != nil {
		t.Fatal(err)
	}
	return append(data, end...)
}

// pagesOf returns the rows in each page of column k, and the column's index if it has one.
func pagesOf(t *testing.T, f *file.Reader, group, k int) (rows []int64, index metadata.ColumnIndex) {
	t.Helper()
	if err := f.GetPageIndexReader().WillNeed([]int32{int32(group)}, []int32{int32(k)}, metadata.PageIndexSelection{ColumnIndex: true, OffsetIndex: true}); err != nil {
		t.Fatal(err)
	}
	r, err := f.GetPageIndexReader().RowGroup(group)
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := r.GetOffsetIndex(k)
	if err != nil || offsets == nil {
		t.Fatalf("column %d has no offset index: %v", k, err)
	}
	total := f.MetaData().RowGroups[group].NumRows
	for i, p := range offsets.GetPageLocations() {
		next := total
		if i+1 < len(offsets.GetPageLocations()) {
			next = offsets.GetPageLocations()[i+1].FirstRowIndex
		}
		rows = append(rows, next-p.FirstRowIndex)
	}
	if column, err := f.MetaData().RowGroup(group).ColumnChunk(k); err != nil || column.GetColumnIndexLocation() == nil {
		return rows, nil
	}
	if index, err = r.GetColumnIndex(k); err != nil {
		t.Fatal(err)
	}
	return rows, index
}

// Readers skip pages by their bounds: every value of a page must lie within them.
func TestPageIndexesTellTheTruth(t *testing.T) {
	var recs []arrow.RecordBatch
	for i := range 4 {
		recs = append(recs, orders(i*3000, 3000))
	}
	s := recs[0].Schema()
	f, err := file.NewParquetReader(bytes.NewReader(smallPages(t, s, recs[:2], recs[2:])))
	if err != nil {
		t.Fatal(err)
	}
	indexed := 0
	for group := range 2 {
		for k := range s.NumFields() {
			rows, index := pagesOf(t, f, group, k)
			column := &pagesCheck{t: t, name: s.Field(k).Name, nulls: indexNulls(index)}
			for _, r := range recs[2*group : 2*group+2] {
				column.chunks = append(column.chunks, r.Column(k))
			}
			if len(rows) < 2 && s.Field(k).Type.ID() != arrow.DICTIONARY && column.name != "seq" && column.name != "flag" {
				t.Errorf("column %s: %d pages, the test wants many", column.name, len(rows))
			}
			switch x := index.(type) {
			case nil:
				if s.Field(k).Type.ID() != arrow.DICTIONARY {
					t.Errorf("column %s has no index", column.name)
				}
				continue
			case *metadata.TypedColumnIndex[int64]:
				checkPages(column, rows, x.MinValues(), x.MaxValues(), func(a, b int64) bool { return a < b })
			case *metadata.TypedColumnIndex[float64]:
				checkPages(column, rows, x.MinValues(), x.MaxValues(), func(a, b float64) bool { return a < b })
			case *metadata.TypedColumnIndex[parquet.ByteArray]:
				checkPages(column, rows, x.MinValues(), x.MaxValues(), func(a, b parquet.ByteArray) bool { return bytes.Compare(a, b) < 0 })
			}
			indexed++
		}
	}
	if indexed < 16 {
		t.Errorf("%d columns have indexes", indexed)
	}
}

func indexNulls(index metadata.ColumnIndex) []int64 {
	if index == nil || !index.IsSetNullCounts() {
		return nil
	}
	return index.GetNullCounts()
}

type pagesCheck struct {
	t      *testing.T
	name   string
	chunks []arrow.Array
	nulls  []int64
}

// row returns value i of the column, nil if it is null.
func (c *pagesCheck) row(i int64) any {
	for _, a := range c.chunks {
		if i < int64(a.Len()) {
			if a.IsNull(int(i)) {
				return nil
			}
			switch a := a.(type) {
			case *array.Int64:
				return a.Value(int(i))
			case *array.Timestamp:
				return int64(a.Value(int(i)))
			case *array.Float64:
				return a.Value(int(i))
			case *array.String:
				return parquet.ByteArray(a.Value(int(i)))
			case *array.Dictionary:
				return parquet.ByteArray(a.Dictionary().(*array.String).Value(a.GetValueIndex(int(i))))
			}
		}
		i -= int64(a.Len())
	}
	return nil
}

func checkPages[T any](c *pagesCheck, rows []int64, low, high []T, less func(a, b T) bool) {
	c.t.Helper()
	if len(low) != len(rows) || len(high) != len(rows) || len(c.nulls) != len(rows) {
		c.t.Errorf("column %s: %d pages, %d minima, %d maxima, %d counts of nulls", c.name, len(rows), len(low), len(high), len(c.nulls))
		return
	}
	at := int64(0)
	for page, n := range rows {
		nulls := int64(0)
		for range n {
			v, ok := c.row(at).(T)
			at++
			if !ok {
				nulls++
			} else if less(v, low[page]) || less(high[page], v) {
				c.t.Errorf("column %s, page %d: %v is not within %v and %v", c.name, page, v, low[page], high[page])
				return
			}
		}
		if nulls != c.nulls[page] {
			c.t.Errorf("column %s, page %d: %d nulls, the index has %d", c.name, page, nulls, c.nulls[page])
		}
	}
}

func TestManyPagesComeBack(t *testing.T) {
	s := everyType()
	g := &generator{newRand(9), 6}
	recs := []arrow.RecordBatch{g.batch(s, 0, 1500), g.batch(dictionarySchema(), 1500, 1500), g.batch(s, 3000, 100)}
	batches, err := readAll(t, smallPages(t, s, recs[:2], recs[2:]), format.ReadOptions{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := plainRows(t, recordsOf(batches)...), plainRows(t, recs...); !slices.Equal(got, want) {
		compareRows(t, got, want)
	}
}
