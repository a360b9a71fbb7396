package commit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// EgressSource is the Source of the splits of processes that only hand over rows. Their positions are counts, and any
// number of them write one place at once.
const EgressSource = "egress"

// How long a dead writer is remembered, and when the split of a silent egress process may be folded away.
const (
	deadFor    = 30 * 24 * time.Hour
	egressIdle = 24 * time.Hour
)

// Writer is one life of a writer of a log. It is safe for concurrent use; what puts records takes turns.
type Writer struct {
	log      *Log
	pipeline string
	nonce    string
	count    atomic.Uint32

	turn      sync.Mutex        // guards what follows, but for mu's
	head      *connector.Record // newest known
	at        map[string]int64  // per owned split: seq of the record that last touched it, as we know
	confirmed map[int64]bool    // commits known to be visible
	cleaned   map[string]bool   // files of head.Clean that are cleaned
	stuck     error             // a put whose outcome was never learnt: nothing may be done any more
	mu        sync.Mutex        // guards inUse
	inUse     map[string]bool   // keys staged or put by this life and not yet in a record
}

// NewWriter begins a life. A pipeline's name says whose place the log is; egress has none.
func NewWriter(l *Log, pipeline string) *Writer {
	return &Writer{
		log: l, pipeline: pipeline, nonce: newNonce(),
		at: map[string]int64{}, confirmed: map[int64]bool{}, cleaned: map[string]bool{}, inUse: map[string]bool{},
	}
}

// Nonce names this life.
func (w *Writer) Nonce() string { return w.nonce }

// Head is the newest record that the writer knows, nil before Own.
func (w *Writer) Head() *connector.Record {
	w.turn.Lock()
	defer w.turn.Unlock()
	return w.head
}

// Key makes the key of a new chunk in a folder of the directory ("" or ending in a slash).
func (w *Writer) Key(folder, suffix string) string {
	return w.log.Base + folder + w.log.Stem + "_" + chunkID(w.nonce, &w.count) + suffix
}

// RejectKey makes the key of a new file of rejects.
func (w *Writer) RejectKey() string {
	return w.log.rejectPrefix() + chunkID(w.nonce, &w.count) + ".rejects.zst"
}

// Stage begins a file under a key made by Key or RejectKey.
func (w *Writer) Stage(ctx context.Context, key string) (bucket.StagedWriter, error) {
	w.use(key)
	var s bucket.StagedWriter
	err := w.log.try(ctx, "stage "+key, func() (err error) {
		s, err = w.log.stager.Stage(ctx, key, w.log.stagedPrefix())
		return err
	})
	return s, err
}

// PutState stores state for an epoch's record to name.
func (w *Writer) PutState(ctx context.Context, state []byte) (*connector.StateRef, error) {
	key := w.log.statePrefix() + chunkID(w.nonce, &w.count)
	w.use(key)
	err := w.log.try(ctx, "put "+key, func() error { return w.log.put(ctx, key, state, bucket.Condition{}) })
	if err != nil {
		return nil, err
	}
	return &connector.StateRef{Key: key, SHA256: Sum(state)}, nil
}

// ReadState reads what PutState stored.
func (w *Writer) ReadState(ctx context.Context, ref *connector.StateRef) ([]byte, error) {
	raw, err := w.log.read(ctx, ref.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, fault.Errorf(fault.Corrupt, "%s: the state that the log names is gone", ref.Key)
	}
	if err == nil && Sum(raw) != ref.SHA256 {
		return nil, fault.Errorf(fault.Corrupt, "%s: the state is not what the log says, its checksum differs", ref.Key)
	}
	return raw, err
}

// Release says that a staged file or state of this life will not be recorded, so that the sweep may drop it.
func (w *Writer) Release(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inUse, key)
}

func (w *Writer) use(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inUse[key] = true
}

func (w *Writer) uses(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inUse[key]
}

