// Package chunk writes rows into directories that grow by files: partitioned, rolled, and committed with their record.
package chunk

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/semaphore"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/internal/commit"
	"github.com/gros-lake/gros/rows"
)

// Limits of a run (a row group): it is encoded when it has so many rows or so many bytes in memory.
const (
	runRows  = 1 << 20
	runBytes = 64 << 20
)

// Roll says when a file is full. Zero means no limit but the epoch's end.
type Roll struct {
	Rows  int64
	Size  int64         // of the encoded file, 0 = 128 MiB
	Every time.Duration // age by wall clock
	Idle  time.Duration // time without rows
}

// Options says where chunks go and how.
type Options struct {
	Bucket    bucket.Bucket
	Base      string // key prefix of the directory: "" or ending in a slash
	Stem      string
	Encoder   format.Encoder
	Partition *Partitioner // nil: one folder
	Contract  rows.Contract
	Declared  *arrow.Schema // by the user, nil if inferred
	Roll      Roll
	Memory    int64  // bytes held at once, 0 = 128 MiB
	Pipeline  string // "": rows without positions, as from egress
	Replay    bool   // rows of a Replay: without a pipeline, and with positions
	Settle    time.Duration
	Patience  time.Duration
	Log       *slog.Logger
}

// Sink writes chunks. It is a connector.Resumer.
type Sink struct {
	Options
	log      *commit.Log
	writer   *commit.Writer
	holder   *rows.Holder
	declared *arrow.Schema   // by Declare, of egress
	base     json.RawMessage // the schema that the log holds, as far as this sink knows
	egress   rows.Split      // where rows without positions are counted
	count    int64

	cur     *epoch
	encodes *semaphore.Weighted

	mu    sync.Mutex // guards held
	freed sync.Cond
	held  int64 // bytes of rows taken for encoding and not yet encoded, and of the sealed epoch
	ratio ratio
}

// New returns a sink; nothing is touched before Resume.
func New(o Options) *Sink {
	if o.Memory == 0 {
		o.Memory = 128 << 20
	}
	if o.Roll.Size == 0 {
		o.Roll.Size = 128 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Sink{Options: o, encodes: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0)))}
	s.freed.L = &s.mu
	s.log = commit.Open(commit.Options{
		Bucket: o.Bucket, Base: o.Base, Stem: o.Stem, Settle: o.Settle, Patience: o.Patience, Log: o.Log,
		Empty: s.empty,
	})
	return s
}

// empty is a file of no rows, which may hold the name of a voided one.
func (s *Sink) empty(string) []byte {
	schema := arrow.NewSchema(nil, nil)
	begin, err := s.Encoder.Begin(schema)
	if err != nil {
		return nil
	}
	end, err := s.Encoder.End(schema, nil)
	if err != nil {
		return nil
	}
	return append(begin, end...)
}

// keepsPositions says whether records hold positions of the rows' source; rows of egress are only counted.
func (s *Sink) keepsPositions() bool { return s.Pipeline != "" || s.Replay }

// Resume takes the splits over and finishes what their last owner left.
func (s *Sink) Resume(ctx context.Context, splits []rows.Split) (connector.Checkpoint, error) {
	if s.cur != nil {
		s.cur.abort(ctx)
	}
	if s.writer != nil && s.keepsPositions() {
		s.writer = s.writer.Heir(splits)
	}
	if s.writer == nil {
		s.writer = commit.NewWriter(s.log, s.Pipeline)
		s.egress = rows.Split{Source: commit.EgressSource, ID: s.writer.Nonce()}
	}
	if !s.keepsPositions() {
		splits = []rows.Split{s.egress}
	}
	if err := s.writer.Own(ctx, splits); err != nil {
		return connector.Checkpoint{}, err
	}
	if err := s.hold(); err != nil {
		return connector.Checkpoint{}, err
	}
	s.cur = newEpoch(s)
	if !s.keepsPositions() {
		return connector.Checkpoint{}, nil
	}
	return s.writer.Checkpoint(ctx)
}

// hold takes up the schema of the destination.
func (s *Sink) hold() error {
	var held *arrow.Schema
	var err error
	if h := s.writer.Head(); h != nil {
		s.base = h.Schema
	}
	if s.base != nil {
		if held, err = rows.UnmarshalSchema(s.base); err != nil {
			return err
		}
	}
	s.holder, err = rows.NewHolder(held, s.Declared, s.Contract)
	if err == nil && s.base != nil {
		s.declared = s.holder.Schema()
	}
	return err
}

