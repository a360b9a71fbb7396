package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// bench is what the cases share.
type bench struct {
	options
	events string
	size   int64
}

// oneCase is something to measure; it adds to the report.
type oneCase struct {
	name, doc string
	run       func(context.Context, *bench, *report) error
}

var all = []oneCase{
	{"start", "the start of a process", start},
	{"flat", "one folder", flat},
	{"folders", "folders by page and day", folders},
	{"ten", "10 folders", buckets(10)},
	{"thousand", "1,000 folders", buckets(1000)},
	{"decode", "the JSON decoder alone", decodeAlone},
	{"profile", "what the time of one folder goes into", profileFlat},
}

func caseNames() []string {
	var names []string
	for _, c := range all {
		names = append(names, c.name)
	}
	return names
}

const startRuns = 15

func start(ctx context.Context, b *bench, r *report) error {
	measure := func(name string, args ...string) (figures, error) {
		var all []figures
		for range startRuns {
			f, err := process(ctx, "", name, args...)
			if err != nil {
				return f, err
			}
			all = append(all, f)
		}
		return median(all), nil
	}
	ours, err := measure(b.gros, "version")
	if err != nil {
		return err
	}
	c := comparison{Name: "start of a process", Runs: startRuns, Gros: ours}
	if b.python != "" {
		theirs, err := measure(b.python, "-c", duckdbStart)
		if err != nil {
			return err
		}
		c.DuckDB = &theirs
	}
	r.Start = &c
	return nil
}

func flat(ctx context.Context, b *bench, r *report) error {
	return b.pair(ctx, r, "one folder", nil, duckdbFlat, "events.parquet")
}

func folders(ctx context.Context, b *bench, r *report) error {
	by := []string{"page_url_path", "day(event_timestamp)"}
	return b.pair(ctx, r, "by page and day", by, duckdbFolders, "")
}

func buckets(n int) func(context.Context, *bench, *report) error {
	return func(ctx context.Context, b *bench, r *report) error {
		by := []string{fmt.Sprintf("bucket(%d, event_id)", n)}
		return b.pair(ctx, r, fmt.Sprintf("by hash, %s folders", thousands(float64(n))), by, "", "")
	}
}

// pair runs egress and, unless program is "", DuckDB in turn, once unmeasured and then as often as asked for. file is what
// DuckDB writes in its output folder, "" the folder.
func (b *bench) pair(ctx context.Context, r *report, name string, by []string, program, file string) error {
	c := comparison{Name: name, Runs: b.runs}
	var ours, theirs []figures
	for i := range b.runs + 1 {
		f, err := b.output(func(dir string) (figures, error) {
			args := []string{"egress", dir + "/out/", "--memory", b.memory}
			for _, e := range by {
				args = append(args, "--partition-by", e)
			}
			return process(ctx, b.events, b.gros, args...)
		})
		if err != nil {
			return err
		}
		if i > 0 {
			ours = append(ours, f)
		}
		if b.python == "" || program == "" {
			continue
		}
		f, err = b.output(func(dir string) (figures, error) {
			return process(ctx, "", b.python, "-c", program, b.events, filepath.Join(dir, file))
		})
		if err != nil {
			return err
		}
		if i > 0 {
			theirs = append(theirs, f)
		}
	}
	c.Gros, c.All = median(ours), ours
	if len(theirs) > 0 {
		m := median(theirs)
		c.DuckDB, c.AllDuckDB = &m, theirs
	}
	r.Comparisons = append(r.Comparisons, c)
	return nil
}

// output has rows written into a fresh folder, checks that all are there and removes them.
func (b *bench) output(write func(dir string) (figures, error)) (f figures, err error) {
	dir := filepath.Join(b.cache, "out")
	if err := os.RemoveAll(dir); err != nil {
		return f, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return f, err
	}
	if f, err = write(dir); err != nil {
		return f, err
	}
	rows, bytes, files, err := weigh(dir)
	if err != nil {
		return f, err
	}
	if rows != b.rows {
		return f, fmt.Errorf("%d rows were written of %d", rows, b.rows)
	}
	f.Bytes, f.Files = bytes, files
	return f, os.RemoveAll(dir)
}
