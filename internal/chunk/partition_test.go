package chunk

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

func partitioner(t testing.TB, path string, columns Columns, by ...string) *Partitioner {
	t.Helper()
	place, err := ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	partitions, err := ParsePartitionBy(by)
	if err != nil {
		t.Fatal(err)
	}
	return NewPartitioner(place.Below, partitions, columns)
}

// table makes a batch of JSON objects, one per line.
func table(t testing.TB, schema, lines string) arrow.RecordBatch {
	t.Helper()
	dt, err := rows.ParseType("struct(" + schema + ")")
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(dt.(*arrow.StructType).Fields(), nil))
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := b.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return b.NewRecordBatch()
}

// encoded has its strings in dictionaries.
func encoded(r arrow.RecordBatch) arrow.RecordBatch {
	fields, cols := r.Schema().Fields(), slices.Clone(r.Columns())
	for c, col := range cols {
		text, ok := col.(*array.String)
		if !ok {
			continue
		}
		b := array.NewDictionaryBuilder(memory.DefaultAllocator, rows.TextDictionary.(*arrow.DictionaryType)).(*array.BinaryDictionaryBuilder)
		for i := range text.Len() {
			if text.IsNull(i) {
				b.AppendNull()
			} else if err := b.AppendString(text.Value(i)); err != nil {
				panic(err)
			}
		}
		cols[c], fields[c].Type = b.NewArray(), rows.TextDictionary
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, r.NumRows())
}

func routedText(out Routed) string {
	var parts []string
	for _, g := range out.Groups {
		parts = append(parts, fmt.Sprint(g.Folder, g.Index))
	}
	for _, r := range out.Rejects {
		parts = append(parts, fmt.Sprintf("reject %d %s %s: %s", r.Offset, r.Kind, r.Column, r.Raw))
	}
	return strings.Join(parts, " ")
}