// Try repeats an operation that may be done twice, while the bucket is unavailable.
func (w *Writer) Try(ctx context.Context, what string, op func() error) error {
	return w.log.try(ctx, what, op)
}

// Own takes splits over from whoever had them: from then on nothing that the others staged can be recorded. It then
// finishes what they recorded, cleans up behind them, and the head says where to go on.
func (w *Writer) Own(ctx context.Context, splits []rows.Split) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if err := w.own(ctx, splits); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil && !errors.Is(err, connector.ErrRewound) {
		return err
	}
	if err := w.owns(); err != nil {
		return err
	}
	return w.sweep(ctx)
}

func (w *Writer) own(ctx context.Context, wanted []rows.Split) error {
	if err := w.refresh(ctx); err != nil {
		return err
	}
	commit := uuid.NewString()
	for {
		if err := w.admit(); err != nil {
			return err
		}
		splits, err := w.unfolded(ctx, wanted)
		if err != nil {
			return err
		}
		if w.has(splits) { // a second own record would be one step of an endless dance with another replica [C15]
			for _, s := range splits {
				w.at[s.String()] = w.head.Splits[s.String()].At
			}
			return nil
		}
		r := w.next(connector.KindOwn, commit)
		for _, s := range splits {
			state := r.Splits[s.String()]
			state.At, state.Owner = r.Seq, w.nonce
			r.Splits[s.String()] = state
		}
		if err := w.foldSilent(ctx, r); err != nil {
			return err
		}
		w.bury(r)
		ok, err := w.putRecord(ctx, r)
		if err != nil {
			return err
		}
		if ok {
			for _, s := range splits {
				w.at[s.String()] = w.head.Splits[s.String()].At
			}
			return nil
		}
	}
}

// has says whether all splits are this life's already.
func (w *Writer) has(splits []rows.Split) bool {
	for _, s := range splits {
		if w.head == nil || w.head.Splits[s.String()].Owner != w.nonce {
			return false
		}
	}
	return true
}

// admit refuses a place that belongs to another pipeline.
func (w *Writer) admit() error {
	if w.head == nil || w.pipeline == "" || w.head.Tenant == "" || w.head.Tenant == w.pipeline {
		return nil
	}
	err := fault.Errorf(fault.Conflict, "%s%s: belongs to the pipeline %q, not to %q", w.log.Base, w.log.Stem, w.head.Tenant, w.pipeline)
	return fault.Hint(err, "give this pipeline a path of its own, or the name %q if it is the same one", w.head.Tenant)
}

// foldSilent takes over the splits of egress processes that have been silent for a day; a sleeper among them is fenced.
func (w *Writer) foldSilent(ctx context.Context, r *connector.Record) error {
	for name, state := range r.Splits {
		if rows.ParseSplit(name).Source != EgressSource || state.Owner == w.nonce {
			continue
		}
		last, err := w.log.Record(ctx, state.At)
		if err != nil {
			return err
		}
		if time.Since(last.Time) > egressIdle {
			delete(r.Splits, name)
		}
	}
	return nil
}

// bury lists in r.Dead the writers that owned a split before r and own none in it.
func (w *Writer) bury(r *connector.Record) {
	if w.head == nil {
		return
	}
	live := owners(r)
	for name := range owners(w.head) {
		if !live[name] && name != "" {
			r.Dead[name] = r.Time
		}
	}
}

func owners(r *connector.Record) map[string]bool {
	o := map[string]bool{}
	for _, s := range r.Splits {
		o[s.Owner] = true
	}
	return o
}

// Entry is what a data record adds.
type Entry struct {
	connector.Epoch
	Files   []connector.File
	Counts  rows.Counts
	Coerced map[string]int64
	Schema  json.RawMessage     // of the destination, nil if unchanged
	Base    json.RawMessage     // what Schema grew from: it is not put over another one
	State   *connector.StateRef // of the stages, for the splits that moved; nil if unchanged
	Release bool                // gives the splits up: an egress process ends
}

