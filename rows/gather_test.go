package rows

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
)

const everyType = "b boolean, t tinyint, s smallint, i integer, l bigint, f float, d double, n decimal(30,3), v varchar, x blob, da date, ti time, ts timestamp, tz timestamptz, " +
	"u null, li bigint[], lv varchar[][], st struct(a bigint, b varchar, c struct(d bigint[])), m map(varchar, double)"

// randomText is n random JSON rows of everyType.
func randomText(rng *rand.Rand, n int) string {
	var out strings.Builder
	for range n {
		var fields []string
		for _, f := range []string{
			fmt.Sprintf(`"b":%t`, rng.IntN(2) == 0), fmt.Sprintf(`"t":%d`, rng.IntN(256)-128), fmt.Sprintf(`"s":%d`, rng.IntN(65536)-32768),
			fmt.Sprintf(`"i":%d`, rng.Int32()), fmt.Sprintf(`"l":%d`, int64(rng.Uint64())), fmt.Sprintf(`"f":%v`, rng.Float32()), fmt.Sprintf(`"d":%v`, rng.NormFloat64()),
			fmt.Sprintf(`"n":"%d.%03d"`, rng.Int64(), rng.IntN(1000)), fmt.Sprintf(`"v":"%s"`, strings.Repeat("é", rng.IntN(4))), `"x":"AAEC"`,
			`"da":"2024-02-29"`, `"ti":"01:02:03.000004"`, `"ts":"2024-02-29 01:02:03.000004"`, `"tz":"2024-02-29T01:02:03.000004Z"`,
			fmt.Sprintf(`"li":[%d,null]`, rng.IntN(9)), `"lv":[["a"],null,[]]`, fmt.Sprintf(`"st":{"a":%d,"b":"q","c":{"d":[%d]}}`, rng.IntN(9), rng.IntN(9)), `"st":{"a":1}`,
			fmt.Sprintf(`"m":[{"key":"k%d","value":0.5}]`, rng.IntN(9)), `"m":[]`, `"li":[]`,
		} {
			if rng.IntN(4) > 0 && !strings.Contains(strings.Join(fields, ","), f[:4]) {
				fields = append(fields, f)
			}
		}
		out.WriteString("{" + strings.Join(fields, ",") + "}\n")
	}
	return out.String()
}

func TestGatherCopiesEveryTypeInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	schema := columns(t, everyType)
	for round := range 30 {
		var parts []Part
		var want []byte
		for range rng.IntN(5) {
			r := table(t, everyType, randomText(rng, 1+rng.IntN(40)))
			if rng.IntN(2) == 0 {
				r = encode(r)
			}
			from := rng.Int64N(r.NumRows())
			r = r.NewSlice(from, from+1+rng.Int64N(r.NumRows()-from))
			p := Part{Rows: r}
			if rng.IntN(3) > 0 {
				p.Index = []int32{}
				for range rng.IntN(60) {
					p.Index = append(p.Index, int32(rng.Int64N(r.NumRows())))
				}
				for _, i := range p.Index {
					want = append(AppendJSON(want, r, int(i)), '\n')
				}
				if taken := Take(r, p.Index); string(allLines(taken)) != string(want[len(want)-len(allLines(taken)):]) {
					t.Fatalf("round %d: taken\n%swant\n%s", round, allLines(taken), want)
				}
			} else {
				want = append(want, allLines(r)...)
			}
			parts = append(parts, p)
		}
		got, err := Gather(schema, parts)
		if err != nil {
			t.Fatal(err)
		}
		if string(allLines(got)) != string(want) {
			t.Fatalf("round %d: got\n%s\nwant\n%s", round, allLines(got), want)
		}
		for _, col := range got.Columns() {
			if v, ok := col.(interface{ ValidateFull() error }); ok && v.ValidateFull() != nil {
				t.Fatal(v.ValidateFull())
			}
		}
	}
}

func allLines(r arrow.RecordBatch) []byte {
	var out []byte
	for i := range int(r.NumRows()) {
		out = append(AppendJSON(out, r, i), '\n')
	}
	return out
}

