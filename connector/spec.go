package connector

import (
	"context"
	"io"
	"log/slog"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// Spec is what the binary knows of a connector. A connector's folder exports one as Connector; the file of its name in
// connector/all lists it.
type Spec struct {
	Name   string // of the folder
	Doc    string // one line
	Source *SourceSpec
	Sink   *SinkSpec
}

// SourceSpec is the reading half.
type SourceSpec struct {
	Name   string     // as users write it in a pipeline
	Config func() any // a new pointer to its settings, a struct as package setting describes
	Open   func(ctx context.Context, env Env, config any) (Source, error)
}

// SinkSpec is the writing half.
type SinkSpec struct {
	Name     string
	Payloads bool // takes undecoded payloads as they are
	Config   func() any
	Open     func(ctx context.Context, env Env, config any) (Sink, error)
}

// SourceOf makes a SourceSpec of a typed function.
func SourceOf[Config any](name string, open func(context.Context, Env, *Config) (Source, error)) *SourceSpec {
	return &SourceSpec{
		Name:   name,
		Config: func() any { return new(Config) },
		Open: func(ctx context.Context, env Env, c any) (Source, error) {
			return open(ctx, env, c.(*Config))
		},
	}
}

// SinkOf makes a SinkSpec of a typed function.
func SinkOf[Config any](name string, open func(context.Context, Env, *Config) (Sink, error)) *SinkSpec {
	return &SinkSpec{
		Name:   name,
		Config: func() any { return new(Config) },
		Open: func(ctx context.Context, env Env, c any) (Sink, error) {
			return open(ctx, env, c.(*Config))
		},
	}
}

// Env is what a connector is given beside its own settings.
type Env struct {
	Pipeline string // name of the pipeline
	Name     string // of the source or sink in it
	Memory   int64  // bytes it may hold, 0 = 256 MiB
	Buckets  bucket.Opener
	Formats  format.Registry
	Log      *slog.Logger
	Stdin    io.Reader // of the process, for those who read it
	Stdout   io.Writer
	Decode   format.DecodeOptions // sources: how payloads will be understood
	Contract rows.Contract        // sinks: how their schema may change
	Schema   *arrow.Schema        // declared by the user, nil if inferred
}