// Put commits an epoch. Once it returns without error the files will be visible, whoever completes them. ErrFenced: the
// splits have another owner, and nothing of the epoch will ever be visible. ErrRewound: the splits are still ours but an
// earlier commit was voided; the epoch is dropped and reading goes on from Head's positions.
func (w *Writer) Put(ctx context.Context, e Entry) (*connector.Record, error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.stuck != nil {
		return nil, w.stuck
	}
	starts, err := w.starts(e)
	if err != nil {
		return nil, err
	}
	fold, err := w.fold(ctx, e)
	if err != nil {
		return nil, err
	}
	commit := uuid.NewString()
	for {
		if err := w.settle(ctx); err != nil {
			return nil, err
		}
		if err := w.holds(starts); err != nil {
			return nil, err
		}
		if e.Schema != nil && !sameSchema(w.head.Schema, e.Base) && !sameSchema(w.head.Schema, e.Schema) {
			return nil, fmt.Errorf("another writer has changed the schema: %w", w.rewound())
		}
		r := w.data(e, commit, starts, fold)
		ok, err := w.putRecord(ctx, r)
		if err != nil {
			return nil, err
		}
		if ok {
			for name := range r.Starts {
				if s, there := r.Splits[name]; there {
					w.at[name] = s.At
				} else {
					delete(w.at, name)
				}
			}
			w.recorded(e, fold)
			w.point(ctx)
			return w.head, nil
		}
	}
}

// recorded says that the things of an entry are named by a record now.
func (w *Writer) recorded(e Entry, fold *folding) {
	for _, f := range e.Files {
		w.Release(f.Key)
	}
	if e.State != nil {
		w.Release(e.State.Key)
	}
	if fold != nil {
		w.Release(fold.state.Key)
	}
}

// starts returns where the epoch's rows begin, in every split that its record touches.
func (w *Writer) starts(e Entry) (map[string]connector.Start, error) {
	starts := map[string]connector.Start{}
	for s := range e.Positions {
		name := s.String()
		if _, mine := w.at[name]; !mine {
			return nil, fault.Errorf(fault.Internal, "split %s: committed but not owned", name)
		}
		starts[name] = startOf(w.head.Splits[name])
	}
	return starts, nil
}

func startOf(s connector.SplitState) connector.Start {
	return connector.Start{Pos: s.Pos, State: s.State, Done: s.Done}
}

// data builds the record of an epoch on the head.
func (w *Writer) data(e Entry, commit string, starts map[string]connector.Start, fold *folding) *connector.Record {
	r := w.next(connector.KindData, commit)
	for s, pos := range e.Positions {
		state := r.Splits[s.String()]
		state.Pos, state.At, state.Done = pos, r.Seq, slices.Contains(e.Finished, s)
		if e.State != nil {
			state.State = e.State
		}
		r.Splits[s.String()] = state
	}
	r.Starts = maps.Clone(starts)
	fold.apply(r)
	if e.Release {
		for s := range e.Positions {
			delete(r.Splits, s.String())
		}
	}
	r.Files, r.Rows, r.Coerced, r.Duplicates, r.Run = e.Files, e.Counts, e.Coerced, e.Duplicates, e.Run
	if e.Schema != nil {
		r.Schema = e.Schema
	}
	if !e.Watermark.IsZero() {
		r.Watermark = &e.Watermark
	}
	if len(e.Files) > 0 {
		r.Pend = append(r.Pend, connector.Pend{Seq: r.Seq, Writer: w.nonce, Files: e.Files, Starts: r.Starts})
	}
	return r
}