// conform makes a batch one of the destination's schema. What egress adds to that is declared first, since its rows cannot
// be read again; a pipeline's is recorded with its rows.
func (s *Sink) conform(ctx context.Context, r arrow.RecordBatch) (rows.Conformed, error) {
	for {
		c, err := s.holder.Conform(r)
		if err != nil || s.keepsPositions() || s.holder.Schema() == s.declared {
			return c, err
		}
		grown := rows.MarshalSchema(s.holder.Schema(), c.Changes...)
		holds, err := s.writer.Declare(ctx, s.base, grown)
		if err != nil {
			return c, err
		}
		s.base = holds
		if bytes.Equal(holds, grown) {
			s.declared = s.holder.Schema()
			return c, nil
		}
		held, err := rows.UnmarshalSchema(holds) // another writer was first
		if err != nil {
			return c, err
		}
		if s.holder, err = rows.NewHolder(held, s.Declared, s.Contract); err != nil {
			return c, err
		}
	}
}

// Guarantee says what holds here.
func (s *Sink) Guarantee() (connector.Guarantee, string) {
	return connector.ExactlyOnce, "rows and positions are one record, put if-absent; files are shown after it, by whoever comes first"
}

// Write takes rows. It blocks while the memory bound is reached.
func (s *Sink) Write(ctx context.Context, b rows.Batch) error {
	if s.cur == nil {
		return fault.New(fault.Internal, "chunk: Write before Resume")
	}
	return s.cur.write(ctx, b)
}

// Seal ends the epoch; its files are encoded and staged by Commit.
func (s *Sink) Seal(_ context.Context, e connector.Epoch) (connector.Pending, error) {
	if s.cur == nil {
		return nil, fault.New(fault.Internal, "chunk: Seal before Resume")
	}
	sealed := s.cur
	sealed.epoch = e
	if !s.keepsPositions() {
		s.count += e.Rows.Read
		sealed.epoch.Positions = map[rows.Split]rows.Position{s.egress: rows.Position(strconv.FormatInt(s.count, 10))}
		sealed.epoch.Finished = nil
		sealed.epoch.State = nil
	}
	sealed.schema = s.holder.Schema()
	s.cur = newEpoch(s)
	sealed.held = sealed.gather.Bytes()
	s.hand(sealed.held)
	return &pending{sink: s, epoch: sealed}, nil
}

// Upkeep finishes and sweeps what others left, and learns whether the splits are still this sink's.
func (s *Sink) Upkeep(ctx context.Context) error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Idle(ctx)
}

// Close drops what was not committed.
func (s *Sink) Close() error {
	if s.cur != nil {
		s.cur.abort(context.Background())
		s.cur = nil
	}
	return nil
}

// hand counts bytes as held outside the current epoch's gatherer, give gives them back.
func (s *Sink) hand(n int64) {
	s.mu.Lock()
	s.held += n
	s.mu.Unlock()
}

func (s *Sink) give(n int64) {
	s.mu.Lock()
	s.held -= n
	s.mu.Unlock()
	s.freed.Broadcast()
}

func (s *Sink) outside() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// room waits until what is held outside the current epoch has fallen below the bound.
func (s *Sink) room(ctx context.Context, bound int64) error {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock() // or it could fall between the look at ctx below and the wait
		defer s.mu.Unlock()
		s.freed.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.held > bound {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.freed.Wait()
	}
	return nil
}

// pending is a sealed epoch.
type pending struct {
	sink   *Sink
	epoch  *epoch
	record *connector.Record
}

// Commit encodes and stages the files and puts the record.
func (p *pending) Commit(ctx context.Context) (*connector.Record, error) {
	w, e := p.sink.writer, p.epoch
	if !e.moved() {
		e.release()
		return nil, nil
	}
	files, err := e.finish(ctx)
	if err != nil {
		e.abort(ctx)
		return nil, err
	}
	for column, n := range e.epoch.Coerced {
		e.coerced[column] += n
	}
	entry := commit.Entry{
		Epoch: e.epoch, Files: files, Counts: e.counts, Coerced: e.coerced,
		Release: !p.sink.keepsPositions() && e.epoch.Last,
	}
	entry.Counts.Add(e.epoch.Rows)
	entry.Counts.Rejected -= e.epoch.Rows.Rejected // those were handed on, and counted when they were written
	if p.sink.keepsPositions() {                   // egress has declared it
		entry.Schema, entry.Base = rows.MarshalSchema(e.schema, e.changes...), p.sink.base
	}
	if e.epoch.State != nil {
		if entry.State, err = w.PutState(ctx, e.epoch.State); err != nil {
			e.abort(ctx)
			return nil, err
		}
		defer w.Release(entry.State.Key) // it is recorded by then, or will not be
	}
	p.record, err = w.Put(ctx, entry)
	if err != nil {
		e.abort(ctx)
		return nil, err
	}
	if entry.Schema != nil {
		p.sink.base = entry.Schema
	}
	return p.record, nil
}

// Confirm makes the files visible.
func (p *pending) Confirm(ctx context.Context) error {
	if p.record == nil {
		return nil
	}
	return p.sink.writer.Confirm(ctx, p.record)
}
