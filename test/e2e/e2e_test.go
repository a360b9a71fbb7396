// Package e2e drives the real binary: scripts in testdata, and processes that are killed, stopped and crowded.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gros-lake/gros/test/services"
)

// binary is the real one, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gros-e2e-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "gros")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/gros").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building gros: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// soak says whether the tests run at full count.
var soak = os.Getenv("GROS_SOAK") == "1"

// rounds is how often a thing is killed.
func rounds() int {
	if soak {
		return 50
	}
	return 5
}

// gros returns the command, to be run in a folder.
func gros(dir string, args ...string) *exec.Cmd {
	c := exec.Command(binary, args...)
	c.Dir = dir
	return c
}

// result is what a command said.
type result struct {
	code           int
	stdout, stderr string
}

func run(t testing.TB, dir, stdin string, args ...string) result {
	t.Helper()
	c := gros(dir, args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// must runs a command that succeeds.
func must(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	r := run(t, dir, stdin, args...)
	if r.code != 0 {
		t.Fatalf("gros %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// verified runs gros verify, which must be content, and returns what it counted.
func verified(t testing.TB, dir, place string) (files, rows int64) {
	t.Helper()
	var v struct {
		OK                                  bool
		Files, Rows                         int64
		Missing, Unlisted, Damaged, Pending []json.RawMessage
	}
	out := must(t, dir, "", "verify", "--json", place)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("verify --json: %v in %s", err, out)
	}
	if !v.OK || len(v.Missing)+len(v.Unlisted)+len(v.Damaged)+len(v.Pending) > 0 {
		t.Fatalf("verify: %s", out)
	}
	return v.Files, v.Rows
}

// example is a file of the examples folder.
func example(t testing.TB, name string) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	path, err := filepath.Abs(filepath.Join(filepath.Dir(here), "../../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// counted asks DuckDB and pyarrow how many rows and how many different values of a column a folder of Parquet has.
func counted(t testing.TB, folder, column string) (rows, distinct int64) {
	t.Helper()
	const program = `
import sys, json, glob, duckdb, pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
folder, column = sys.argv[1:]
files = sorted(f for f in glob.glob(folder + "/**/*.parquet", recursive=True) if "/_gros/" not in f)
n, d = duckdb.execute(f'select count(*), count(distinct "{column}") from read_parquet($1, hive_partitioning = true)', [files]).fetchone()
table = ds.dataset(folder, format="parquet", partitioning="hive").to_table(columns=[column])
assert table.num_rows == n, (table.num_rows, n)
assert len(table[column].unique()) == d
pa.unify_schemas([pq.read_schema(f) for f in files])
print(json.dumps([n, d]))`
	var got [2]int64
	out := services.Script(t, services.Python(t), program, folder, column)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return got[0], got[1]
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("GROS_REWRITE") == "1",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("EXAMPLES", filepath.Dir(example(t, "web-events.yaml")))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// exits N COMMAND… runs a command that ends with this status
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: exits N command…")
				}
				err := ts.Exec(args[1], args[2:]...)
				code := 0
				if e, ok := err.(*exec.ExitError); ok {
					code = e.ExitCode()
				} else if err != nil {
					ts.Fatalf("%v", err)
				}
				if fmt.Sprint(code) != args[0] {
					ts.Fatalf("exit status %d, want %s", code, args[0])
				}
			},
		},
	})
}
