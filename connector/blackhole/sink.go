package blackhole

import (
	"context"
	"sync"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

// Sink counts rows.
type Sink struct {
	pipeline string
	open     rows.Counts // of the epoch that is written

	mu        sync.Mutex
	committed rows.Counts
	seq       int64
}

func open(_ context.Context, env connector.Env, _ *Config) (connector.Sink, error) {
	return &Sink{pipeline: env.Pipeline}, nil
}

// Counts is what was committed so far. It is safe for concurrent use.
func (s *Sink) Counts() rows.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

// Write counts b.
func (s *Sink) Write(ctx context.Context, b rows.Batch) error {
	s.open.Written += b.Len()
	s.open.Rejected += int64(len(b.Rejects))
	return ctx.Err()
}

// Seal ends the epoch.
func (s *Sink) Seal(_ context.Context, e connector.Epoch) (connector.Pending, error) {
	counts := e.Rows
	counts.Written, counts.Rejected = s.open.Written, s.open.Rejected
	s.open = rows.Counts{}
	return &pending{s, e.Run, counts}, nil
}

// Close drops what was not committed.
func (s *Sink) Close() error {
	s.open = rows.Counts{}
	return nil
}

type pending struct {
	sink   *Sink
	run    string
	counts rows.Counts
}

func (p *pending) Commit(context.Context) (*connector.Record, error) {
	s := p.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed.Add(p.counts)
	s.seq++
	return &connector.Record{
		V: connector.RecordVersion, Kind: connector.KindData, Seq: s.seq, Time: time.Now().UTC(),
		Pipeline: s.pipeline, Run: p.run, Rows: p.counts,
	}, nil
}

func (p *pending) Confirm(context.Context) error { return nil }
