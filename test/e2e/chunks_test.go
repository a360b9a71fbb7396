package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var ids = regexp.MustCompile(`[0-9a-f]{32}`)

// shapes returns the keys of the chunks below a place, ID in place of each id, which must be its own and a UUIDv7.
func shapes(t *testing.T, place string) (all []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, key := range chunks(t, place) {
		found := ids.FindAllString(key, -1)
		if len(found) != 1 || seen[found[0]] || found[0][12] != '7' || !strings.Contains("89ab", found[0][16:17]) {
			t.Errorf("%s has no UUIDv7 of its own", key)
		}
		seen[strings.Join(found, "")] = true
		all = append(all, ids.ReplaceAllString(key, "ID"))
	}
	slices.Sort(all)
	return all
}

func TestThePathTellsNameAndFormatOfChunks(t *testing.T) {
	for _, c := range []struct{ dest, want, magic string }{
		{"out/", "out/part_ID.parquet", "PAR1"},
		{"data/events.parquet", "data/events_ID.parquet", "PAR1"},
		{"events.jsonl", "events_ID.jsonl", `{"a":1}`},
		{"events.jsonl.gz", "events_ID.jsonl.gz", "\x1f\x8b"},
		{"events.jsonl.zst", "events_ID.jsonl.zst", "\x28\xb5\x2f\xfd"},
		{"events.csv", "events_ID.csv", "a\n1\n"},
		{"events.csv.gz", "events_ID.csv.gz", "\x1f\x8b"},
		{"a/b/c/", "a/b/c/part_ID.parquet", "PAR1"},
	} {
		t.Run(c.dest, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			egress(t, dir, `{"a":1}`, c.dest)
			if got := shapes(t, dir); !slices.Equal(got, []string{c.want}) {
				t.Errorf("chunks %q, want %q", got, c.want)
			}
			if text := dataOf(t, dir); !strings.HasPrefix(text, c.magic) {
				t.Errorf("begins with %.20q", text)
			}
			egress(t, dir, `{"a":2}`, c.dest)
			if got := shapes(t, dir); len(got) != 2 {
				t.Errorf("chunks after two: %q", got)
			}
			_, rows := verified(t, dir, c.dest)
			if rows != 2 {
				t.Errorf("%d rows", rows)
			}
		})
	}
	t.Run("file://", func(t *testing.T) {
		dir := t.TempDir()
		egress(t, dir, `{"a":1}`, "file://"+dir+"/deep/er/")
		if got := shapes(t, dir); !slices.Equal(got, []string{"deep/er/part_ID.parquet"}) {
			t.Errorf("chunks %q", got)
		}
	})
	t.Run("a suffix of no format", func(t *testing.T) {
		r := run(t, t.TempDir(), `{"a":1}`, "egress", "events.txt")
		if r.code != 2 || !strings.Contains(r.stderr, ".txt is the suffix of no format") {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
	})
}

const partitioned = `{"id":1,"ts":"2024-01-31T23:30:00Z","page":"/home","n":34,"f":1.5,"b":true,"d":"2024-02-29"}
{"id":2,"ts":"2023-12-01T00:00:00Z","page":"a b%c=é","n":-1,"f":1e10,"b":false,"d":"2024-01-01"}
{"id":3,"ts":null,"page":null,"n":null,"f":null,"b":null,"d":null}
`

func TestPartitionsAreFoldersAsHiveAndSparkWriteThem(t *testing.T) {
	const null = "__HIVE_DEFAULT_PARTITION__"
	for _, c := range []struct {
		by      []string
		folders []string
		left    string // columns of the files
	}{
		{[]string{"year(ts)", "month(ts)", "page"}, []string{"year=2023/month=12/page=a b%25c%3Dé", "year=2024/month=1/page=%2Fhome", "year=" + null + "/month=" + null + "/page=" + null}, "id ts n f b d"},
		{[]string{"y=year(ts)", "day(ts)", "hour(ts)"}, []string{"y=2023/day=1/hour=0", "y=2024/day=31/hour=23", "y=" + null + "/day=" + null + "/hour=" + null}, "id ts page n f b d"},
		{[]string{"bucket(16, n)", "truncate(10, n)"}, []string{"n_bucket=3/n_trunc=30", "n_bucket=8/n_trunc=-10", "n_bucket=" + null + "/n_trunc=" + null}, "id ts page n f b d"},
		{[]string{"b", "f", "d"}, []string{"b=" + null + "/f=" + null + "/d=" + null, "b=false/f=1.0E10/d=2024-01-01", "b=true/f=1.5/d=2024-02-29"}, "id ts page n"},
		{[]string{"p=lower(page)"}, []string{"p=%2Fhome", "p=" + null, "p=a b%25c%3Dé"}, "id ts page n f b d"},
	} {
		t.Run(strings.Join(c.by, " "), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := []string{"out/"}
			for _, by := range c.by {
				args = append(args, "--partition-by", by)
			}
			egress(t, dir, partitioned, args...)
			out := filepath.Join(dir, "out")
			var want []string
			for _, folder := range c.folders {
				want = append(want, folder+"/part_ID.parquet")
			}
			slices.Sort(want)
			if got := shapes(t, out); !slices.Equal(got, want) {
				t.Errorf("chunks\n%q\nwant\n%q", got, want)
			}
			answers(t, out, "select string_agg(name, ' ') from parquet_schema(@[1]) where name <> 'schema'", "["+fmt.Sprintf("%q", c.left)+"]")
			answers(t, out, "select list(id order by id) from read_parquet(@, hive_partitioning = true)", "[[1,2,3]]")
			if c.by[0] == "b" {
				answers(t, out, "select id, b::varchar, f::double, d::varchar from read_parquet(@, hive_partitioning = true) order by id",
					`[1,"true",1.5,"2024-02-29"]`, `[2,"false",10000000000.0,"2024-01-01"]`, `[3,null,null,null]`)
			}
		})
	}
}

