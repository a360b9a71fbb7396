package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const generator = `name: bench
source:
  generate: {kind: web_events, rows: %d, seed: 1, payload: json}
sink:
  stdout: {}
`

// events makes the input, once, with the binary itself, and returns its path and size.
func events(ctx context.Context, o options) (string, int64, error) {
	path := filepath.Join(o.cache, fmt.Sprintf("events-%d.ndjson", o.rows))
	if info, err := os.Stat(path); err == nil {
		return path, info.Size(), nil
	}
	fmt.Println("generating", path)
	config := filepath.Join(o.cache, "generate.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, generator, o.rows), 0o644); err != nil {
		return "", 0, err
	}
	half, err := os.Create(path + ".part")
	if err != nil {
		return "", 0, err
	}
	cmd := exec.CommandContext(ctx, o.gros, "run", config)
	cmd.Stdout = half
	said, err := cmd.StderrPipe()
	if err != nil {
		return "", 0, errors.Join(err, half.Close())
	}
	text, err := runAndHear(cmd, said)
	if err := errors.Join(err, half.Close()); err != nil {
		return "", 0, fmt.Errorf("generating events: %w\n%s", err, text)
	}
	if err := os.Rename(half.Name(), path); err != nil {
		return "", 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	return path, info.Size(), nil
}
