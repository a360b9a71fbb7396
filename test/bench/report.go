package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"text/template"
)

// What the flat case is to reach.
const (
	targetWall = 0.7 // of DuckDB's
	targetRSS  = 100 // MiB beyond what rows may take
)

// comparison is one case, ours beside DuckDB's where it has that.
type comparison struct {
	Name      string    `json:"name"`
	Runs      int       `json:"runs"`
	Gros      figures   `json:"gros"`
	DuckDB    *figures  `json:"duckdb,omitempty"`
	All       []figures `json:"gros_runs,omitempty"`
	AllDuckDB []figures `json:"duckdb_runs,omitempty"`
}

// report is what a run of the bench found.
type report struct {
	Machine     machine      `json:"machine"`
	DuckDB      string       `json:"duckdb,omitempty"`
	NoDuckDB    string       `json:"no_duckdb,omitempty"`
	Rows        int64        `json:"rows"`
	InputBytes  int64        `json:"input_bytes"`
	Runs        int          `json:"runs"`
	Memory      string       `json:"memory"`
	Comparisons []comparison `json:"cases,omitempty"`
	Start       *comparison  `json:"start,omitempty"`
	DecodeMBs   float64      `json:"decode_mb_per_s,omitempty"`
	DecodedRows int64        `json:"decoded_rows,omitempty"`
	Costs       []cost       `json:"costs,omitempty"`
}

// RowsPerSecond is of the input.
func (r report) RowsPerSecond(f figures) string { return thousands(float64(r.Rows) / f.Wall) }

// MBPerSecond is of the input.
func (r report) MBPerSecond(f figures) string {
	return fmt.Sprintf("%.0f", float64(r.InputBytes)/1e6/f.Wall)
}

// Ratio is the cell that compares two figures, empty where there is nothing to compare with.
func (c comparison) Ratio(get func(figures) float64) string {
	if c.DuckDB == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", get(c.Gros)/get(*c.DuckDB))
}

// Wall is a ratio of ours to DuckDB's, like those that follow.
func (c comparison) Wall() string { return c.Ratio(func(f figures) float64 { return f.Wall }) }

// CPU is a ratio.
func (c comparison) CPU() string { return c.Ratio(func(f figures) float64 { return f.CPU }) }

// RSS is a ratio.
func (c comparison) RSS() string { return c.Ratio(func(f figures) float64 { return f.RSS }) }

// Size is a ratio.
func (c comparison) Size() string {
	return c.Ratio(func(f figures) float64 { return float64(f.Bytes) })
}

// Targets says which of its targets the flat case reaches.
func (r report) Targets() []string {
	var out []string
	for _, c := range r.Comparisons {
		if c.Name != "one folder" {
			continue
		}
		if c.DuckDB != nil {
			out = append(out, verdict("wall time against DuckDB", c.Gros.Wall/c.DuckDB.Wall, targetWall, "%.2f"))
		}
		var memory float64
		if _, err := fmt.Sscanf(r.Memory, "%fMiB", &memory); err == nil {
			out = append(out, verdict("peak RSS in MiB", c.Gros.RSS, memory+targetRSS, "%.0f"))
		}
	}
	return out
}

func verdict(what string, is, target float64, form string) string {
	word := "met"
	if is > target {
		word = "missed"
	}
	return fmt.Sprintf("%s: "+form+", at most "+form+": %s", what, is, target, word)
}

func thousands(v float64) string {
	n := int64(v)
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(float64(n/1000)), n%1000)
}

// text prints the report for a terminal.
func (r report) text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t\trows/s\tMB/s\twall s\tCPU s\tRSS MiB\tMB out\tfiles\t")
	row := func(name, who string, f figures) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.2f\t%.2f\t%.0f\t%.1f\t%d\t\n", name, who, r.RowsPerSecond(f), r.MBPerSecond(f), f.Wall, f.CPU, f.RSS, float64(f.Bytes)/1e6, f.Files)
	}
	for _, c := range r.Comparisons {
		row(c.Name, "gros", c.Gros)
		if c.DuckDB != nil {
			row("", "DuckDB", *c.DuckDB)
			fmt.Fprintf(t, "\tratio\t\t\t%s\t%s\t%s\t%s\t\t\n", c.Wall(), c.CPU(), c.RSS(), c.Size())
		}
	}
	var err error
	if len(r.Comparisons) > 0 {
		err = t.Flush()
	}
	for _, line := range r.Targets() {
		fmt.Fprintln(w, line)
	}
	if c := r.Start; c != nil {
		fmt.Fprintf(w, "gros version: %.0f ms, %.0f MiB\n", c.Gros.Wall*1000, c.Gros.RSS)
		if c.DuckDB != nil {
			fmt.Fprintf(w, "import duckdb: %.0f ms, %.0f MiB\n", c.DuckDB.Wall*1000, c.DuckDB.RSS)
		}
	}
	if r.DecodeMBs > 0 {
		fmt.Fprintf(w, "decoding JSON: %.0f MB/s a core\n", r.DecodeMBs)
	}
	for _, c := range r.Costs {
		fmt.Fprintf(w, "%5.1f %%  %s (%s)\n", c.Percent, c.Package, c.Example)
	}
	return err
}

// appendResult adds the report as a line to the machine's file.
func (r report) appendResult(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s.json", r.Machine.Time.Format("2006-01"))
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(append(line, '\n'))
	return err
}

//go:embed readme.tmpl
var readme string

// markdown writes README.md.
func (r report) markdown(w io.Writer) error {
	t, err := template.New("README.md").Funcs(template.FuncMap{
		"mb":        func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) },
		"f2":        func(v float64) string { return fmt.Sprintf("%.2f", v) },
		"f0":        func(v float64) string { return fmt.Sprintf("%.0f", v) },
		"ms":        func(v float64) string { return fmt.Sprintf("%.0f", v*1000) },
		"thousands": func(n int64) string { return thousands(float64(n)) },
		"top":       func(all []cost) []cost { return all[:min(len(all), 3)] },
	}).Parse(readme)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}
