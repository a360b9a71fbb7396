package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

// sink keeps the bytes of an epoch until it is committed.
type sink struct {
	pipeline string
	out      io.Writer
	log      *slog.Logger
	asked    string // the format that the user named, "" if none
	format   string
	encoder  format.Encoder
	decode   stage.Stage
	names    []string // of the columns of CSV, once its header was written

	open     *held // the epoch that is written
	counts   rows.Counts
	rejected string // the first reason

	most    int64         // bytes of an epoch in memory; more are not taken while a commit waits for the reader of the output
	waiting chan struct{} // closed when the newest sealed epoch is out, nil before there was one

	commit sync.Mutex
	seq    int64

	mu     sync.Mutex
	sealed []*held // epochs that are not out yet
}

func openSink(_ context.Context, env connector.Env, c *SinkConfig) (connector.Sink, error) {
	here := setting.Place{Path: "stdout"}
	if env.Stdout == nil {
		return nil, here.Errorf("there is no standard output here")
	}
	name := c.Format
	if name == "" {
		name = "json"
	}
	spec, err := env.Formats.Lookup(name)
	if err != nil {
		return nil, here.Wrap(err)
	}
	if spec.Encoder == nil || !spec.Text {
		return nil, here.Errorf("format %s is none of text", name).WithHint("write json or csv")
	}
	encoder, err := spec.Encoder(format.EncodeOptions{})
	if err != nil {
		return nil, here.Wrap(err)
	}
	most := env.Memory
	if most == 0 {
		most = 256 << 20
	}
	decode := stage.NewDecode(stage.Env{Pipeline: env.Pipeline, Formats: env.Formats, Decode: env.Decode, Log: env.Log}, stage.DecodeConfig{})
	return &sink{open: new(held), decode: decode, pipeline: env.Pipeline, out: env.Stdout, log: env.Log, asked: c.Format, format: name, encoder: encoder, most: most / 4}, nil
}

// Write encodes b. It waits while the last epoch is not out and this one has become large.
func (s *sink) Write(ctx context.Context, b rows.Batch) error {
	if s.open.len() > s.most && s.waiting != nil {
		select {
		case <-s.waiting:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.reject(b.Rejects)
	if b.Len() == 0 {
		return nil
	}
	p, ok := rows.PayloadOf(b.Rows)
	switch {
	case !ok:
		s.counts.Written += b.Len()
		return s.encode(ctx, b.Rows)
	case s.asTheyAre(p):
		s.counts.Written += b.Len()
		return s.payloads(p)
	}
	s.counts.Made -= b.Len() // the pipeline has counted payloads
	return s.decode.Apply(ctx, rows.Batch{Rows: b.Rows, Split: b.Split, Position: b.Position}, func(d rows.Batch) error {
		s.reject(d.Rejects)
		s.counts.Made += d.Len() + int64(len(d.Rejects))
		s.counts.Written += d.Len()
		if d.Len() == 0 {
			return nil
		}
		return s.encode(ctx, d.Rows)
	})
}

// asTheyAre reports whether payloads are written as they came: not when another format was asked for, nor when they mean
// nothing without the beginning of their file.
func (s *sink) asTheyAre(p rows.Payload) bool {
	return p.Header == "" && (s.asked == "" || p.Format == "" || p.Format == s.asked)
}

func (s *sink) reject(rejects []rows.Reject) {
	if len(rejects) > 0 && s.rejected == "" {
		s.rejected = rejects[0].Message
	}
	s.counts.Rejected += int64(len(rejects))
}

// payloads takes documents as they are, a line each.
func (s *sink) payloads(p rows.Payload) error {
	for i := range p.Values.Len() {
		v := p.Values.Value(i)
		if err := s.add(v); err != nil {
			return err
		}
		if len(v) > 0 && v[len(v)-1] != '\n' {
			if err := s.add([]byte{'\n'}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sink) encode(ctx context.Context, rec arrow.RecordBatch) error {
	schema := rec.Schema()
	if s.format != "json" {
		var err error
		if schema, err = s.header(schema); err != nil {
			return err
		}
	}
	run, err := s.encoder.Encode(ctx, schema, []arrow.RecordBatch{rec})
	if err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return s.add(run.Bytes)
}

// header writes the beginning of the output once, and returns the schema of its columns with the types of this batch.
func (s *sink) header(schema *arrow.Schema) (*arrow.Schema, error) {
	if s.names == nil {
		for _, f := range schema.Fields() {
			s.names = append(s.names, f.Name)
		}
		begin, err := s.encoder.Begin(schema)
		if err != nil {
			return nil, fmt.Errorf("stdout: %w", err)
		}
		if err := s.add(begin); err != nil {
			return nil, err
		}
	}
	fields := make([]arrow.Field, len(s.names))
	for i, name := range s.names {
		fields[i] = arrow.Field{Name: name, Type: arrow.Null, Nullable: true}
	}
	for _, f := range schema.Fields() {
		i := slices.Index(s.names, f.Name)
		if i < 0 {
			err := fault.Errorf(fault.Invalid, "stdout: the column %s came after the header was written", f.Name)
			return nil, fault.Hint(err, "write format: json, or select the columns")
		}
		fields[i] = f
	}
	return arrow.NewSchema(fields, nil), nil
}

func (s *sink) add(b []byte) error {
	if err := s.open.add(b, s.most); err != nil {
		return fmt.Errorf("stdout: keeping what is not committed: %w", err)
	}
	return nil
}

// Seal ends the epoch.
func (s *sink) Seal(_ context.Context, e connector.Epoch) (connector.Pending, error) {
	p := &pending{sink: s, done: make(chan struct{}), held: s.open, run: e.Run, counts: e.Rows, rejected: s.rejected}
	p.counts.Made += s.counts.Made
	p.counts.Written, p.counts.Rejected = s.counts.Written, s.counts.Rejected
	s.mu.Lock()
	s.sealed = append(s.sealed, s.open)
	s.mu.Unlock()
	s.open, s.counts, s.rejected, s.waiting = new(held), rows.Counts{}, "", p.done
	return p, nil
}

// Close drops what was not committed.
func (s *sink) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.open.drop()
	for _, h := range s.sealed {
		err = errors.Join(err, h.drop())
	}
	return err
}

// pending is a sealed epoch.
type pending struct {
	sink     *sink
	done     chan struct{}
	held     *held
	run      string
	counts   rows.Counts
	rejected string
}

// Commit writes the epoch out. When that ends half-way, the output has a part of it.
func (p *pending) Commit(ctx context.Context) (*connector.Record, error) {
	s := p.sink
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := p.held.writeTo(ctx, s.out); err != nil {
		return nil, fmt.Errorf("stdout: %w", err)
	}
	s.mu.Lock()
	s.sealed = slices.DeleteFunc(s.sealed, func(h *held) bool { return h == p.held })
	s.mu.Unlock()
	close(p.done)
	if p.counts.Rejected > 0 && s.log != nil {
		s.log.Warn("rows were refused, and standard output has no place for them", "rows", p.counts.Rejected, "first", p.rejected)
	}
	s.seq++
	return &connector.Record{
		V: connector.RecordVersion, Kind: connector.KindData, Seq: s.seq, Time: time.Now().UTC(),
		Pipeline: s.pipeline, Run: p.run, Rows: p.counts,
	}, nil
}

// Confirm does nothing: what is written is seen.
func (p *pending) Confirm(context.Context) error { return nil }
