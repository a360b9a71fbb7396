package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/parquet/file"
)

// figures is what one process took, or the median of several.
type figures struct {
	Wall  float64 `json:"wall_s"`
	CPU   float64 `json:"cpu_s"` // user and system
	RSS   float64 `json:"rss_mib"`
	Bytes int64   `json:"bytes,omitempty"`
	Files int     `json:"files,omitempty"`
}

// process runs a command to its end and measures it. stdin may be "".
func process(ctx context.Context, stdin, name string, args ...string) (figures, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	if stdin != "" {
		in, err := os.Open(stdin)
		if err != nil {
			return figures{}, err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		return figures{}, err
	}
	start := time.Now()
	text, err := runAndHear(cmd, said)
	wall := time.Since(start)
	if err != nil {
		return figures{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, text)
	}
	state := cmd.ProcessState
	f := figures{Wall: wall.Seconds(), CPU: (state.UserTime() + state.SystemTime()).Seconds()}
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		f.RSS = float64(u.Maxrss) / 1024
		if runtime.GOOS == "darwin" { // it counts bytes where others count KiB
			f.RSS /= 1024
		}
	}
	return f, nil
}

// runAndHear runs a command and returns what it said on said, its standard error.
func runAndHear(cmd *exec.Cmd, said io.Reader) (string, error) {
	if err := cmd.Start(); err != nil {
		return "", err
	}
	text, err := io.ReadAll(said)
	if waited := cmd.Wait(); waited != nil {
		err = waited
	}
	return string(text), err
}

// median takes each figure's own.
func median(of []figures) figures {
	pick := func(get func(figures) float64) float64 {
		var all []float64
		for _, f := range of {
			all = append(all, get(f))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return figures{
		Wall:  pick(func(f figures) float64 { return f.Wall }),
		CPU:   pick(func(f figures) float64 { return f.CPU }),
		RSS:   pick(func(f figures) float64 { return f.RSS }),
		Bytes: int64(pick(func(f figures) float64 { return float64(f.Bytes) })),
		Files: int(pick(func(f figures) float64 { return float64(f.Files) })),
	}
}

// weigh counts rows, bytes and files of the Parquet files below dir, or of one file.
func weigh(dir string) (rows, bytes int64, files int, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".parquet" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		r, err := file.OpenParquetFile(path, false)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		rows, bytes, files = rows+r.NumRows(), bytes+info.Size(), files+1
		return r.Close()
	})
	return rows, bytes, files, err
}