func TestGatherFindsColumnsByNameAndFieldsToo(t *testing.T) {
	a := table(t, "x bigint, s struct(p bigint)", `{"x":1,"s":{"p":2}}`)
	b := table(t, "s struct(q varchar, p bigint), y varchar, x null", `{"y":"w","s":{"q":"z","p":3}}`)
	got, err := Gather(columns(t, "y varchar, s struct(p bigint, q varchar), x bigint"), []Part{{Rows: a}, {Rows: b}, {Rows: a, Index: []int32{0, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"s":{"p":2,"q":null},"x":1}
{"y":"w","s":{"p":3,"q":"z"}}
{"s":{"p":2,"q":null},"x":1}
{"s":{"p":2,"q":null},"x":1}
`
	if lines(got) != want {
		t.Errorf("got %s", lines(got))
	}
	if _, err := Gather(columns(t, "x varchar"), []Part{{Rows: a}}); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "column x") {
		t.Errorf("a wrong type: %v", err)
	}
	if _, err := Gather(columns(t, "x decimal(10,2)"), []Part{{Rows: table(t, "x decimal(10,3)", `{"x":"1.5"}`)}}); err == nil {
		t.Error("a wrong scale is copied")
	}
}

func TestDictionariesBecomeOneOrNone(t *testing.T) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "{\"few\":\"f%d\",\"many\":\"m%d\"}\n", i%7, i)
	}
	r := encode(table(t, "few varchar, many varchar", text.String()))
	other := encode(table(t, "few varchar, many varchar", `{"few":"f6","many":"m"}`))
	got, err := Gather(r.Schema(), []Part{{Rows: r}, {Rows: other}, {Rows: table(t, "few varchar", `{"few":"plain"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	few, ok := got.Column(0).(*array.Dictionary)
	if !ok || few.Dictionary().Len() != 8 {
		t.Errorf("few: %v", got.Column(0).DataType())
	}
	if _, ok := got.Column(1).(*array.String); !ok {
		t.Errorf("many: %v", got.Column(1).DataType())
	}
	if want := string(allLines(r)) + `{"few":"f6","many":"m"}` + "\n" + `{"few":"plain","many":null}` + "\n"; string(allLines(got)) != want {
		t.Error("values differ")
	}
}

func TestSizeCountsWhatRowsTake(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "{\"l\":%d,\"v\":\"abcd\",\"b\":true,\"li\":[1,2],\"st\":{\"a\":1}}\n", i)
	}
	r := table(t, "l bigint, v varchar, b boolean, li bigint[], st struct(a integer), n null", text.String())
	want := int64(8000 + 4004 + 4000 + 125 + 4004 + 16000 + 4000)
	if got := Size(r); got != want {
		t.Errorf("%d, want %d", got, want)
	}
	if got := Size(r.NewSlice(0, 500)); got < want/2-20 || got > want/2+20 {
		t.Errorf("half: %d of %d", got, want)
	}
	cols := []arrow.Array{r.Column(0), r.Column(0)}
	if got := Size(array.NewRecordBatch(columns(t, "a bigint, b bigint"), cols, 1000)); got != 8000 {
		t.Errorf("one column twice: %d", got)
	}
	if Size(nil) != 0 {
		t.Error("nothing takes memory")
	}
}

func TestGatherAllocatesPerColumn(t *testing.T) {
	r := wide(10_000)
	index := make([]int32, 5000)
	for i := range index {
		index[i] = int32(i * 2)
	}
	parts := []Part{{r, index}, {r, index}}
	n := testing.AllocsPerRun(5, func() {
		if _, err := Gather(r.Schema(), parts); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1000 {
		t.Errorf("%v allocations for 10,000 rows", n)
	}
}

// wide is n rows of 15 columns as events have them: ids, words that repeat, numbers.
func wide(n int) arrow.RecordBatch {
	var fields []arrow.Field
	for i := range 15 {
		dt := []arrow.DataType{TextDictionary, arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64}[i%3]
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: dt, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range n {
		for c := range fields {
			switch f := b.Field(c).(type) {
			case *array.BinaryDictionaryBuilder:
				if err := f.AppendString([]string{"home", "product_a", "product_b", "cart"}[(i+c)%4]); err != nil {
					panic(err)
				}
			case *array.StringBuilder:
				f.Append(fmt.Sprintf("%032x", i*c))
			case *array.Int64Builder:
				f.Append(int64(i))
			}
		}
	}
	return b.NewRecordBatch()
}

func BenchmarkGather(b *testing.B) {
	for _, piece := range []int{16, 256, 4096} {
		b.Run(fmt.Sprintf("%d_rows_a_part", piece), func(b *testing.B) {
			var parts []Part
			rows := 0
			for rows < 65536 {
				r := wide(8192)
				index := make([]int32, piece)
				for i := range index {
					index[i] = int32(i * 8192 / piece)
				}
				if piece < 4096 {
					for range 16 {
						parts = append(parts, Part{r, index})
						rows += piece
					}
					if len(parts) > 300 {
						break
					}
					continue
				}
				parts = append(parts, Part{r, index})
				rows += piece
			}
			schema := parts[0].Rows.Schema()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Gather(schema, parts); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
