package files

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/connector/connectortest"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/format/parquet"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

var formats = format.Registry{json.Format, parquet.Format}

// world is a bucket under mem:// with some files.
func world(t testing.TB, files map[string]string) (connector.Env, *mem.Bucket) {
	t.Helper()
	b := mem.New()
	for key, text := range files {
		put(t, b, key, text)
	}
	return connector.Env{
		Name: "in", Formats: formats, Log: slog.New(slog.DiscardHandler),
		Buckets: func(_ context.Context, place string) (bucket.Bucket, string, error) {
			return b, strings.TrimPrefix(place, "mem://"), nil
		},
	}, b
}

func put(t testing.TB, b bucket.Bucket, key, text string) {
	t.Helper()
	if _, err := bucket.PutBytes(t.Context(), b, key, []byte(text), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func newSource(t testing.TB, env connector.Env, c SourceConfig) *source {
	t.Helper()
	s, err := openSource(t.Context(), env, &c)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*source)
}

// ids are the splits that are yielded first.
func ids(t testing.TB, s connector.Source) []string {
	t.Helper()
	for splits, err := range s.Splits(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, s := range splits {
			all = append(all, s.ID)
		}
		return all
	}
	return nil
}

func split(id string) rows.Split { return rows.Split{Source: "in", ID: id} }

// readAll reads a file to its end, as far as it can be read.
func readAll(t testing.TB, s connector.Source, id string, pos rows.Position) (all []rows.Batch, err error) {
	t.Helper()
	for b, err := range s.Read(t.Context(), split(id), pos) {
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
	return all, nil
}

// parquetFile has n rows in row groups of three.
func parquetFile(t testing.TB, n int) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	e, err := parquet.Format.Encoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := e.Begin(schema)
	if err != nil {
		t.Fatal(err)
	}
	var runs []format.Run
	for at := 0; at < n; at += 3 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := at; i < min(n, at+3); i++ {
			b.Field(0).(*array.Int64Builder).Append(int64(i))
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("word", i))
		}
		run, err := e.Encode(t.Context(), schema, []arrow.RecordBatch{b.NewRecordBatch()})
		if err != nil {
			t.Fatal(err)
		}
		file, runs = append(file, run.Bytes...), append(runs, run)
	}
	end, err := e.End(schema, runs)
	if err != nil {
		t.Fatal(err)
	}
	return string(append(file, end...))
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// long is JSON lines of some blocks.
func long() string {
	var b strings.Builder
	for i := 0; b.Len() < 20<<20; i++ {
		fmt.Fprintf(&b, "{\"i\":%d,\"pad\":\"%s\"}\n", i, strings.Repeat("x", 100_000))
	}
	return b.String()
}

func TestSource(t *testing.T) {
	text, columns := long(), parquetFile(t, 10)
	small := packed(t, text)
	env := func(t testing.TB) connector.Env {
		e, _ := world(t, map[string]string{"d/a.jsonl": text, "d/b.jsonl.gz": small, "p/year=2024/x.parquet": columns, "p/year=2025/x.parquet": columns})
		return e
	}
	connectortest.Run(t, Connector,
		connectortest.Case{Name: "lines", Source: &SourceConfig{Path: []string{"mem://d/"}}, Env: env},
		connectortest.Case{Name: "columns", Source: &SourceConfig{Path: []string{"mem://p/**/*.parquet"}, Hive: true}, Env: env},
		connectortest.Case{Name: "of a disk", Source: &SourceConfig{Path: []string{"p/*/*.parquet"}}, Env: func(t testing.TB) connector.Env {
			b, err := file.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			put(t, b, "p/a/x.parquet", columns)
			put(t, b, "p/_b/x.parquet", columns)
			e, _ := world(t, nil)
			e.Buckets = func(_ context.Context, place string) (bucket.Bucket, string, error) { return b, place, nil }
			return e
		}},
		connectortest.Case{Name: "with watch", Source: &SourceConfig{Path: []string{"mem://p/"}, Columns: []string{"word"}, Watch: time.Minute}, Env: env},
	)
}

