package commit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Own takes splits over from whoever had them: from then on nothing that the others staged can be recorded. It then
// finishes what they recorded, cleans up behind them, and the head says where to go on.
//
// Splits that are this life's already stay as they are; ErrRewound says that one of them was set back.
func (w *Writer) Own(ctx context.Context, splits []rows.Split) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.stuck != nil {
		return w.stuck
	}
	if err := w.own(ctx, splits); err != nil {
		return err
	}
	before := maps.Clone(w.at)
	if err := w.settle(ctx); err != nil && !errors.Is(err, connector.ErrRewound) {
		return err
	}
	for name, at := range before {
		if now, there := w.at[name]; there && now != at {
			return connector.ErrRewound
		}
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
		if w.head != nil {
			if err := errors.Join(w.still(w.nonce, w.at), w.still(w.parent, w.parentAt)); err != nil {
				return err
			}
		}
		splits, err := w.unfolded(ctx, wanted)
		if err != nil {
			return err
		}
		splits = w.others(splits)
		if len(splits) == 0 && w.head != nil { // a second own record would be one step of an endless dance with another replica [C15]
			w.take(wanted)
			return nil
		}
		if w.head != nil && !w.head.Dead[w.nonce].IsZero() {
			return w.fenced() // what this life stages is swept
		}
		r := w.next(connector.KindOwn, commit)
		for _, s := range splits {
			state := r.Splits[s.String()]
			state.At, state.Owner = r.Seq, w.nonce
			r.Splits[s.String()] = state
		}
		disown(r, wanted)
		if err := w.foldSilent(ctx, r); err != nil {
			return err
		}
		w.bury(r)
		ok, err := w.putRecord(ctx, r)
		if err != nil {
			return err
		}
		if ok {
			w.take(wanted)
			return nil
		}
	}
}

// others returns those of splits that are not this life's.
func (w *Writer) others(splits []rows.Split) []rows.Split {
	var left []rows.Split
	for _, s := range splits {
		if w.head == nil || w.head.Splits[s.String()].Owner != w.nonce {
			left = append(left, s)
		}
	}
	return left
}

// take notes where those of splits stand that are this life's.
func (w *Writer) take(splits []rows.Split) {
	w.parent, w.parentAt = "", nil
	for _, s := range splits {
		if held, there := w.head.Splits[s.String()]; there && held.Owner == w.nonce {
			w.at[s.String()] = held.At
		}
	}
}

// Heir is who goes on with splits, some of which w may hold: w itself, or a new life when w holds others too that have not
// ended. They were lost, and once a life owns none it is dead, and what it stages is swept.
func (w *Writer) Heir(splits []rows.Split) *Writer {
	w.turn.Lock()
	defer w.turn.Unlock()
	heir := NewWriter(w.log, w.pipeline)
	heir.parent, heir.parentAt = w.nonce, map[string]int64{}
	lost := false
	for name, at := range w.at {
		if slices.Contains(splits, rows.ParseSplit(name)) {
			heir.parentAt[name] = at
		} else {
			lost = lost || !w.head.Splits[name].Done
		}
	}
	if !lost {
		return w
	}
	return heir
}

// still says whether splits are held as nonce left them, when a writer goes on with what it has in memory: whoever took one
// over may have recorded the same rows.
func (w *Writer) still(nonce string, at map[string]int64) error {
	var rewound error
	for name, last := range at {
		switch s, there := w.head.Splits[name]; {
		case !there && rows.ParseSplit(name).Source != EgressSource: // ended, and folded away
		case s.At == last && (s.Owner == nonce || s.Done):
		case s.Owner != nonce:
			return w.fenced()
		default:
			at[name], rewound = s.At, connector.ErrRewound
		}
	}
	return rewound
}

// disown gives up the ended splits of wanted sources whose owners own nothing else, so that these count as dead, and the
// splits may be folded away.
func disown(r *connector.Record, wanted []rows.Split) {
	sources := map[string]bool{}
	for _, s := range wanted {
		sources[s.Source] = true
	}
	busy := map[string]bool{r.Writer: true}
	for _, s := range r.Splits {
		busy[s.Owner] = busy[s.Owner] || !s.Done
	}
	for name, s := range r.Splits {
		if s.Done && !busy[s.Owner] && sources[rows.ParseSplit(name).Source] {
			s.Owner = ""
			r.Splits[name] = s
		}
	}
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
	defer forget(r)
	for name := range owners(w.head) {
		if !live[name] && name != "" {
			r.Dead[name] = r.Time
		}
	}
}

// forget keeps the list of the dead short: what a forgotten one left is garbage of the store, but harms nobody.
func forget(r *connector.Record) {
	if len(r.Dead) <= deadKept {
		return
	}
	names := slices.SortedFunc(maps.Keys(r.Dead), func(a, b string) int { return r.Dead[b].Compare(r.Dead[a]) })
	for _, name := range names[deadKept:] {
		delete(r.Dead, name)
	}
}

func owners(r *connector.Record) map[string]bool {
	o := map[string]bool{}
	for _, s := range r.Splits {
		o[s.Owner] = true
	}
	return o
}
