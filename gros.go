// Package gros turns streams and files into folders of partitioned files with a log of commits, exactly once.
package gros

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/gros-lake/gros/bucket"
	bucketall "github.com/gros-lake/gros/bucket/all"
	connectorall "github.com/gros-lake/gros/connector/all"
	"github.com/gros-lake/gros/connector/files"
	"github.com/gros-lake/gros/format"
	formatall "github.com/gros-lake/gros/format/all"
	"github.com/gros-lake/gros/internal/config"
	"github.com/gros-lake/gros/internal/pipeline"
	stageall "github.com/gros-lake/gros/stage/all"
)

// Version is the version of this library and binary.
const Version = "0.1.0"

// Process is what a program lends to the pipelines that it runs. The zero Process has no standard streams, no environment
// and logs to slog.Default.
type Process struct {
	Stdin  io.Reader
	Stdout io.Writer
	Env    func(name string) (string, bool)
	Log    *slog.Logger
	Stats  *Stats // filled while a pipeline runs, nil: nobody looks
}

// Stats is the progress of a running pipeline.
type Stats = pipeline.Stats

// Buckets opens the bucket of any place that this binary knows.
func Buckets() bucket.Opener { return bucketall.Open }

// Formats is the formats that this binary knows.
func Formats() format.Registry { return formatall.Formats() }

func registry() config.Registry {
	return config.Registry{Connectors: connectorall.Connectors(), Stages: stageall.Stages(), Formats: formatall.Formats()}
}

// Pipeline is a pipeline file, checked.
type Pipeline struct{ config *config.Pipeline }

// LoadPipeline reads a pipeline file. set overrides settings, path=value each. The error holds everything that is wrong,
// with file, line and path.
func LoadPipeline(path string, set []string, env func(string) (string, bool)) (*Pipeline, error) {
	c, err := config.Load(path, config.Options{Registry: registry(), Env: env, Set: set})
	if err != nil {
		return nil, err
	}
	return &Pipeline{c}, nil
}

// Name is the pipeline's name.
func (p *Pipeline) Name() string { return p.config.Name }

// Places is where the pipeline writes files, as its file says.
func (p *Pipeline) Places() []string {
	var places []string
	for _, s := range p.config.Sinks {
		if c, ok := s.Config.(*files.SinkConfig); ok {
			places = append(places, c.Path)
		}
	}
	return places
}

// Memory is the bound of the rows that the pipeline holds at once, in bytes.
func (p *Pipeline) Memory() int64 { return int64(p.config.Memory) }

// Check opens the sources and stages of a pipeline and reads nothing: what is wrong with them has file, line and path.
func (p *Pipeline) Check(ctx context.Context, process Process) error {
	if process.Log == nil {
		process.Log = slog.Default()
	}
	var errs []error
	for _, e := range p.config.Check(ctx, registry(), connectorEnv(p.config, process, "")) {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// Run runs a pipeline until its sources end or the context is cancelled, which commits what was read.
func (p *Pipeline) Run(ctx context.Context, o RunOptions) error {
	if err := p.Check(ctx, o.Process); err != nil {
		return err
	}
	run, err := build(ctx, p.config, o.Process)
	if err != nil {
		return err
	}
	run.UntilIdle = o.UntilIdle
	return run.Run(ctx)
}
