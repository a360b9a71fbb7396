package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/test/services"
)

// ended is what a command said, and the memory that it took.
type ended struct {
	result
	peak int64 // bytes of resident memory at most
}

// fed runs a command whose standard input is anything.
func fed(t testing.TB, dir string, stdin io.Reader, args ...string) ended {
	t.Helper()
	c := gros(dir, args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = stdin, &out, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	peak, limit := int64(0), time.After(2*time.Minute)
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(5 * time.Millisecond): // the rusage of a child begins with its parent's
			peak = max(peak, highWater(c.Process.Pid))
		case <-limit:
			c.Process.Kill()
			<-done
			t.Fatalf("gros %s hangs\n%s", strings.Join(args, " "), errs.String())
		}
	}
	if strings.Contains(errs.String(), "goroutine ") {
		t.Errorf("gros %s panics\n%s", strings.Join(args, " "), errs.String())
	}
	return ended{result{c.ProcessState.ExitCode(), out.String(), errs.String()}, peak}
}

// highWater is the most memory that a process has had, 0 if it is gone.
func highWater(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, found := strings.Cut(string(text), "VmHWM:")
	if !found {
		return 0
	}
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0
	}
	return kib << 10
}

// well ends the test unless the command succeeded.
func (e ended) well(t testing.TB) ended {
	t.Helper()
	if e.code != 0 {
		t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	return e
}

// inside checks that a command took no more than its bound and what the program itself needs.
func (e ended) inside(t testing.TB, bound int64) ended {
	t.Helper()
	t.Logf("peak %d MiB", e.peak>>20)
	if e.peak > bound+100<<20 {
		t.Errorf("%d MiB resident, with a bound of %d MiB", e.peak>>20, bound>>20)
	}
	return e
}

// egress feeds bytes to gros egress, which must succeed.
func egress(t testing.TB, dir, stdin string, args ...string) ended {
	t.Helper()
	return fed(t, dir, strings.NewReader(stdin), append([]string{"egress"}, args...)...).well(t)
}

// counts are the rows of a record, or of several.
type counts struct{ Read, Made, Written, Rejected, Filtered, Absorbed int64 }

// record is a commit as it lies in the log.
type record struct {
	Seq        int64
	Kind       string
	Time       time.Time
	Pipeline   string
	Writer     string
	Rows       counts
	Coerced    map[string]int64
	Duplicates int64
	Files      []struct {
		Key    string
		Rows   int64
		Bytes  int64
		Reject bool
	}
	Schema struct {
		Fields []struct {
			Name, Type string
		}
		Changes []string
	}
}

// records returns the log of a stem, oldest first. Each of them must balance.
func records(t testing.TB, place, stem string) (all []record, sum counts) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(place, "_gros", stem, "log", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no log of %s: %v", place, stem, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := r.Rows
		var written, rejected int64
		for _, f := range r.Files {
			if f.Reject {
				rejected += f.Rows
			} else {
				written += f.Rows
			}
		}
		if c.Read+c.Made != c.Written+c.Rejected+c.Filtered+c.Absorbed || c.Written != written || c.Rejected != rejected {
			t.Errorf("%s does not balance: %+v, files of %d rows and %d rejects", name, c, written, rejected)
		}
		sum.Read, sum.Made, sum.Written = sum.Read+c.Read, sum.Made+c.Made, sum.Written+c.Written
		sum.Rejected, sum.Filtered, sum.Absorbed = sum.Rejected+c.Rejected, sum.Filtered+c.Filtered, sum.Absorbed+c.Absorbed
		all = append(all, r)
	}
	return all, sum
}

// reject is a refused row as it lies beside the data.
type reject struct {
	Raw, Kind, Message, Column, Source, Split string
	Binary                                    []byte `json:"raw_base64"`
	Offset                                    int64
}

func (r reject) bytes() string {
	if r.Binary != nil {
		return string(r.Binary)
	}
	return r.Raw
}

// rejects returns the refused rows of a stem, in the order of their commits and offsets.
func rejects(t testing.TB, place, stem string) (all []reject) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(place, "_gros", stem, "rejects", "*.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		var some []reject
		for d := json.NewDecoder(z); ; {
			var r reject
			if err := d.Decode(&r); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			some = append(some, r)
		}
		slices.SortFunc(some, func(a, b reject) int { return int(a.Offset - b.Offset) })
		all = append(all, some...)
	}
	return all
}

