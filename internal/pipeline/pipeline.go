// Package pipeline carries rows from sources through stages to sinks, in epochs that are committed whole.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// Pipeline is a source, stages and sinks. Every sink has its own stages, progress, record and rejects.
type Pipeline struct {
	Name   string
	Source connector.Source
	Stages func(source, sink string) ([]stage.Stage, error) // makes the chain from one source to one sink
	Sinks  []Sink

	Every      time.Duration // an epoch ends at this age, 0 = 5 s
	Rows       int64         // or after so many rows, 0 = any
	Bytes      int64         // or so many bytes read, 0 = any
	Memory     int64         // bytes held at once, 0 = 256 MiB; sinks are told theirs when they are opened
	Shutdown   time.Duration // how long a stop may take, 0 = 30 s
	UntilIdle  time.Duration // ends when no row came for so long, 0 = never
	MaxRejects Breaker
	Patience   time.Duration // how long an unavailable source is tried again, 0 = 5 minutes
	Log        *slog.Logger  // nil = slog.Default()
	Stats      *Stats        // nil: nobody looks
}

// Sink is a sink of a pipeline.
type Sink struct {
	Name string
	Sink connector.Sink
}

func (p *Pipeline) defaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&p.Every, 5*time.Second)
	set(&p.Shutdown, 30*time.Second)
	set(&p.Patience, 5*time.Minute)
	if p.Memory == 0 {
		p.Memory = 256 << 20
	}
	if p.Log == nil {
		p.Log = slog.Default()
	}
	if p.Stats == nil {
		p.Stats = new(Stats)
	}
}

// Run reads until the source ends, the context is cancelled or something fails that waiting does not mend. Cancelling
// stops reading and commits what was read, within Shutdown; then Run returns nil. It closes the sinks.
func (p *Pipeline) Run(ctx context.Context) error {
	p.defaults()
	p.Stats.start()
	run := uuid.NewString()
	sources := readers(p.Source, len(p.Sinks))
	errs := make([]error, len(p.Sinks))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for i, s := range p.Sinks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			l := &lane{p: p, first: i == 0, sink: s, source: sources[i], run: run, log: p.Log.With("pipeline", p.Name, "sink", s.Name)}
			errs[i] = l.live(ctx)
			if err := s.Sink.Close(); err != nil {
				errs[i] = errors.Join(errs[i], fmt.Errorf("closing: %w", err))
			}
			if errs[i] != nil {
				if len(p.Sinks) > 1 {
					errs[i] = fmt.Errorf("sink %s: %w", s.Name, errs[i])
				}
				cancel() // the others commit what they have and stop: a dead sink is never silent
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// lane is one sink with its reader and its stages.
type lane struct {
	p      *Pipeline
	first  bool // of the pipeline's
	sink   Sink
	source connector.Source
	run    string
	log    *slog.Logger
	chains chains
	state  []byte // of the stages, as last committed

	// Committed in this life, for a sink that does not know where it stands, and for a source that is not where it was.
	positions map[rows.Split]rows.Position
	finished  map[rows.Split]bool
}

// live runs sessions until one ends for good. A session ends early when the sink's splits were set back.
func (l *lane) live(ctx context.Context) error {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(l.p.Shutdown):
			kill()
		case <-work.Done():
		}
	})()
	l.positions, l.finished = map[rows.Split]rows.Position{}, map[rows.Split]bool{}
	l.chains = chains{open: func(source string) ([]stage.Stage, error) { return l.p.Stages(source, l.sink.Name) }}
	for {
		err := l.session(ctx, work)
		if errors.Is(err, context.Canceled) && work.Err() != nil {
			return fault.Errorf(fault.Unavailable, "stopped after %v with rows uncommitted; they are read again at the next start", l.p.Shutdown)
		}
		if !errors.Is(err, connector.ErrRewound) {
			return err
		}
		if why, ok := transient(l.source); ok {
			return fault.Errorf(fault.Corrupt, "rows of a commit are lost and cannot be read again: %s", why)
		}
		l.log.Warn("reading again from the last commit", "reason", err)
	}
}

// session reads, writes and commits until the source ends, the context is cancelled or an error.
func (l *lane) session(ctx, work context.Context) error {
	s := newSession(l, ctx, work)
	defer s.close()
	err := s.loop()
	if err == nil || s.broken {
		return err
	}
	// The rows written so far are whole: they are kept, though what came next failed.
	if late := s.finish(false); late != nil && !errors.Is(late, context.Canceled) {
		return errors.Join(err, late)
	}
	return err
}

// Breaker stops a pipeline that is simply wrong: more than Rejects of the last Of rows. The zero Breaker never does.
type Breaker struct{ Rejects, Of int64 }

// window watches the last rows for a Breaker, by whole batches.
type window struct {
	b              Breaker
	parts          []rows.Counts
	rows, rejected int64
}

func (w *window) add(c rows.Counts, rejects []rows.Reject) error {
	if w.b.Of == 0 {
		return nil
	}
	w.parts = append(w.parts, c)
	w.rows += c.Read
	w.rejected += c.Rejected
	for len(w.parts) > 1 && w.rows-w.parts[0].Read >= w.b.Of {
		w.rows -= w.parts[0].Read
		w.rejected -= w.parts[0].Rejected
		w.parts = w.parts[1:]
	}
	share := float64(w.b.Rejects) / float64(w.b.Of)
	if w.rejected <= w.b.Rejects || float64(w.rejected) <= share*float64(w.rows) {
		return nil
	}
	err := fault.Errorf(fault.Invalid, "%d of the last %d rows were rejected, more than %d of %d", w.rejected, w.rows, w.b.Rejects, w.b.Of)
	if w.b.Of == math.MaxInt64 {
		err = fault.Errorf(fault.Invalid, "%d rows were rejected, more than %d", w.rejected, w.b.Rejects)
	}
	if len(rejects) > 0 {
		r := rejects[len(rejects)-1]
		err = fault.Errorf(fault.Invalid, "%w; the last one: %s: %s", err, r.Kind, r.Message)
	}
	return fault.Hint(err, "mend the source or the stages, or raise max_rejects; what was not committed is not kept here")
}
