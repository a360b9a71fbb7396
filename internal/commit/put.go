package commit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

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
	defer fold.release(w)
	if e.State == nil {
		e.State = w.state // a split that ends and is folded away takes its state with it
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
			w.recorded(e)
			w.point(ctx)
			return w.head, nil
		}
	}
}

// recorded says that the things of an entry are named by a record now.
func (w *Writer) recorded(e Entry) {
	for _, f := range e.Files {
		w.Release(f.Key)
	}
	if w.state = e.State; e.State != nil {
		w.Release(e.State.Key)
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
		w.bury(r)
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
	named := map[string]bool{} // state outlives who wrote it: he is remembered until it can be swept
	for _, s := range h.Splits {
		if s.State != nil {
			named[nonceOf(s.State.Key)] = true
		}
	}
	for nonce, since := range h.Dead {
		switch {
		case named[nonce]:
			r.Dead[nonce] = r.Time
		case r.Time.Sub(since) < deadFor:
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
		w.moveTo(r)
		return true, nil
	case !errors.Is(err, bucket.ErrCondition):
		if unknown {
			w.stuck = fmt.Errorf("%s: whether the record was put is unknown: %w", key, err)
		}
		return false, err
	}
	there, err := w.log.Record(ctx, r.Seq)
	if err != nil {
		w.stuck = fmt.Errorf("%s: whose record it is is unknown: %w", key, err)
		return false, err
	}
	if there.Commit == r.Commit { // [C4]
		w.moveTo(r)
		return true, nil
	}
	w.moveTo(there)
	return false, w.refresh(ctx)
}

// moveTo takes r for the head, and forgets what was known of things that it does not name any more.
func (w *Writer) moveTo(r *connector.Record) {
	w.head = r
	maps.DeleteFunc(w.confirmed, func(seq int64, _ bool) bool {
		return !slices.ContainsFunc(r.Pend, func(p connector.Pend) bool { return p.Seq == seq })
	})
	maps.DeleteFunc(w.cleaned, func(key string, _ bool) bool {
		return !slices.ContainsFunc(r.Clean, func(c connector.Clean) bool { return c.Key == key })
	})
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
func (w *Writer) refresh(ctx context.Context) error {
	read := w.log.Head
	if known := w.head; known != nil {
		read = func(ctx context.Context) (*connector.Record, error) { return w.log.forward(ctx, known) }
	}
	head, err := read(ctx)
	if err == nil && head != nil {
		w.moveTo(head)
	}
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
