package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
)

func (a *app) runCommand() *cobra.Command {
	var set []string
	var idle string
	var dry bool
	c := &cobra.Command{
		Use:   "run PIPELINE.yaml…",
		Short: "Run pipelines until their sources end or a signal",
		Example: `  gros run examples/web-events.yaml
  gros run p.yaml --set source.generate.rows=1000`,
		Args: atLeast(1, "name the pipeline file"),
		RunE: func(c *cobra.Command, args []string) error {
			var untilIdle time.Duration
			if idle != "" {
				var err error
				if untilIdle, err = setting.ParseDuration(idle); err != nil {
					err = fault.Errorf(fault.Invalid, "--until-idle: %w", err)
					return fault.Hint(err, "durations are written as 5s, 1m30s, 2h or 7d")
				}
			}
			var pipelines []*gros.Pipeline
			var errs []error
			for _, path := range args {
				p, err := gros.LoadPipeline(path, set, a.env)
				if err == nil {
					err = p.Check(c.Context(), a.process())
				}
				errs = append(errs, err)
				pipelines = append(pipelines, p)
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			if dry {
				for _, path := range args {
					fmt.Fprintf(a.stderr, "%s: ok\n", path)
				}
				return nil
			}
			return a.runAll(c.Context(), pipelines, untilIdle)
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "override a setting, `path=value`; repeats")
	c.Flags().StringVar(&idle, "until-idle", "", "end when no row came for this `duration`: 30s")
	c.Flags().BoolVar(&dry, "dry-run", false, "check everything, read nothing")
	return c
}

// runAll runs pipelines side by side; when one fails the others commit and stop.
func (a *app) runAll(ctx context.Context, pipelines []*gros.Pipeline, untilIdle time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var memory int64
	for _, p := range pipelines {
		memory += p.Memory()
	}
	limitMemory(memory)
	results := make(chan error)
	for _, p := range pipelines {
		go func() {
			process := a.process()
			stop := a.progress(p.Name(), process.Stats)
			err := p.Run(ctx, gros.RunOptions{Process: process, UntilIdle: untilIdle})
			stop()
			a.tellRejects(p.Places(), process.Stats)
			results <- err
		}()
	}
	var errs []error
	for range pipelines {
		err := <-results
		errs = append(errs, err)
		if err != nil {
			cancel()
		}
	}
	return errors.Join(errs...)
}

func atLeast(n int, hint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fault.Hint(fault.New(fault.Invalid, "an argument is missing"), "%s", hint)
		}
		return nil
	}
}

func exactly(n int, hint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return fault.Hint(fault.New(fault.Invalid, "an argument is missing"), "%s", hint)
		case len(args) > n:
			return fault.Hint(fault.Errorf(fault.Invalid, "%q is one argument too many", args[n]), "%s", hint)
		}
		return nil
	}
}

func atMost(n int, hint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return fault.Hint(fault.Errorf(fault.Invalid, "%q is one argument too many", args[n]), "%s", hint)
		}
		return nil
	}
}

// checkNumber refuses a negative -n; without the flag it stands for all.
func checkNumber(c *cobra.Command, n int64) error {
	if n >= 0 || !c.Flags().Changed("number") {
		return nil
	}
	return fault.Errorf(fault.Invalid, "-n %d: is negative", n)
}

// tellRejects says on stderr how many rows were refused, and how to see them in each of the places.
func (a *app) tellRejects(places []string, s *gros.Stats) {
	if n := s.Rejected.Load(); n > 0 {
		were := "were"
		if n == 1 {
			were = "was"
		}
		fmt.Fprintf(a.stderr, "%s %s rejected and kept: gros rejects show %s\n", counted(n, "row"), were, strings.Join(places, "; gros rejects show "))
	}
}

// limitMemory lets the garbage collector work harder before the process takes more than the pipelines may, plus what the
// program itself needs. GOMEMLIMIT, where it is set, has the last word.
func limitMemory(pipelines int64) {
	const program = 16 << 20
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(pipelines + program)
	}
}