func TestRowsFindTheirFolders(t *testing.T) {
	long := strings.Repeat("x", 260)
	for _, c := range []struct {
		name, path string
		by         []string
		schema     string
		rows, want string
	}{
		{"Hive folders", "", []string{"year(ts)", "month(ts)", "page"}, "ts timestamptz, page varchar", `{"ts":"2024-01-05T00:00:00Z","page":"/home"}
			{"ts":"2024-02-05T00:00:00Z","page":"/home"}
			{"ts":"2024-01-31T23:59:59Z","page":"/home"}`, "year=2024/month=1/page=%2Fhome/[0 2] year=2024/month=2/page=%2Fhome/[1]"},
		{"null and the empty text", "", []string{"page", "n"}, "page varchar, n bigint", `{"page":"","n":1}
			{"page":"a"}
			{"n":1}`, "page=__HIVE_DEFAULT_PARTITION__/n=1/[0 2] page=a/n=__HIVE_DEFAULT_PARTITION__/[1]"},
		{"every type", "", []string{"b", "i", "d", "f", "n", "da", "ti", "ts"}, "b boolean, i tinyint, d double, f float, n decimal(10,2), da date, ti time, ts timestamp",
			`{"b":true,"i":-1,"d":0.5,"f":1,"n":"1.50","da":"2024-02-29","ti":"01:02:03","ts":"2024-02-29 01:02:03.5"}`,
			"b=true/i=-1/d=0.5/f=1.0/n=1.50/da=2024-02-29/ti=01%3A02%3A03/ts=2024-02-29 01%3A02%3A03.5/[0]"},
		{"an undecided column is null", "", []string{"u"}, "u null, x bigint", `{"x":1}`, "u=__HIVE_DEFAULT_PARTITION__/[0]"},
		{"bucket and truncate", "", []string{"bucket(16, id)", "truncate(10, id)", "truncate(2, s)"}, "id bigint, s varchar", `{"id":34,"s":"iceberg"}`, "id_bucket=3/id_trunc=30/s_trunc=ic/[0]"},
		{"braces", "out/{kind}/x-{n}/e.parquet", []string{"page"}, "kind varchar, n bigint, page varchar", `{"kind":"a/b","n":1,"page":"p"}
			{"kind":"c","n":2,"page":"p"}`, "a%2Fb/x-1/page=p/[0] c/x-2/page=p/[1]"},
		{"what cannot stand in a path is a reject", "{kind}/e.parquet", []string{"page"}, "kind varchar, page varchar", `{"page":"a"}
			{"kind":"..","page":"a"}
			{"kind":"ok","page":"` + long + `"}
			{"kind":"_gros","page":"a"}
			{"kind":"ok","page":"a"}
			{"kind":"","page":"a"}`, `ok/page=a/[4] reject 0 route kind: {"kind":null,"page":"a"} reject 1 route kind: {"kind":"..","page":"a"} reject 2 route page: {"kind":"ok","page":"` + long +
			`"} reject 3 route kind: {"kind":"_gros","page":"a"} reject 5 route kind: {"kind":"","page":"a"}`},
		{"binary has no name", "", []string{"x"}, "x blob", "{\"x\":\"AAEC\"}\n{}", `x=__HIVE_DEFAULT_PARTITION__/[1] reject 0 route x: {"x":"AAEC"}`},
		{"what has no value is a reject", "", []string{"y=cast(s as bigint)"}, "s varchar", "{\"s\":\"1\"}\n{\"s\":\"x\"}", `y=1/[0] reject 1 route s: {"s":"x"}`},
		{"names are escaped", "", []string{`"a/b"`}, `"a/b" bigint`, `{"a/b":1}`, "a%2Fb=1/[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.path == "" {
				c.path = "out/"
			}
			p := partitioner(t, c.path, DropColumns, c.by...)
			for _, r := range []arrow.RecordBatch{table(t, c.schema, c.rows), encoded(table(t, c.schema, c.rows)), table(t, c.schema, c.rows)} {
				got, err := p.Route(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if text := routedText(got); text != c.want {
					t.Errorf("got\n%s\nwant\n%s", text, c.want)
				}
			}
		})
	}
}

func TestColumnsThatStandInFoldersLeaveTheFile(t *testing.T) {
	r := table(t, "page varchar, ts date, u null, y bigint", `{"page":"a","ts":"2024-01-01","y":1}`)
	for _, c := range []struct {
		columns    Columns
		rows, file string
	}{{DropColumns, "ts u y ", "ts y "}, {KeepColumns, "page ts u y ", "page ts y "}} {
		p := partitioner(t, "out/", c.columns, "page", "year(ts)", "z=y")
		got, err := p.Route(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if s := names(got.Rows.Schema()); s != c.rows {
			t.Errorf("rows have %s", s)
		}
		if s := names(p.FileSchema(r.Schema())); s != c.file {
			t.Errorf("files have %s", s)
		}
	}
	var none *Partitioner
	if s := names(none.FileSchema(r.Schema())); s != "page ts y " {
		t.Errorf("files have %s", s)
	}
	if NewPartitioner(nil, nil, DropColumns) != nil {
		t.Error("one folder needs no Partitioner")
	}
}

func names(s *arrow.Schema) (text string) {
	for _, f := range s.Fields() {
		text += f.Name + " "
	}
	return text
}

func TestPartitionsThatDoNotFitTheRowsAreErrors(t *testing.T) {
	r := table(t, "page varchar, year bigint, ts date", `{}`)
	for _, by := range []string{"pgae", "year(ts)", "year(page)"} {
		_, err := partitioner(t, "out/", DropColumns, by).Route(t.Context(), r)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", by, err)
		}
	}
}

