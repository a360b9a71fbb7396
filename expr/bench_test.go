package expr

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// events makes a batch of n rows as a web shop has them.
func events(n int) arrow.RecordBatch {
	kinds := []string{"Mobile", "Computer", "Bot", "Tablet"}
	kind, ts, a, b := array.NewStringBuilder(memory.DefaultAllocator), make([]int64, n), make([]int64, n), make([]float64, n)
	for i := range n {
		kind.Append(kinds[i*7%len(kinds)])
		ts[i] = 1_700_000_000_000_000 + int64(i)*40_000_000
		a[i], b[i] = int64(i), float64(i)/8
	}
	plain := kind.NewStringArray()
	dict := dictionaryOf(plain)
	columns := []arrow.Array{plain, dict, (&vector{ints: ts}).column(timestamptzType, n), (&vector{ints: a}).column(bigintType, n), (&vector{floats: b}).column(doubleType, n)}
	names, fields := []string{"kind", "kind_dict", "ts", "a", "b"}, []arrow.Field{}
	for i, c := range columns {
		fields = append(fields, arrow.Field{Name: names[i], Type: c.DataType(), Nullable: true})
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(n))
}

// naive are loops over rows as one would write them first: a builder, a value and a null at a time.
var naive = map[string]func(r arrow.RecordBatch) arrow.Array{
	"kind <> 'Bot'": func(r arrow.RecordBatch) arrow.Array {
		in, out := r.Column(0).(*array.String), array.NewBooleanBuilder(memory.DefaultAllocator)
		for i := range in.Len() {
			if in.IsNull(i) {
				out.AppendNull()
			} else {
				out.Append(in.Value(i) != "Bot")
			}
		}
		return out.NewArray()
	},
	"kind_dict <> 'Bot'": func(r arrow.RecordBatch) arrow.Array {
		in, out := r.Column(1).(*array.Dictionary), array.NewBooleanBuilder(memory.DefaultAllocator)
		for i := range in.Len() {
			if in.IsNull(i) {
				out.AppendNull()
			} else {
				out.Append(in.Dictionary().(*array.String).Value(in.GetValueIndex(i)) != "Bot")
			}
		}
		return out.NewArray()
	},
	"year(ts)": func(r arrow.RecordBatch) arrow.Array {
		in, out := r.Column(2).(*array.Timestamp), array.NewInt64Builder(memory.DefaultAllocator)
		for i := range in.Len() {
			if in.IsNull(i) {
				out.AppendNull()
			} else {
				out.Append(int64(time.UnixMicro(int64(in.Value(i))).UTC().Year()))
			}
		}
		return out.NewArray()
	},
	"a * b + 1": func(r arrow.RecordBatch) arrow.Array {
		a, b, out := r.Column(3).(*array.Int64), r.Column(4).(*array.Float64), array.NewFloat64Builder(memory.DefaultAllocator)
		for i := range a.Len() {
			if a.IsNull(i) || b.IsNull(i) {
				out.AppendNull()
			} else {
				out.Append(float64(a.Value(i))*b.Value(i) + 1)
			}
		}
		return out.NewArray()
	},
}

func BenchmarkEval(b *testing.B) {
	r := events(1 << 16)
	for _, text := range []string{"kind <> 'Bot'", "kind_dict <> 'Bot'", "year(ts)", "a * b + 1", "a * 2 + 1", "upper(kind)", "upper(kind_dict)", "bucket(16, kind)", "kind like '%o%'", "date_trunc('month', ts)"} {
		p := bind(b, text, r.Schema())
		perRow := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(r.NumRows()), "ns/row")
			b.ReportAllocs()
		}
		b.Run(text+"/columns", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := p.Eval(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b)
		})
		if loop := naive[text]; loop != nil {
			b.Run(text+"/naive", func(b *testing.B) {
				for b.Loop() {
					loop(r)
				}
				perRow(b)
			})
		}
	}
}

func TestNothingIsAllocatedPerRow(t *testing.T) {
	small, large := events(1<<10), events(1<<14)
	for _, text := range []string{"kind <> 'Bot'", "kind_dict <> 'Bot'", "year(ts)", "a * b + 1", "upper(kind)", "kind || a", "case when a > 5 then kind else 'x' end", "kind in ('a', 'b')", "bucket(16, kind)",
		"cast(a as varchar)", "try_cast(kind as bigint)", "substr(kind, 2)", "regexp_matches(kind, 'o')", "md5(kind)", "coalesce(kind, 'x')", "kind like 'M_b%'", "date_trunc('month', ts)", "cast(b as decimal(18,3))"} {
		p := bind(t, text, small.Schema())
		allocs := func(r arrow.RecordBatch) float64 {
			return testing.AllocsPerRun(3, func() {
				if _, _, err := p.Eval(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		if a, b := allocs(small), allocs(large); b > a+50 {
			t.Errorf("%s: %v allocations for %d rows, %v for %d", text, a, small.NumRows(), b, large.NumRows())
		}
	}
}
