package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/rows"
)

const (
	decodedBytes = 64 << 20
	decodeRounds = 9
	profiledRuns = 3
)

// decodeAlone measures the decoder in this process, on one core, collecting garbage included.
func decodeAlone(_ context.Context, b *bench, r *report) error {
	blocks, size, err := head(b.events, decodedBytes)
	if err != nil {
		return err
	}
	d, err := json.Format.Decoder(format.DecodeOptions{})
	if err != nil {
		return err
	}
	schema, err := d.Infer(blocks[0], nil)
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var rates []float64
	for range decodeRounds {
		start, decoded := time.Now(), int64(0)
		for _, block := range blocks {
			out, err := d.Decode(block, schema)
			if err != nil || out.Drift {
				return fmt.Errorf("decoding (drift: %v): %w", out.Drift, err)
			}
			decoded += out.Rows.NumRows()
		}
		rates = append(rates, float64(size)/1e6/time.Since(start).Seconds())
		r.DecodedRows = decoded
	}
	slices.Sort(rates)
	r.DecodeMBs = rates[len(rates)/2]
	return nil
}

// head is the first bytes of a file of lines, as payloads of the usual size.
func head(name string, limit int) ([]rows.Payload, int, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)))
	if err != nil {
		return nil, 0, err
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	size := len(data)
	var blocks []rows.Payload
	for len(data) > 0 {
		n := len(data)
		if n > format.DefaultBlock {
			n = bytes.LastIndexByte(data[:format.DefaultBlock], '\n') + 1
		}
		p, _ := rows.PayloadOf(rows.NewPayload("json", "", true, data[:n:n]))
		blocks, data = append(blocks, p), data[n:]
	}
	return blocks, size, nil
}

// profileFlat runs the flat case, or that of -profile-by, in this process under the profiler.
func profileFlat(ctx context.Context, b *bench, r *report) error {
	to := b.profile
	if to == "" {
		to = filepath.Join(b.cache, "cpu.pprof")
	}
	err := writeFile(to, func(w io.Writer) error {
		if err := pprof.StartCPUProfile(w); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		for range profiledRuns {
			_, err := b.output(func(dir string) (figures, error) { return figures{}, egress(ctx, b, dir+"/out/") })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Costs, err = costs(to)
	return err
}

// egress is the command of the same name, in this process.
func egress(ctx context.Context, b *bench, dest string) error {
	s := gros.EgressSettings{Memory: b.memory}
	if b.by != "" {
		s.PartitionBy = []string{b.by}
	}
	p, err := gros.Egress(dest, s, os.LookupEnv)
	if err != nil {
		return err
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(p.Memory() + 16<<20)) // as the command does
	in, err := os.Open(b.events)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	err = p.Run(ctx, gros.RunOptions{Process: gros.Process{Stdin: in, Stdout: io.Discard, Env: os.LookupEnv, Log: quiet}})
	return errors.Join(err, in.Close())
}

// cost is a package's share of the samples.
type cost struct {
	Package string  `json:"package"`
	Percent float64 `json:"percent"`
	Example string  `json:"example"` // its costliest function
}

// costs sums what `go tool pprof -top` says, by package.
func costs(profile string) ([]cost, error) {
	out, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", profile).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	of := map[string]*cost{}
	table := false
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		fields := strings.Fields(s.Text()) // flat flat% sum% cum cum% name
		if len(fields) < 6 {
			table = table || len(fields) > 0 && fields[0] == "flat"
			continue
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(fields[1], "%"), 64)
		if !table || err != nil {
			continue
		}
		name := packageOf(fields[5])
		c := of[name]
		if c == nil { // lines come with the costliest first
			c = &cost{Package: name, Example: path.Base(fields[5])}
			of[name] = c
		}
		c.Percent += percent
	}
	var sorted []cost
	for _, c := range of {
		sorted = append(sorted, *c)
	}
	slices.SortFunc(sorted, func(a, b cost) int { return int(1000 * (b.Percent - a.Percent)) })
	return sorted[:min(len(sorted), 8)], nil
}

// packageOf cuts the function off a symbol: a/b/c.(*T).f is of a/b/c. What the runtime does stands together.
func packageOf(symbol string) string {
	dir, base := path.Split(strings.SplitN(symbol, "[", 2)[0])
	base, _, dotted := strings.Cut(base, ".")
	name := dir + base
	switch {
	case strings.HasPrefix(name, "internal/runtime/syscall"):
		return "system calls"
	case name == "runtime" || strings.HasPrefix(name, "internal/runtime/") || !dotted: // assembly has no package
		return "runtime: memory, maps, scheduling"
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "github.com/"), "gros-lake/gros/")
}
