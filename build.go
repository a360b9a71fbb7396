package gros

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/internal/config"
	"github.com/gros-lake/gros/internal/pipeline"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

// RunOptions is how a pipeline is run.
type RunOptions struct {
	Process
	UntilIdle time.Duration // ends when no row came for so long, 0 = never
}

// build opens the connectors of a pipeline file.
func build(ctx context.Context, c *config.Pipeline, p Process) (*pipeline.Pipeline, error) {
	if p.Log == nil {
		p.Log = slog.Default()
	}
	source, err := openSources(ctx, c, p)
	if err != nil {
		return nil, err
	}
	run := &pipeline.Pipeline{
		Name: c.Name, Source: source, Every: c.Commit.Every, Rows: c.Commit.Rows, Bytes: int64(c.Commit.Bytes),
		Memory: int64(c.Memory), Shutdown: c.Shutdown, Log: p.Log, Stats: p.Stats,
	}
	if m := c.MaxRejects; m != nil {
		run.MaxRejects = pipeline.Breaker{Rejects: m.Rejects, Of: m.Rows}
		if m.Rows == 0 {
			run.MaxRejects.Of = math.MaxInt64
		}
	}
	for _, s := range c.Sinks {
		env := connectorEnv(c, p, s.Name)
		if c.Name == config.EgressName {
			env.Pipeline = ""
		}
		env.Memory, env.Contract = int64(c.Memory)/2/int64(len(c.Sinks)), s.Contract
		sink, err := s.Open(ctx, env)
		if err != nil {
			return nil, errors.Join(err, closeAll(run.Sinks))
		}
		run.Sinks = append(run.Sinks, pipeline.Sink{Name: s.Name, Sink: sink})
		if err := apart(run.Sinks); err != nil {
			return nil, errors.Join(s.Place.Wrap(err), closeAll(run.Sinks))
		}
	}
	run.Stages = func(source, sink string) ([]stage.Stage, error) { return openStages(c, p, source, sink) }
	for _, src := range c.Sources { // an error of a stage is told before anything starts
		for _, sink := range c.Sinks {
			if _, err := run.Stages(src.Name, sink.Name); err != nil {
				return nil, errors.Join(err, closeAll(run.Sinks))
			}
		}
	}
	return run, nil
}

// apart reports whether the last of sinks writes where another one does: they would take the place from each other for ever.
func apart(sinks []pipeline.Sink) error {
	last := sinks[len(sinks)-1]
	mine, ok := last.Sink.(*chunk.Sink)
	for _, s := range sinks[:len(sinks)-1] {
		if other, chunks := s.Sink.(*chunk.Sink); ok && chunks && mine.Place() == other.Place() {
			err := fault.Errorf(fault.Invalid, "the sinks %s and %s write to one place", s.Name, last.Name)
			return fault.Hint(err, "give each a path of its own")
		}
	}
	return nil
}

func closeAll(sinks []pipeline.Sink) error {
	var errs []error
	for _, s := range sinks {
		errs = append(errs, s.Sink.Close())
	}
	return errors.Join(errs...)
}

func connectorEnv(c *config.Pipeline, p Process, name string) connector.Env {
	return connector.Env{
		Pipeline: c.Name, Name: name, Memory: int64(c.Memory), Buckets: Buckets(), Formats: Formats(), Log: p.Log,
		Stdin: p.Stdin, Stdout: p.Stdout, Decode: c.DecodeOptions(),
	}
}

func openSources(ctx context.Context, c *config.Pipeline, p Process) (connector.Source, error) {
	var names []string
	var sources []connector.Source
	for _, s := range c.Sources {
		source, err := s.Open(ctx, connectorEnv(c, p, s.Name))
		if err != nil {
			return nil, err
		}
		names, sources = append(names, s.Name), append(sources, source)
	}
	return pipeline.Merge(names, sources), nil
}

// openStages makes the stages between a source and a sink. What a source yields undecoded is decoded first, unless a stage
// does that or the sink takes payloads as they are.
func openStages(c *config.Pipeline, p Process, source, sink string) ([]stage.Stage, error) {
	env := stage.Env{Pipeline: c.Name, Formats: Formats(), Decode: c.DecodeOptions(), Schema: c.Schema, Log: p.Log}
	var stages []stage.Stage
	open := func(s config.Stage) error {
		opened, err := s.Open(env)
		if _, evolves := opened.(stage.Evolver); err == nil && !evolves {
			opened = placed{opened, s.Place}
		}
		stages = append(stages, opened)
		return err
	}
	decodes, raw := false, false
	for _, s := range c.Sources {
		if s.Name == source && s.Decode != nil {
			decodes = true
			if err := open(*s.Decode); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range c.Sinks {
		raw = raw || (s.Name == sink && s.Spec.Payloads)
	}
	var own []config.Stage
	for _, s := range c.Stages {
		if s.Applies(source) {
			own = append(own, s)
			decodes = decodes || s.Name == stage.Decode.Name
		}
	}
	where, err := whereStage(c, sink)
	if err != nil {
		return nil, err
	}
	own = append(own, where...)
	if !decodes && (!raw || len(own) > 0) {
		stages = append(stages, stage.NewDecode(env, stage.DecodeConfig{}))
	}
	for _, s := range own {
		if err := open(s); err != nil {
			return nil, err
		}
	}
	return stages, nil
}

// placed is a stage whose errors say where it stands in the file.
type placed struct {
	stage.Stage
	place setting.Place
}

// Apply adds the place to errors of the stage, not to those of what comes after it.
func (p placed) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	var after error
	err := p.Stage.Apply(ctx, in, func(out rows.Batch) error {
		after = emit(out)
		return after
	})
	if err == nil || errors.Is(err, after) || errors.Is(err, context.Canceled) {
		return err
	}
	return p.place.Wrap(err)
}

// whereStage is the filter that a sink's where asks for.
func whereStage(c *config.Pipeline, sink string) ([]config.Stage, error) {
	for _, s := range c.Sinks {
		if text := s.Where.Text; s.Name == sink && text != "" {
			return []config.Stage{{Name: stage.Filter.Name, Spec: stage.Filter, Config: &text, Place: s.Where.Place}}, nil
		}
	}
	return nil, nil
}