func TestPathsMeanTheirFiles(t *testing.T) {
	env, _ := world(t, map[string]string{
		"d/a.jsonl": "", "d/b.jsonl": "", "d/sub/c.jsonl": "", "d/sub/deep/d.jsonl.gz": "", "d/e.parquet": "", "d/readme.txt": "", "dx/f.jsonl": "",
		"d/_gros/log/1.jsonl": "", "d/.hidden.jsonl": "", "d/_tmp/g.jsonl": "", "d/_k=1/h.jsonl": "", "d/w[1].jsonl": "", "_only/i.jsonl": "",
		"ä/ö b.jsonl": "",
	})
	for path, want := range map[string]string{
		"d/":                  "d/_k=1/h.jsonl d/a.jsonl d/b.jsonl d/e.parquet d/sub/c.jsonl d/sub/deep/d.jsonl.gz d/w[1].jsonl",
		"d":                   "d/_k=1/h.jsonl d/a.jsonl d/b.jsonl d/e.parquet d/sub/c.jsonl d/sub/deep/d.jsonl.gz d/w[1].jsonl",
		"d/*.jsonl":           "d/a.jsonl d/b.jsonl d/w[1].jsonl",
		"d/*/*.jsonl":         "d/_k=1/h.jsonl d/sub/c.jsonl",
		"d/**/*.jsonl":        "d/_k=1/h.jsonl d/a.jsonl d/b.jsonl d/sub/c.jsonl d/w[1].jsonl",
		"d/**.gz":             "d/sub/deep/d.jsonl.gz",
		"d/[ab].jsonl":        "d/a.jsonl d/b.jsonl",
		"d/[!a].jsonl":        "d/b.jsonl",
		"d/?.{jsonl,parquet}": "d/a.jsonl d/b.jsonl d/e.parquet",
		"d/w[1].jsonl":        "d/w[1].jsonl",
		"d/w[2].jsonl":        "",
		"d/w[[]1].jsonl":      "d/w[1].jsonl",
		"d/a.jsonl":           "d/a.jsonl",
		"d/.hidden.jsonl":     "d/.hidden.jsonl",
		"d/_tmp/":             "d/_tmp/g.jsonl",
		"_only/":              "_only/i.jsonl",
		"d/_*/**":             "d/_k=1/h.jsonl d/_tmp/g.jsonl",
		"ä/*.jsonl":           "ä/ö b.jsonl",
		"**/c.jsonl":          "d/sub/c.jsonl",
	} {
		s := newSource(t, env, SourceConfig{Path: []string{"mem://" + path}})
		var got []string
		for splits, err := range s.Splits(t.Context()) {
			if want == "" && fault.Is(err, fault.NotFound) && fault.HintOf(err) != "" {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			for _, s := range splits {
				got = append(got, strings.TrimPrefix(s.ID, "mem://"))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s means %q, want %q", path, strings.Join(got, " "), want)
		}
	}
}

func TestSeveralPathsAreOneListWithoutDoubles(t *testing.T) {
	env, _ := world(t, map[string]string{"d/a.jsonl": "", "d/b.jsonl": "", "c/x.jsonl": ""})
	got := ids(t, newSource(t, env, SourceConfig{Path: []string{"mem://d/*.jsonl", "mem://c/", "mem://d/a.jsonl"}}))
	if want := []string{"mem://c/x.jsonl", "mem://d/a.jsonl", "mem://d/b.jsonl"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSplitsAreNamedAsThePathIsWritten(t *testing.T) {
	for path, want := range map[[2]string]string{
		{"data/*.jsonl", "*.jsonl"}: "data/", {"data/", ""}: "data/", {"data", ""}: "data/", {"./data//x.jsonl", "x.jsonl"}: "data/",
		{"x.jsonl", "x.jsonl"}: "", {".", ""}: "", {"/data/x", "x"}: "/data/", {"/", ""}: "/", {"s3://b/p/*.x", "p/*.x"}: "s3://b/", {"../x", "x"}: "../",
	} {
		if got := nameOf(path[0], path[1]); got != want {
			t.Errorf("%v: %q, want %q", path, got, want)
		}
	}
}

func TestFilesThatCannotBeReadSayWhy(t *testing.T) {
	env, b := world(t, map[string]string{"d/a.jsonl": "{\"a\":1}\n{\"a\":2}\n", "d/x.txt": "", "d/bad.parquet": "PAR1 and no more", "z/y.dat": "", "d/c.parquet": parquetFile(t, 1)})
	end := func(s *source, id string, pos rows.Position) error { _, err := readAll(t, s, id, pos); return err }
	d := newSource(t, env, SourceConfig{Path: []string{"mem://d/"}})
	put(t, b, "d/a.jsonl", "{}\n")
	for what, c := range map[string]struct {
		err  error
		kind fault.Kind
		text string
	}{
		"gone":      {end(d, "mem://d/b.jsonl", ""), fault.NotFound, "mem://d/b.jsonl: the file is gone"},
		"elsewhere": {end(d, "mem://e/b.jsonl", ""), fault.NotFound, "no path means the file mem://e/b.jsonl"},
		"shrunk":    {end(d, "mem://d/a.jsonl", "16"), fault.Corrupt, "mem://d/a.jsonl: position 16 is past the end at byte 3"},
		"damaged":   {end(d, "mem://d/bad.parquet", ""), fault.Corrupt, "mem://d/bad.parquet: "},
		"unknown":   {first(newSource(t, env, SourceConfig{Path: []string{"mem://d/*.txt"}})), fault.Invalid, "mem://d/x.txt: no format has files of this suffix"},
		"nothing":   {first(newSource(t, env, SourceConfig{Path: []string{"mem://q/"}})), fault.NotFound, "there is no file at mem://q/"},
		"no format": {first(newSource(t, env, SourceConfig{Path: []string{"mem://z/"}})), fault.NotFound, "there is no file at mem://z/"},
		"column":    {end(newSource(t, env, SourceConfig{Path: []string{"mem://d/"}, Columns: []string{"wrod"}}), "mem://d/c.parquet", ""), fault.Invalid, "mem://d/c.parquet: column wrod: there is none of this name"},
	} {
		if c.err == nil || fault.KindOf(c.err) != c.kind || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %v (%v), want %v %q", what, c.err, fault.KindOf(c.err), c.kind, c.text)
		}
	}
	for _, c := range []SourceConfig{{}, {Path: []string{"mem://d/[a"}}, {Path: []string{"mem://d/{a"}}, {Path: []string{"mem://d/"}, Format: "jsn"}, {Path: []string{"x"}, Watch: -1}} {
		if _, err := openSource(t.Context(), env, &c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// first is the error of the first splits.
func first(s *source) error {
	for _, err := range s.Splits(context.Background()) {
		return err
	}
	return nil
}

func TestAFormatThatIsNamedHoldsForAllFiles(t *testing.T) {
	env, _ := world(t, map[string]string{"d/x.log": "{\"a\":1}\n", "d/y": "{\"a\":2}\n"})
	s := newSource(t, env, SourceConfig{Path: []string{"mem://d/"}, Format: "json"})
	if got := ids(t, s); len(got) != 2 {
		t.Fatal(got)
	}
	all, err := readAll(t, s, "mem://d/x.log", "")
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if p, ok := rows.PayloadOf(all[0].Rows); !ok || p.Format != "json" || string(p.Values.Value(0)) != "{\"a\":1}\n" {
		t.Errorf("read %v", all[0].Rows)
	}
}

func TestFoldersBecomeColumns(t *testing.T) {
	four := parquetFile(t, 4)
	env, _ := world(t, map[string]string{
		"p/year=2024/page=%2Fhome/word=own/x.parquet": four, "p/year=__HIVE_DEFAULT_PARTITION__/page=7/x.parquet": four,
		"p/year=2025/page=__HIVE_DEFAULT_PARTITION__/x.parquet": four, "p/year=2025/page=0/x.jsonl": "{}\n",
	})
	c := SourceConfig{Path: []string{"mem://p/"}, Hive: true}
	columns := func(c SourceConfig, id string) string {
		all, err := readAll(t, newSource(t, env, c), "mem://p/"+id, "") // without asking for Splits, as after a restart
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i, f := range all[0].Rows.Schema().Fields() {
			if all[0].Rows.Column(i).Len() != int(all[0].Rows.NumRows()) {
				t.Fatalf("%s has %d rows", f.Name, all[0].Rows.Column(i).Len())
			}
			if f.Name != rows.PayloadColumn {
				out = append(out, fmt.Sprintf("%s %s %s", f.Name, f.Type.ID(), all[0].Rows.Column(i).ValueStr(0)))
			}
		}
		return strings.Join(out, ", ")
	}
	pruned, off := c, c
	pruned.Columns, off.Hive = []string{"page", "id"}, false
	for _, x := range []struct {
		c        SourceConfig
		id, want string
	}{
		{c, "year=2024/page=%2Fhome/word=own/x.parquet", "id INT64 0, word STRING word0, year INT64 2024, page DICTIONARY /home"},
		{c, "year=__HIVE_DEFAULT_PARTITION__/page=7/x.parquet", "id INT64 0, word STRING word0, year INT64 (null), page DICTIONARY 7"},
		{c, "year=2025/page=__HIVE_DEFAULT_PARTITION__/x.parquet", "id INT64 0, word STRING word0, year INT64 2025, page STRING (null)"},
		{c, "year=2025/page=0/x.jsonl", "year INT64 2025, page DICTIONARY 0"},
		{pruned, "year=2025/page=__HIVE_DEFAULT_PARTITION__/x.parquet", "id INT64 0, page STRING (null)"},
		{off, "year=2025/page=__HIVE_DEFAULT_PARTITION__/x.parquet", "id INT64 0, word STRING word0"},
	} {
		if got := strings.ReplaceAll(columns(x.c, x.id), "DICTIONARY word", "STRING word"); got != x.want {
			t.Errorf("%s: %s, want %s", x.id, got, x.want)
		}
	}
	if _, err := readAll(t, newSource(t, env, SourceConfig{Path: c.Path, Hive: true, Columns: []string{"year"}}), "mem://p/year=2025/page=0/x.jsonl", ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("columns of folders alone: %v", err)
	}
}

func TestFoldersOfTextsBecomeColumnsWhenTheyAreDecoded(t *testing.T) {
	env, _ := world(t, map[string]string{"p/year=2024/page=%2Fhome/id=7/x.jsonl": "{\"id\":1}\n{\"id\":2}\nno JSON\n{\"id\":3}\n"})
	all, err := readAll(t, newSource(t, env, SourceConfig{Path: []string{"mem://p/"}, Hive: true}), "mem://p/year=2024/page=%2Fhome/id=7/x.jsonl", "")
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	decode := stage.NewDecode(stage.Env{Formats: formats}, stage.DecodeConfig{})
	var got []string
	err = decode.Apply(t.Context(), all[0], func(b rows.Batch) error {
		if len(b.Rejects) != 1 {
			t.Errorf("%d rejects", len(b.Rejects))
		}
		for i := range int(b.Len()) {
			got = append(got, string(rows.AppendJSON(nil, b.Rows, i)))
		}
		return nil
	})
	want := []string{`{"id":1,"year":2024,"page":"/home"}`, `{"id":2,"year":2024,"page":"/home"}`, `{"id":3,"year":2024,"page":"/home"}`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
}

func TestTheTypeOfAFolderStays(t *testing.T) {
	env, b := world(t, map[string]string{"p/k=1/x.parquet": parquetFile(t, 1)})
	s := newSource(t, env, SourceConfig{Path: []string{"mem://p/"}, Hive: true})
	for range 2 {
		ids(t, s)
		all, err := readAll(t, s, "mem://p/k=1/x.parquet", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := all[0].Rows.Column(2).DataType().ID(); got != arrow.INT64 {
			t.Errorf("k is %v", got)
		}
		put(t, b, "p/k=a/x.parquet", parquetFile(t, 1))
	}
}

func TestNewFilesAreFoundWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, b := world(t, nil)
		s := newSource(t, env, SourceConfig{Path: []string{"mem://d/"}, Watch: 10 * time.Second})
		begin := time.Now()
		at := func(after time.Duration, key string) {
			time.AfterFunc(after, func() { put(t, b, key, "{}\n") })
		}
		at(25*time.Second, "d/b.jsonl")
		at(41*time.Second, "d/a.jsonl")
		at(61*time.Second, "d/x.txt")
		ctx, cancel := context.WithTimeout(t.Context(), 115*time.Second)
		defer cancel()
		var got []string
		for splits, err := range s.Splits(ctx) {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			got = append(got, fmt.Sprint(time.Since(begin), " ", len(splits), " ", splits[0].ID))
		}
		if want := []string{"30s 1 mem://d/b.jsonl", "50s 2 mem://d/a.jsonl", "context deadline exceeded"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