func TestPartitionColumnsCanStay(t *testing.T) {
	dir := t.TempDir()
	egress(t, dir, partitioned, "out/", "--partition-by", "page", "--keep-partition-columns")
	answers(t, filepath.Join(dir, "out"), "select id, page from read_parquet(@, hive_partitioning = false) order by id", `[1,"/home"]`, `[2,"a b%c=é"]`, `[3,null]`)
}

func TestPartitionsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		by   []string
		says string
		hint string
	}{
		{[]string{"year(ts)", "year=year(d)"}, "both make folders named year", "year2=year(d)"},
		{[]string{"page", "page"}, "both make folders named page", ""},
		{[]string{"lower(page)"}, "an expression needs a name", "name=lower(page)"},
		{[]string{"pgae"}, "there is no column pgae", "page"},
		{[]string{"yeer(ts)"}, "yeer", "year"},
		{[]string{"year(page"}, "year(page", ""},
	} {
		t.Run(strings.Join(c.by, " "), func(t *testing.T) {
			t.Parallel()
			args := []string{"egress", "out/"}
			for _, by := range c.by {
				args = append(args, "--partition-by", by)
			}
			dir := t.TempDir()
			r := run(t, dir, partitioned, args...)
			if r.code != 2 || !strings.Contains(r.stderr, c.says) || !strings.Contains(r.stderr, c.hint) {
				t.Errorf("exit %d: %s", r.code, r.stderr)
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "out", "*.parquet")); len(found) > 0 {
				t.Errorf("wrote %q", found)
			}
		})
	}
}

// What matches but cannot be rendered as a path is a reject; what can, however odd, is a folder that engines read back.
func TestOddValuesInPaths(t *testing.T) {
	odd := []string{"a b", "50%", "x=y", "a/b", "..", ".", "_hidden", "日本語", "tab\there", `q"uote`, "new\nline", "[1]", "{2}", "%2F", "C:\\x", "*?#", "__HIVE", strings.Repeat("y", 200)}
	var in strings.Builder
	for i, v := range odd {
		fmt.Fprintf(&in, `{"id":%d,"v":%s,"w":%s}`+"\n", i, quoted(v), quoted(v))
	}
	fmt.Fprintf(&in, `{"id":%d,"v":%s}`+"\n", 1000, quoted(strings.Repeat("z", 300)))
	dir := t.TempDir()
	egress(t, dir, in.String(), "out/", "--partition-by", "v")
	out := filepath.Join(dir, "out")
	if _, sum := records(t, out, "part"); sum != (counts{Read: int64(len(odd)) + 1, Written: int64(len(odd)), Rejected: 1}) {
		t.Errorf("counts %+v", sum)
	}
	refused := rejects(t, out, "part")
	if len(refused) != 1 || refused[0].Kind != "route" || refused[0].Column != "v" || !strings.Contains(refused[0].Raw, `"id":1000`) {
		t.Errorf("rejects %+v", refused)
	}
	verified(t, dir, "out/")
	answers(t, out, "select count(*), count(distinct id), count_if(v is distinct from w) from read_parquet(@, hive_partitioning = true, hive_types_autocast = false)",
		fmt.Sprintf("[%d,%d,0]", len(odd), len(odd)))
}

func quoted(s string) string {
	return `"` + strings.NewReplacer("\\", `\\`, `"`, `\"`, "\t", `\t`, "\n", `\n`).Replace(s) + `"`
}

func TestFieldsInAPathRouteRows(t *testing.T) {
	dir := t.TempDir()
	egress(t, dir, `{"kind":"click","id":1}
{"kind":"a/b","id":2}
{"kind":null,"id":3}
`, "out/{kind}/events.jsonl")
	want := []string{"a%2Fb/events_ID.jsonl", "click/events_ID.jsonl"}
	got := shapes(t, filepath.Join(dir, "out"))
	if len(got) == 3 {
		want = []string{"__HIVE_DEFAULT_PARTITION__/events_ID.jsonl", "a%2Fb/events_ID.jsonl", "click/events_ID.jsonl"}
	}
	if !slices.Equal(got, want) {
		t.Errorf("chunks %q", got)
	}
	if _, sum := records(t, filepath.Join(dir, "out"), "events"); sum.Read != 3 || sum.Written+sum.Rejected != 3 {
		t.Errorf("counts %+v", sum)
	}
}

