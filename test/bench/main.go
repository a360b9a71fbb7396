// Command bench measures the binary as a user runs it, beside DuckDB on the same machine, and keeps what it found in
// README.md and results/. It asserts no speed: it prints ratios.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type options struct {
	gros    string // the binary
	python  string // an interpreter that has duckdb, "" without
	rows    int64
	runs    int
	cache   string
	out     string // where README.md and results/ stand, "" keeps nothing
	cases   []string
	profile string // path of a CPU profile to write
	by      string // partitions of the profiled run
	memory  string
}

func main() {
	var o options
	var cases, python string
	flag.StringVar(&o.gros, "gros", "bin/gros", "the `binary` to measure")
	flag.StringVar(&python, "python", "", "an `interpreter` that has duckdb (default: the one that the tests installed)")
	flag.Int64Var(&o.rows, "rows", 1_000_000, "web events to write")
	flag.IntVar(&o.runs, "runs", 5, "times that each case is run; medians are printed")
	flag.StringVar(&o.cache, "cache", "", "`folder` for the input and the output (default: gros-bench in the user's cache folder)")
	flag.StringVar(&o.out, "out", "test/bench", "`folder` that gets README.md and results/; empty keeps nothing")
	flag.StringVar(&cases, "cases", "", "only these, comma-separated: "+strings.Join(caseNames(), ", "))
	flag.StringVar(&o.profile, "profile", "", "keep the CPU profile as `file`")
	flag.StringVar(&o.by, "profile-by", "", "`expression` that the profiled run partitions by (default: one folder)")
	flag.StringVar(&o.memory, "memory", "256MiB", "what gros may hold of rows")
	flag.Parse()
	if cases != "" {
		o.cases = strings.Split(cases, ",")
	}
	if err := run(context.Background(), o, python); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, python string) error {
	for _, name := range o.cases {
		if !slices.Contains(caseNames(), name) {
			return fmt.Errorf("case %s: there are %s", name, strings.Join(caseNames(), ", "))
		}
	}
	if o.cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		o.cache = filepath.Join(base, "gros-bench")
	}
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return err
	}
	var err error
	if o.gros, err = filepath.Abs(o.gros); err != nil {
		return err
	}
	r := report{Machine: describe(), Rows: o.rows, Runs: o.runs, Memory: o.memory}
	if o.python, err = findDuckDB(python); err != nil {
		if python != "" {
			return err
		}
		r.NoDuckDB = err.Error()
		fmt.Println("DuckDB is missing, so only our own numbers follow:", err)
	}
	if o.python != "" {
		r.DuckDB = duckdbVersion(o.python)
	}
	b := bench{options: o}
	if b.events, b.size, err = events(ctx, o); err != nil {
		return err
	}
	r.InputBytes = b.size
	for _, c := range all {
		if len(o.cases) > 0 && !slices.Contains(o.cases, c.name) {
			continue
		}
		fmt.Println("measuring", c.doc)
		if err := c.run(ctx, &b, &r); err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
	}
	return errors.Join(r.text(os.Stdout), b.keep(r))
}

// keep writes the report into files. README.md is of a run of all cases, with DuckDB.
func (b *bench) keep(r report) error {
	if b.out == "" {
		return nil
	}
	if err := r.appendResult(filepath.Join(b.out, "results")); err != nil {
		return err
	}
	if len(b.cases) > 0 || r.NoDuckDB != "" {
		fmt.Println("README.md stays as it is: it holds a run of all cases, with DuckDB")
		return nil
	}
	return writeFile(filepath.Join(b.out, "README.md"), r.markdown)
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}