// next builds a record on the head that changes nothing yet.
func (w *Writer) next(kind, commit string) *connector.Record {
	r := &connector.Record{
		V: connector.RecordVersion, Kind: kind, Seq: 1, Writer: w.nonce, Commit: commit, Time: time.Now().UTC(),
		Pipeline: w.pipeline, Tenant: w.pipeline,
		Splits: map[string]connector.SplitState{}, Dead: map[string]time.Time{},
	}
	if w.pipeline == "" {
		r.Pipeline = EgressSource
	}
	h := w.head
	if h == nil {
		return r
	}
	r.Seq = h.Seq + 1
	r.Schema, r.Watermark = withoutChanges(h.Schema), h.Watermark
	if h.Tenant != "" {
		r.Tenant = h.Tenant
	}
	maps.Copy(r.Splits, h.Splits)
	for nonce, since := range h.Dead {
		if r.Time.Sub(since) < deadFor {
			r.Dead[nonce] = since
		}
	}
	for _, p := range h.Pend { // [C2]
		if !w.confirmed[p.Seq] {
			r.Pend = append(r.Pend, p)
		}
	}
	for _, c := range h.Clean {
		if !w.cleaned[c.Key] {
			r.Clean = append(r.Clean, c)
		}
	}
	return r
}

// putRecord puts r at its place. False: somebody else's record is there, the head has been read again and r must be built
// anew. While the outcome of a put is unknown, nothing else is done [C5].
func (w *Writer) putRecord(ctx context.Context, r *connector.Record) (bool, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return false, fault.As(fault.Internal, err)
	}
	key, unknown := w.log.Key(r.Seq), false
	err = w.log.try(ctx, "put "+key, func() error {
		err := w.log.put(ctx, key, raw, bucket.Condition{IfAbsent: true})
		unknown = unknown || (err != nil && !errors.Is(err, bucket.ErrCondition))
		return err
	})
	switch {
	case err == nil:
		w.head = r
		return true, nil
	case !errors.Is(err, bucket.ErrCondition):
		if unknown {
			w.stuck = fmt.Errorf("%s: whether the record was put is unknown: %w", key, err)
		}
		return false, err
	}
	there, err := w.log.Record(ctx, r.Seq)
	if err != nil {
		return false, err
	}
	if there.Commit == r.Commit { // [C4]
		w.head = r
		return true, nil
	}
	w.head, err = w.log.forward(ctx, there)
	return false, err
}

// holds says whether each split is still as this life left it: comparing positions would not be enough [C1d C13].
func (w *Writer) holds(starts map[string]connector.Start) error {
	for name := range starts {
		s, there := w.head.Splits[name]
		if !there || s.Owner != w.nonce {
			return w.fenced()
		}
		if s.At != w.at[name] {
			return w.rewound() // a void by another writer: still ours [C15]
		}
	}
	return nil
}

// owns says whether all splits of this life are still its own.
func (w *Writer) owns() error {
	for name := range w.at {
		if s, there := w.head.Splits[name]; !there || s.Owner != w.nonce {
			return w.fenced()
		}
	}
	return nil
}

func (w *Writer) fenced() error {
	return fmt.Errorf("%s%s: record %d by %s: %w", w.log.Base, w.log.Stem, w.head.Seq, w.head.Writer, connector.ErrFenced)
}

// rewound takes over the positions that a void set back.
func (w *Writer) rewound() error {
	if err := w.owns(); err != nil {
		return err
	}
	for name, s := range w.head.Splits {
		if s.Owner == w.nonce {
			w.at[name] = s.At
		}
	}
	return connector.ErrRewound
}

// refresh reads the head anew.
func (w *Writer) refresh(ctx context.Context) (err error) {
	if w.head == nil {
		w.head, err = w.log.Head(ctx)
		return err
	}
	w.head, err = w.log.forward(ctx, w.head)
	return err
}

// point leaves a hint where the head is, now and then: readers probe on from there.
func (w *Writer) point(ctx context.Context) {
	if w.head.Seq%16 != 0 {
		return
	}
	raw := fmt.Appendf(nil, "%d\n", w.head.Seq)
	if err := w.log.put(ctx, w.log.hintKey(), raw, bucket.Condition{}); err != nil {
		w.log.Log.Warn("the hint to the newest record was not written; readers will list", "key", w.log.hintKey(), "error", err)
	}
}