func TestFilesRoll(t *testing.T) {
	var in strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&in, `{"id":%d,"text":"%x%x"}`+"\n", i, uint64(i)*0x9E3779B97F4A7C15, uint64(i)*0xC2B2AE3D27D4EB4F)
	}
	t.Run("by rows", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		egress(t, dir, in.String(), "out/", "--roll-rows", "1000")
		if n := len(chunks(t, filepath.Join(dir, "out"))); n != 10 {
			t.Errorf("%d files", n)
		}
		answers(t, filepath.Join(dir, "out"), "select max(num_rows), sum(num_rows) from parquet_file_metadata(@)", "[1000,10000]")
	})
	t.Run("by size", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		egress(t, dir, in.String(), "out.jsonl", "--roll-size", "100KiB")
		total, keys := 0, chunks(t, dir)
		for _, key := range keys {
			size := len(contents(t, filepath.Join(dir, key)))
			total += size
			if size > 112_640 {
				t.Errorf("%s has %d bytes", key, size)
			}
		}
		if total != in.Len() || len(keys) > total/(90<<10)+1 {
			t.Errorf("%d files of %d bytes, %d came", len(keys), total, in.Len())
		}
	})
}

func TestSinksEachGetEveryRow(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p.yaml", `
name: two
source: {generate: {kind: rows, rows: 1000, columns: {id: sequence, country: {one_of: {DE: 0.5, FR: 0.5}}}}}
sinks:
  - {name: all, files: {path: all/}}
  - {name: german, where: "country = 'DE'", files: {path: some/de.parquet}}
  - {name: french, where: "country = 'FR'", files: {path: some/fr.jsonl}}
`)
	must(t, dir, "", "run", "p.yaml")
	_, all := records(t, filepath.Join(dir, "all"), "part")
	_, german := records(t, filepath.Join(dir, "some"), "de")
	_, french := records(t, filepath.Join(dir, "some"), "fr")
	if all != (counts{Read: 1000, Written: 1000}) {
		t.Errorf("all %+v", all)
	}
	if german.Read != 1000 || german.Written+german.Filtered != 1000 || german.Written == 0 || german.Filtered == 0 ||
		french.Written != german.Filtered || french.Filtered != german.Written {
		t.Errorf("german %+v, french %+v", german, french)
	}
	if _, rows := verified(t, dir, "some/"); rows != 1000 {
		t.Errorf("two stems of one folder: %d rows", rows)
	}
	must(t, dir, "", "run", "p.yaml")
	if _, again := records(t, filepath.Join(dir, "all"), "part"); again != all {
		t.Errorf("a second run of what has ended: %+v", again)
	}
}

// What lies at a place and is none of ours stays, and two stems share a folder.
func TestForeignFilesStayUntouched(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if err := os.MkdirAll(filepath.Join(out, "year=2020"), 0o755); err != nil {
		t.Fatal(err)
	}
	foreign := []string{"old.parquet", "part_notes.txt", "year=2020/part_1.parquet", "part_0123456789abcdef0123456789abcdef.parquet"}
	for _, name := range foreign {
		write(t, out, name, "foreign "+name)
	}
	egress(t, dir, `{"a":1}`, "out/")
	egress(t, dir, `{"a":1}`, "out/")
	egress(t, dir, `{"b":1}`, "out/other.parquet")
	for _, name := range foreign {
		if text := contents(t, filepath.Join(out, name)); text != "foreign "+name {
			t.Errorf("%s was changed: %.40q", name, text)
		}
	}
	if got := len(chunks(t, out)); got != len(foreign)+3 {
		t.Errorf("%d files", got)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Open partitions are bounded by bytes: none is refused.
func TestAThousandOpenPartitionsStayInsideTheBound(t *testing.T) {
	const rows, folders, memory = 200_000, 1000, 64 << 20
	dir := t.TempDir()
	fed(t, dir, repeated(rows, func(i int) string {
		return fmt.Sprintf(`{"id":%d,"p":%d,"text":"%064x"}`+"\n", i, i%folders, uint64(i)*0x9E3779B97F4A7C15)
	}), "egress", "out/", "--partition-by", "p", "--memory", "64MiB", "--commit-every", "1h").well(t).inside(t, memory)
	out := filepath.Join(dir, "out")
	if _, sum := records(t, out, "part"); sum != (counts{Read: rows, Written: rows}) {
		t.Errorf("counts %+v", sum)
	}
	answers(t, out, "select count(*), count(distinct id), count(distinct p) from read_parquet(@, hive_partitioning = true)", fmt.Sprintf("[%d,%d,%d]", rows, rows, folders))
}
