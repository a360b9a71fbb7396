package chunk

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/rows"
)

func values(t testing.TB, recs []arrow.RecordBatch, column string) []int64 {
	t.Helper()
	var out []int64
	for _, r := range recs {
		at := r.Schema().FieldIndices(column)
		if len(at) != 1 {
			t.Fatalf("%d columns named %s", len(at), column)
		}
		out = append(out, r.Column(at[0]).(*array.Int64).Int64Values()...)
	}
	return out
}

func TestRowsOfAFolderKeepTheirOrder(t *testing.T) {
	for _, limit := range []int64{1, 1 << 16, 1 << 20, 1 << 30} {
		rng := rand.New(rand.NewPCG(3, uint64(limit)))
		g := NewGatherer(limit / 4)
		want := map[string][]int64{}
		taken := map[string][]int64{}
		next := int64(0)
		for range 200 {
			r := events(1+rng.IntN(200), 5)
			if rng.IntN(2) == 0 {
				r = encoded(r)
			}
			ids := r.Column(2).(*array.Int64).Int64Values()
			for i := range ids {
				ids[i] = next
				next++
			}
			groups := make([][]int32, 7)
			for i := range ids {
				k := rng.IntN(7)
				groups[k] = append(groups[k], int32(i))
				want[fmt.Sprint(k)] = append(want[fmt.Sprint(k)], ids[i])
			}
			for k, index := range groups {
				if index == nil {
					continue // would mean all rows
				}
				g.Add(fmt.Sprint(k), r, index)
				if rng.IntN(30) == 0 {
					k := fmt.Sprint(rng.IntN(7))
					taken[k] = append(taken[k], values(t, g.Take(k), "id")...)
				}
			}
		}
		total, inFolders := int64(0), int64(0)
		for k := range want {
			n, bytes := g.Waiting(k)
			total += n + int64(len(taken[k]))
			inFolders += bytes
		}
		if total != next || inFolders > g.Bytes() {
			t.Errorf("%d rows of %d, folders have %d bytes of %d", total, next, inFolders, g.Bytes())
		}
		last := int64(1 << 62)
		for {
			k, ok := g.Fullest()
			if !ok {
				break
			}
			_, bytes := g.Waiting(k)
			if bytes > last {
				t.Errorf("limit %d: %s has %d bytes, the fullest had %d", limit, k, bytes, last)
			}
			last = bytes
			taken[k] = append(taken[k], values(t, g.Take(k), "id")...)
		}
		if fmt.Sprint(taken) != fmt.Sprint(want) {
			t.Errorf("limit %d: rows are lost or out of order", limit)
		}
		if g.Bytes() != 0 || g.Take("0") != nil {
			t.Errorf("limit %d: %d bytes stay", limit, g.Bytes())
		}
	}
}

func TestSettledRowsStayInFewPieces(t *testing.T) {
	g := NewGatherer(0)
	for range 300 {
		r := events(4, 5)
		g.Add("a", r, []int32{0, 2})
		g.Add("b", r, []int32{1})
	}
	if n := len(g.folders["a"].parts); n > 12 {
		t.Errorf("%d pieces of 600 rows", n)
	}
}

func TestWholeBatchesAreNotCopied(t *testing.T) {
	g := NewGatherer(0)
	a, b := events(1000, 5), encoded(events(1000, 5))
	g.Add("", a, nil)
	g.Add("", b, nil)
	if want := rows.Size(a) + overhead(a) + rows.Size(b) + overhead(b) + 2*partBytes; g.Bytes() != want {
		t.Errorf("%d bytes, want %d", g.Bytes(), want)
	}
	if got := g.Take(""); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("%d records", len(got))
	}
}

func TestRowsComeInTheNewestColumns(t *testing.T) {
	g := NewGatherer(1 << 18)
	g.Add("a", table(t, "x bigint, s struct(p bigint), u null", `{"x":1,"s":{"p":1}}`), nil)
	g.Add("b", table(t, "x bigint, s struct(p bigint), u null", `{"x":2}`), []int32{0})
	g.Add("b", table(t, "x bigint, s struct(p bigint, q varchar), u date, z bigint", `{"x":3,"s":{"q":"w"},"u":"2024-01-01","z":5}`), []int32{0})
	for folder, want := range map[string]string{
		"a": `{"x":1,"s":{"p":1,"q":null},"u":null,"z":null}`,
		"b": `{"x":2,"s":null,"u":null,"z":null}{"x":3,"s":{"p":null,"q":"w"},"u":"2024-01-01","z":5}`,
	} {
		var got []byte
		for _, r := range g.Take(folder) {
			for i := range int(r.NumRows()) {
				got = rows.AppendJSON(got, r, i)
			}
		}
		if string(got) != want {
			t.Errorf("%s: %s, want %s", folder, got, want)
		}
	}
}

// TestAThousandFoldersStayInsideTheBound is with a million rows whose folders come in no order. The heap is measured too,
// as what is counted must be what is used.
func TestAThousandFoldersStayInsideTheBound(t *testing.T) {
	const limit, folders, batchRows, batches = 16 << 20, 1000, 8192, 122
	p := partitioner(t, "out/", DropColumns, "page")
	g := NewGatherer(limit / 4)
	base := heapBytes()
	written, flushes, peak, heap := int64(0), 0, int64(0), int64(0)
	for b := range batches {
		routed, err := p.Route(t.Context(), events(batchRows, folders))
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range routed.Groups {
			g.Add(group.Folder, routed.Rows, group.Index)
		}
		for g.Bytes() > limit {
			folder, ok := g.Fullest()
			if !ok {
				t.Fatal("bytes without rows")
			}
			written += int64(len(values(t, g.Take(folder), "id")))
			flushes++
		}
		peak = max(peak, g.Bytes())
		if b%10 == 9 {
			heap = max(heap, heapBytes()-base)
		}
	}
	for folder, ok := g.Fullest(); ok; folder, ok = g.Fullest() {
		written += int64(len(values(t, g.Take(folder), "id")))
	}
	t.Logf("%d rows, %d flushes before the end, %d bytes counted, %d in the heap, limit %d", written, flushes, peak, heap, limit)
	if written != batches*batchRows {
		t.Errorf("%d rows of %d", written, batches*batchRows)
	}
	if float64(heap) > 1.2*limit || float64(heap) < 0.8*float64(peak) {
		t.Errorf("the heap has %d bytes, %d are counted, the limit is %d", heap, peak, limit)
	}
	if float64(peak) < 0.6*limit {
		t.Errorf("only %d bytes of %d are used", peak, limit)
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkGatherer(b *testing.B) {
	for _, folders := range []int{7, 1000} {
		b.Run(fmt.Sprintf("%d_folders", folders), func(b *testing.B) {
			r := encoded(events(8192, folders))
			b.ReportAllocs()
			p := partitioner(b, "out/", DropColumns, "page")
			g := NewGatherer(16 << 20)
			n := 0
			for b.Loop() {
				routed, err := p.Route(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				for _, group := range routed.Groups {
					g.Add(group.Folder, routed.Rows, group.Index)
				}
				for g.Bytes() > 64<<20 {
					folder, _ := g.Fullest()
					g.Take(folder)
				}
				n += 8192
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
