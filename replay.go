package gros

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gros-lake/gros/connector/files"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/internal/config"
	"github.com/gros-lake/gros/internal/pipeline"
	"github.com/gros-lake/gros/stage"
)

// ReplayOptions is how refused rows are sent through again.
type ReplayOptions struct {
	Process
	Through string   // a pipeline file whose stages and sink take them, "": they are decoded and written as egress does
	Set     []string // its settings to override, path=value each
}

// Replay sends the refused rows of a place through decoding, and the stages of a pipeline, once more, into the same place.
// Each lands at most once, however often that is done or broken off; what is refused again is a new reject. It reports
// whether there was anything to replay.
func Replay(ctx context.Context, place string, o ReplayOptions) (bool, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	v, err := Look(ctx, place, LookOptions{Log: o.Log})
	if err != nil {
		return false, err
	}
	var through *config.Pipeline
	if o.Through != "" {
		if through, err = config.Load(o.Through, config.Options{Registry: registry(), Env: o.Env, Set: o.Set}); err != nil {
			return false, err
		}
	}
	any, taken := false, false
	stems := v.Stems()
	if len(stems) == 0 {
		_, err := v.RejectFiles(ctx) // says why there is no log
		return false, err
	}
	for _, stem := range stems {
		r := replayer{view: v, stem: stem, through: through, options: o}
		did, err := r.run(ctx)
		if errors.Is(err, errElsewhere) {
			continue
		}
		taken, any = true, any || did
		if err != nil {
			return any, err
		}
	}
	if !taken {
		err := fault.Errorf(fault.Invalid, "%s: no sink writes to %s", o.Through, place)
		return false, fault.Hint(err, "name the pipeline that wrote there, as gros log %s shows it", place)
	}
	return any, nil
}

// errElsewhere says that no sink of the pipeline writes the files of a stem.
var errElsewhere = fault.New(fault.Invalid, "no sink of the pipeline writes here")

type replayer struct {
	view    *View
	stem    string
	through *config.Pipeline
	options ReplayOptions
}

func (r *replayer) run(ctx context.Context) (bool, error) {
	source, err := r.view.Replay(ctx, r.stem)
	if err != nil {
		return false, err
	}
	sink, name, err := r.sink(ctx)
	if err != nil {
		return false, err
	}
	if left, err := source.Pending(ctx); err != nil || len(left) == 0 {
		return false, errors.Join(err, sink.Close())
	}
	sink.Pipeline, sink.Replay = "", true
	p := &pipeline.Pipeline{
		Name: "replay", Source: source, Every: 5 * time.Second, Memory: 256 << 20, Shutdown: 30 * time.Second,
		Log: r.options.Log, Stats: r.options.Stats, Sinks: []pipeline.Sink{{Name: name, Sink: sink}},
		Stages: func(source, sink string) ([]stage.Stage, error) { return r.stages(source, sink) },
	}
	if c := r.through; c != nil {
		p.Every, p.Rows, p.Bytes, p.Memory, p.Shutdown = c.Commit.Every, c.Commit.Rows, int64(c.Commit.Bytes), int64(c.Memory), c.Shutdown
	}
	return true, p.Run(ctx)
}

// sink opens the sink that wrote the place.
func (r *replayer) sink(ctx context.Context) (*chunk.Sink, string, error) {
	if r.through == nil {
		l, err := r.view.Layout(ctx, r.stem)
		if err != nil {
			return nil, "", err
		}
		c := files.SinkConfig{Path: l.Path, PartitionBy: l.PartitionBy, Keep: l.Keep}
		env := connectorEnv(&config.Pipeline{}, r.options.Process, "files")
		s, err := files.NewSink(ctx, env, c)
		return s, "files", err
	}
	for i := range r.through.Sinks {
		c := &r.through.Sinks[i]
		env := connectorEnv(r.through, r.options.Process, c.Name)
		env.Memory, env.Contract = int64(r.through.Memory)/2, c.Contract
		opened, err := c.Open(ctx, env)
		if err != nil {
			return nil, "", err
		}
		if s, ok := opened.(*chunk.Sink); ok && r.view.Takes(s, r.stem) {
			return s, c.Name, nil
		}
		if err := opened.Close(); err != nil {
			return nil, "", err
		}
	}
	return nil, "", errElsewhere
}

// stages makes the stages that rows of a source of the replay pass.
func (r *replayer) stages(source, sink string) ([]stage.Stage, error) {
	if r.through == nil {
		return []stage.Stage{stage.NewDecode(stage.Env{Formats: Formats(), Log: r.options.Log}, stage.DecodeConfig{})}, nil
	}
	return openStages(r.through, r.options.Process, chunk.SourceOf(source), sink)
}
