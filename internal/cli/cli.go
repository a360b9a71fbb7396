// Package cli is the commands of the gros binary.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/fault"
)

// app is the process as the commands see it: tests give them another.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)
	log            *slog.Logger
	json           bool // --json
	verbose        bool // --verbose
}

// Main runs the command that args name and returns the exit status.
func Main(args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough, as head, is an error of a write and no death
	go stopOnSignal(cancel)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv}
	return a.run(ctx, args)
}

// stopOnSignal cancels at the first signal, so that what was read is committed, and exits at the second.
func stopOnSignal(cancel context.CancelFunc) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	cancel()
	<-signals
	os.Exit(130)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(unread{a.stdout})
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0
	}
	a.report(err)
	return fault.KindOf(err).ExitCode()
}

// unread is where help goes, which says nothing of a reader that has seen enough.
type unread struct{ io.Writer }

func (w unread) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

// report prints each of the joined errors on a line of its own, its hint below.
func (a *app) report(err error) {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) && err.Error() == joined(many.Unwrap()) {
		for _, e := range many.Unwrap() {
			a.report(e)
		}
		return
	}
	fmt.Fprintf(a.stderr, "gros: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(a.stderr, "  → %s\n", hint)
	}
}

func joined(errs []error) string {
	texts := make([]string, len(errs))
	for i, e := range errs {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "gros",
		Short:         "Turn streams of rows and files into folders of partitioned Parquet, exactly once",
		SilenceUsage:  true,
		Version:       gros.Version,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.log = a.logger()
		},
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on stderr")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return flagError(c, err)
	})
	root.AddCommand(
		a.initCommand(), a.runCommand(), a.lintCommand(), a.egressCommand(), a.lsCommand(), a.catCommand(), a.schemaCommand(),
		a.logCommand(), a.verifyCommand(), a.rejectsCommand(), a.connectorCommand(), a.versionCommand(),
	)
	a.tidy(root)
	return root
}

// logger writes text to a terminal and JSON elsewhere.
func (a *app) logger() *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.verbose {
		o.Level = slog.LevelDebug
	}
	if a.terminal() {
		return slog.New(slog.NewTextHandler(a.stderr, o))
	}
	return slog.New(slog.NewJSONHandler(a.stderr, o))
}

// terminal says whether a person looks at stderr.
func (a *app) terminal() bool {
	f, ok := a.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) process() gros.Process {
	return gros.Process{Stdin: a.stdin, Stdout: a.stdout, Env: a.env, Log: a.log, Stats: new(gros.Stats)}
}
