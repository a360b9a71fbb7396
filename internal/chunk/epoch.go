package chunk

import (
	"context"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// epoch is the rows between two seals: those that wait in memory, and the files that grow. One goroutine at a time uses
// it: the writing one until it is sealed, the committing one from then on.
type epoch struct {
	sink    *Sink
	gather  *Gatherer
	files   map[string]*file // the one that grows, per folder
	ages    map[string]age   // of each folder's file, where files roll by time
	rejects rejects
	counts  rows.Counts // Written, Rejected and Filtered here
	coerced map[string]int64
	changes []string
	epoch   connector.Epoch // set when sealed
	schema  *arrow.Schema   // of the destination, set when sealed
	inFiles *arrow.Schema   // of files, of the schema from
	from    *arrow.Schema
	held    int64 // bytes of the gatherer that the sink counts, once sealed

	jobs sync.WaitGroup // encoding and appending
	mu   sync.Mutex     // guards what follows
	done []connector.File
	err  error

	failedFiles []*file // that were to end and could not
}

func newEpoch(s *Sink) *epoch {
	return &epoch{
		sink: s, gather: NewGatherer(s.Memory), files: map[string]*file{}, ages: map[string]age{}, coerced: map[string]int64{},
		rejects: rejects{writer: s.writer},
	}
}

// fileSchema is what files hold of the destination's columns: the same pointer until that changes.
func (e *epoch) fileSchema() *arrow.Schema {
	held := e.schema // sealed: what is written next may have other columns
	if held == nil {
		held = e.sink.holder.Schema()
	}
	if held != e.from {
		e.from, e.inFiles = held, e.sink.Partition.FileSchema(held)
	}
	return e.inFiles
}

// release tells the sink that rows of a sealed epoch are no longer in memory.
func (e *epoch) release() {
	if now := e.gather.Bytes(); now < e.held {
		e.sink.give(e.held - now)
		e.held = now
	}
}

// moved says whether there is anything to record.
func (e *epoch) moved() bool {
	if e.epoch.Rows != (rows.Counts{}) || e.counts != (rows.Counts{}) {
		return true
	}
	if !e.sink.keepsPositions() {
		return e.epoch.Last // an egress process gives its split up
	}
	return len(e.epoch.Positions) > 0
}

func (e *epoch) write(ctx context.Context, b rows.Batch) error {
	if err := e.failed(); err != nil {
		return err
	}
	if err := e.reject(ctx, b.Rejects); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	if _, raw := rows.PayloadOf(b.Rows); raw {
		err := fault.Errorf(fault.Invalid, "source %s: yields undecoded payloads, which cannot be written as columns", b.Split.Source)
		return fault.Hint(err, "say `format: json` at the source, or begin the stages with `decode`")
	}
	c, err := e.sink.conform(ctx, b.Rows)
	if err != nil {
		return err
	}
	if err := e.conformed(ctx, b, c); err != nil {
		return err
	}
	if c.Rows == nil || c.Rows.NumRows() == 0 {
		return nil
	}
	if e.sink.Partition == nil {
		if err := e.add(ctx, "", c.Rows, nil, c.Rows.NumRows()); err != nil {
			return err
		}
		return e.relieve(ctx)
	}
	routed, err := e.sink.Partition.Route(ctx, c.Rows)
	if err != nil {
		return err
	}
	if err := e.reject(ctx, e.stamp(b, routed.Rejects)); err != nil {
		return err
	}
	for _, g := range routed.Groups {
		if err := e.add(ctx, g.Folder, routed.Rows, g.Index, int64(len(g.Index))); err != nil {
			return err
		}
	}
	return e.relieve(ctx)
}

// add lets n rows of a batch wait for a folder; index as Gatherer.Add has it.
func (e *epoch) add(ctx context.Context, folder string, r arrow.RecordBatch, index []int32, n int64) error {
	if err := e.rollByTime(ctx, folder); err != nil {
		return err
	}
	e.gather.Add(folder, r, index)
	e.counts.Written += n
	return e.flushFull(ctx, folder)
}

// conformed takes up what holding the schema made of a batch, its rows aside.
func (e *epoch) conformed(ctx context.Context, b rows.Batch, c rows.Conformed) error {
	e.counts.Filtered += c.Filtered
	e.changes = append(e.changes, c.Changes...)
	for column, n := range c.Coerced {
		e.coerced[column] += n
	}
	return e.reject(ctx, e.stamp(b, c.Rejects))
}

// stamp says of rejects made here where they came from.
func (e *epoch) stamp(b rows.Batch, all []rows.Reject) []rows.Reject {
	now := time.Now().UTC()
	for i := range all {
		all[i].Split, all[i].Position, all[i].Time = b.Split, b.Position, now
	}
	return all
}

func (e *epoch) reject(ctx context.Context, all []rows.Reject) error {
	e.counts.Rejected += int64(len(all))
	return e.rejects.add(ctx, all, e.sink.Pipeline)
}

// finish encodes all that waits and ends all files.
func (e *epoch) finish(ctx context.Context) ([]connector.File, error) {
	for {
		folder, ok := e.gather.Fullest()
		if !ok {
			break
		}
		err := e.flush(ctx, folder)
		e.release()
		if err != nil {
			return nil, err
		}
		if e.failed() != nil {
			break
		}
	}
	for folder := range e.files {
		e.end(ctx, folder)
	}
	e.jobs.Wait()
	if err := e.failed(); err != nil {
		return nil, err
	}
	if e.rejects.rows > 0 {
		f, err := e.rejects.finish(ctx)
		if err != nil {
			return nil, err
		}
		e.done = append(e.done, f)
	}
	// Files end in any order; a record lists them as they began.
	slices.SortFunc(e.done, func(a, b connector.File) int { return strings.Compare(path.Base(a.Key), path.Base(b.Key)) })
	return e.done, nil
}

// abortFor is how long dropping an epoch may hold up the end of a process; the sweep of a later one does it else.
const abortFor = 30 * time.Second

// abort drops the epoch.
func (e *epoch) abort(ctx context.Context) {
	e.fail(context.Canceled)
	e.jobs.Wait()
	e.sink.give(e.held)
	e.held = 0
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
	defer cancel()
	for _, f := range e.files {
		f.abort(ctx)
	}
	for _, f := range e.failedFiles {
		f.abort(ctx)
	}
	e.rejects.abort(ctx)
	if err := e.sink.writer.Drop(ctx, e.done); err != nil {
		e.sink.Log.Warn("staged files were not dropped; the next start sweeps them", "error", err)
	}
}

func (e *epoch) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

func (e *epoch) failed() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}
