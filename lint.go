package gros

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/connector/files"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/internal/config"
	"github.com/gros-lake/gros/internal/pipeline"
	"github.com/gros-lake/gros/setting"
)

// LintOptions is how a pipeline file is linted.
type LintOptions struct {
	Process
	Set     []string // settings to override, path=value each
	Connect bool     // reach out to the connectors, too
}

// LintReport is what is known of a pipeline before it runs.
type LintReport struct {
	File     string      `json:"file"`
	Pipeline string      `json:"pipeline,omitempty"`
	OK       bool        `json:"ok"`
	Problems []Problem   `json:"problems"`
	Warnings []Problem   `json:"warnings"`
	Sinks    []Guarantee `json:"sinks"`
}

// Problem is what is wrong with a file, and where.
type Problem struct {
	Place   string `json:"place,omitempty"` // file.yaml:12:5: sink.files.path
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Guarantee is how often a row reaches a sink when things go wrong, and why.
type Guarantee struct {
	Sink      string              `json:"sink"`
	Guarantee connector.Guarantee `json:"guarantee"`
	Why       string              `json:"why"`
}

// connectWait is how long a connector has to answer.
const connectWait = 30 * time.Second

// Lint checks a pipeline file without running it. The error says the same as the problems of the report.
func Lint(ctx context.Context, path string, o LintOptions) (*LintReport, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &LintReport{File: path, Problems: []Problem{}, Warnings: []Problem{}, Sinks: []Guarantee{}}
	env := connector.Env{Buckets: Buckets(), Formats: Formats(), Log: o.Log, Stdin: o.Stdin, Stdout: o.Stdout}
	c, errs := config.Lint(ctx, path, config.Options{Registry: registry(), Env: o.Env, Set: o.Set}, env)
	if c != nil && len(errs) == 0 {
		l := &linter{config: c, options: o, report: r}
		errs = l.lint(ctx)
	}
	var all []error
	for _, e := range errs {
		r.Problems = append(r.Problems, problemOf(e))
		all = append(all, e)
	}
	r.OK = len(r.Problems) == 0
	return r, errors.Join(all...)
}

func problemOf(e *setting.Error) Problem {
	return Problem{Place: e.Place.String(), Message: e.Message, Hint: fault.HintOf(e)}
}

type linter struct {
	config  *config.Pipeline
	options LintOptions
	report  *LintReport
	errs    []*setting.Error
}

func (l *linter) lint(ctx context.Context) []*setting.Error {
	c, transient := l.config, ""
	l.report.Pipeline = c.Name
	for i := range c.Sources {
		s := &c.Sources[i]
		opened, err := s.Open(ctx, connectorEnv(c, l.options.Process, s.Name))
		if err != nil {
			l.fail(err)
			continue
		}
		if t, ok := opened.(connector.Transient); ok {
			transient = t.Transient()
		}
		if l.options.Connect {
			l.fail(s.Place.Wrap(reach(ctx, opened)))
		}
	}
	var sinks []pipeline.Sink
	for i := range c.Sinks {
		s := &c.Sinks[i]
		opened := l.sink(ctx, s, transient)
		if opened == nil {
			continue
		}
		sinks = append(sinks, pipeline.Sink{Name: s.Name, Sink: opened})
		l.fail(s.Place.Wrap(apart(sinks)))
		l.warn(s)
	}
	l.fail(closeAll(sinks))
	return l.errs
}

func (l *linter) fail(err error) { l.errs = append(l.errs, setting.Errors(err)...) }

// reach asks a source for its splits once.
func reach(ctx context.Context, s connector.Source) error {
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	for _, err := range s.Splits(ctx) {
		return err
	}
	return ctx.Err()
}

// connecter is a connector that can tell whether the other side answers.
type connecter interface{ Connect(context.Context) error }

// warn tells of settings of a sink that have no effect.
func (l *linter) warn(s *config.Sink) {
	c, ok := s.Config.(*files.SinkConfig)
	if every := l.config.Commit.Every; ok && c.Roll.Every > every {
		l.report.Warnings = append(l.report.Warnings, Problem{
			Place: s.Place.Key("roll").Key("every").String(), Message: fmt.Sprintf("has no effect: a commit ends every file, after %v", every),
			Hint: "raise commit.every for larger files",
		})
	}
}

// sink opens a sink and says what it guarantees; nil: it cannot be opened.
func (l *linter) sink(ctx context.Context, s *config.Sink, transient string) connector.Sink {
	env := connectorEnv(l.config, l.options.Process, s.Name)
	env.Contract = s.Contract
	opened, err := s.Open(ctx, env)
	if err != nil {
		l.fail(err)
		return nil
	}
	l.report.Sinks = append(l.report.Sinks, guaranteeOf(s.Name, opened, transient))
	if f, ok := opened.(connecter); ok && l.options.Connect {
		ctx, cancel := context.WithTimeout(ctx, connectWait)
		defer cancel()
		l.fail(s.Place.Wrap(f.Connect(ctx)))
	}
	return opened
}

// guaranteeOf is what holds from the source to a sink: the weaker of what both can do.
func guaranteeOf(name string, s connector.Sink, transient string) Guarantee {
	g := Guarantee{Sink: name, Guarantee: connector.AtLeastOnce, Why: "the sink does not know where it stands, so a restart reads everything again"}
	if r, ok := s.(connector.Resumer); ok {
		g.Guarantee, g.Why = r.Guarantee()
	}
	if transient != "" {
		g.Guarantee, g.Why = connector.AtMostOnce, "rows that were read and not committed when the process dies are lost: "+transient
	}
	return g
}

// PipelineSchema is the JSON Schema of pipeline files, for editors.
func PipelineSchema() map[string]any { return config.JSONSchema(registry()) }