// chunks returns the data files below a place, as keys in order.
func chunks(t testing.TB, place string) (keys []string) {
	t.Helper()
	err := filepath.WalkDir(place, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() == "_gros" && d.IsDir() {
			return errorOr(err, filepath.SkipDir)
		}
		if !d.IsDir() {
			key, err := filepath.Rel(place, path)
			keys = append(keys, filepath.ToSlash(key))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// queried returns what DuckDB answers, a row a line, its values in JSON. In the query, @ is the list of the Parquet files of a
// place.
func queried(t testing.TB, place, query string) []string {
	t.Helper()
	const program = `
import sys, json, glob, duckdb
place, query = sys.argv[1:]
files = sorted(f for f in glob.glob(place + "/**/*.parquet", recursive=True) if "/_gros/" not in f)
duckdb.execute("set TimeZone = 'UTC'")
for row in duckdb.execute(query.replace("@", "[" + ",".join("'" + f.replace("'", "''") + "'" for f in files) + "]")).fetchall():
    print(json.dumps(row, default=str, ensure_ascii=False, separators=(",", ":")))`
	out := services.Script(t, services.Python(t), program, place, query)
	if out == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

// answers compares what DuckDB answers with what is wanted.
func answers(t testing.TB, place, query string, want ...string) {
	t.Helper()
	if got := queried(t, place, query); !slices.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", query, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// task is NDJSON, and the place to which it was written.
type task struct {
	Source  string         `json:"source"`
	Place   string         `json:"place"`
	Refused map[string]int `json:"refused"` // the rejects, and how often
}

func taskOf(t testing.TB, source, place, stem string) task {
	t.Helper()
	refused := map[string]int{}
	for _, r := range rejects(t, place, stem) {
		refused[r.bytes()]++
	}
	return task{source, place, refused}
}

// whole checks that every value of NDJSON is found again at a place, read by pyarrow: in its column or in a companion of it, or
// that its line is among the rejects; that nothing else is there; and that the files merge in DuckDB, pyarrow and Polars. Each
// row has a number "id" of its own.
func whole(t testing.TB, tasks ...task) {
	t.Helper()
	text, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "tasks.json")
	if err := os.WriteFile(list, text, 0o644); err != nil {
		t.Fatal(err)
	}
	services.Script(t, services.Python(t), wholeProgram, list)
}

const wholeProgram = `
import sys, json, glob, decimal, duckdb, pyarrow as pa, pyarrow.parquet as pq, polars as pl

def same(found, want):
    if isinstance(found, bool) != isinstance(want, bool) or isinstance(found, str) != isinstance(want, str):
        return False
    return found == want

def check(source, place, refused):
    files = sorted(f for f in glob.glob(place + "/**/*.parquet", recursive=True) if "/_gros/" not in f)
    schema = pa.unify_schemas([pq.read_schema(f) for f in files])
    table = pa.concat_tables([pq.read_table(f, partitioning=None) for f in files], promote_options="default")
    assert table.schema.names == schema.names, (table.schema.names, schema.names)
    n = duckdb.execute("select count(*) from read_parquet($1, union_by_name = true)", [files]).fetchone()[0]
    assert n == table.num_rows, (n, table.num_rows)
    frame = pl.concat([pl.read_parquet(f, hive_partitioning=False) for f in files], how="diagonal")
    assert frame.height == n and frame.columns == table.schema.names, frame.schema
    for name in frame.columns:
        if sum(c.lower() == name.lower() for c in frame.columns) == 1: # DuckDB's names have no case
            values = duckdb.execute(f'select count("{name}") from read_parquet($1, union_by_name = true)', [files]).fetchone()[0]
            assert values == n - frame[name].null_count() == n - table[name].null_count, name

    columns = {c: table[c].to_pylist() for c in table.column_names}
    place_of = {id: i for i, id in enumerate(columns["id"])}
    assert len(place_of) == n, "an id is there twice"
    nothing, met, given, wrong = [None] * n, set(), {c: 0 for c in columns}, []
    of = {name: [(c, columns.get(c, nothing)) for c in (name, name + "__v_double", name + "__v_text")] for name in columns}
    for line in open(source, "rb"):
        line = line.rstrip(b"\n")
        try:
            want = json.loads(line, parse_float=decimal.Decimal)
        except ValueError:
            text = line.decode("utf-8", "replace")
            if refused.pop(text, 0) != 1:
                wrong.append(("neither a row nor a reject", text))
            continue
        i = place_of.get(want["id"])
        if i is None or i in met:
            wrong.append(("no row", want)); continue
        met.add(i)
        for name, value in want.items():
            found = [(c, values[i]) for c, values in of[name] if values[i] is not None]
            if value is None and not found:
                continue
            if len(found) != 1:
                wrong.append((name, value, found)); continue
            c, got = found[0]
            given[c] += 1
            if c.endswith("__v_text") and not name.endswith("__v_text"):
                got = json.loads(got, parse_float=decimal.Decimal)
            if isinstance(got, float) and isinstance(value, decimal.Decimal):
                value = float(value)
            if not same(got, value):
                wrong.append((name, value, found))
    if len(met) < n:
        wrong.append((n - len(met), "rows were made up"))
    wrong += [("values were made up", c) for c in columns if given[c] != n - table[c].null_count]
    wrong += [("refused though it is well", r) for r in list(refused)[:5]]
    if wrong:
        sys.exit(f"{source}: {len(wrong)} wrong: " + "\n".join(map(repr, wrong[:5])))

for task in json.load(open(sys.argv[1])):
    check(**task)
`

func contents(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