func TestDoublesAreWrittenAsJavaDoes(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 1: "1.0", -1.5: "-1.5", 1e7: "1.0E7", 9999999: "9999999.0", 0.001: "0.001", 0.00015: "1.5E-4", 1.25e100: "1.25E100", math.Inf(-1): "-Infinity"} {
		if got := string(appendDouble(nil, v, 64)); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
	if got := string(appendDouble(nil, float64(float32(0.1)), 32)); got != "0.1" {
		t.Error(got)
	}
}

func TestEachBatchHasItsOwnDictionary(t *testing.T) {
	p := partitioner(t, "out/", DropColumns, "page")
	for _, c := range []struct{ rows, want string }{
		{"{\"page\":\"a\"}\n{\"page\":\"b\"}", "page=a/[0] page=b/[1]"}, {"{\"page\":\"b\"}\n{\"page\":\"a\"}", "page=b/[0] page=a/[1]"}, {"{\"page\":\"c\"}\n{}", "page=c/[0] page=__HIVE_DEFAULT_PARTITION__/[1]"},
	} {
		got, err := p.Route(t.Context(), encoded(table(t, "page varchar", c.rows)))
		if err != nil || routedText(got) != c.want {
			t.Errorf("%s, want %s: %v", routedText(got), c.want, err)
		}
	}
}

func TestForgettingKeepsFoldersRight(t *testing.T) {
	p := partitioner(t, "out/", DropColumns, "id", "m=id % 7")
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for batch := range 4 {
		for i := range 40_000 {
			b.Append(int64(batch*30_000 + i))
		}
		col := b.NewArray()
		schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil)
		got, err := p.Route(t.Context(), array.NewRecordBatch(schema, []arrow.Array{col}, 40_000))
		if err != nil || len(got.Groups) != 40_000 {
			t.Fatalf("%d groups, %v", len(got.Groups), err)
		}
		for i, g := range got.Groups {
			id := batch*30_000 + i
			if g.Folder != fmt.Sprintf("id=%d/m=%d/", id, id%7) || len(g.Index) != 1 || g.Index[0] != int32(i) {
				t.Fatalf("row %d is in %s", i, g.Folder)
			}
		}
	}
}

func TestRoutingAllocatesPerBatch(t *testing.T) {
	for _, r := range []arrow.RecordBatch{events(65_536, 3000), encoded(events(65_536, 3000))} {
		p := partitioner(t, "out/", DropColumns, "year(ts)", "month(ts)", "day(ts)", "page")
		if _, err := p.Route(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(3, func() {
			if _, err := p.Route(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		})
		if perRow := n / float64(r.NumRows()); perRow > 0.1 {
			t.Errorf("%v allocations a row", perRow)
		}
	}
}

// events is n rows of a time, a page and an id, on so many pages in no order.
func events(n, pages int) arrow.RecordBatch {
	ts := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"})
	page, id := array.NewStringBuilder(memory.DefaultAllocator), array.NewInt64Builder(memory.DefaultAllocator)
	state := uint64(1)
	for i := range n {
		state = state*6364136223846793005 + 1442695040888963407
		ts.Append(arrow.Timestamp(1.7e15 + i*1000))
		page.Append(fmt.Sprintf("/page/%d", (state>>33)%uint64(pages)))
		id.Append(int64(i))
	}
	cols := []arrow.Array{ts.NewArray(), page.NewArray(), id.NewArray()}
	fields := []arrow.Field{{Name: "ts", Type: cols[0].DataType()}, {Name: "page", Type: cols[1].DataType()}, {Name: "id", Type: cols[2].DataType()}}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, int64(n))
}

func BenchmarkRoute(b *testing.B) {
	for _, pages := range []int{6, 3000} {
		for name, r := range map[string]arrow.RecordBatch{"plain": events(65_536, pages), "dictionary": encoded(events(65_536, pages))} {
			b.Run(fmt.Sprintf("%d_pages_%s", pages, name), func(b *testing.B) {
				p := partitioner(b, "out/", DropColumns, "year(ts)", "month(ts)", "day(ts)", "page")
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Route(b.Context(), r); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(65_536*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}
