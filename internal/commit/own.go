package commit

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

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
