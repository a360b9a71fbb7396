package commit

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// parallel is how many files are completed or cleaned at once.
const parallel = 16

// settle brings the head into the state in which a data record may be put: every recorded commit that covers a split of
// ours, or whose writer is dead, is visible [C3 C3b], and every file of a voided one is cleaned [C6e]. ErrRewound: our
// splits were set back on the way.
func (w *Writer) settle(ctx context.Context) error {
	var rewound error
	for {
		p, found := w.unsettled()
		if !found {
			break
		}
		err := w.complete(ctx, p.Files)
		if errors.Is(err, bucket.ErrGone) {
			err = w.void(ctx, p)
		}
		switch {
		case err == nil:
			w.confirmed[p.Seq] = true
		case errors.Is(err, connector.ErrRewound):
			rewound = err
		default:
			return err
		}
	}
	if err := w.clean(ctx); err != nil {
		return err
	}
	return rewound
}

// unsettled returns a commit of the head that must be complete before ours.
func (w *Writer) unsettled() (connector.Pend, bool) {
	live := owners(w.head)
	for _, p := range w.head.Pend {
		if w.confirmed[p.Seq] {
			continue
		}
		ours := !live[p.Writer]
		for name := range p.Starts {
			_, mine := w.at[name]
			ours = ours || mine
		}
		if ours {
			return p, true
		}
	}
	return connector.Pend{}, false
}

// Confirm makes the files of a commit of this life visible. ErrRewound: the store lost one before, the commit is void and
// its splits are set back: go on from Head's positions. ErrFenced: the same, and the splits are no longer ours.
func (w *Writer) Confirm(ctx context.Context, r *connector.Record) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.stuck != nil {
		return w.stuck
	}
	if w.confirmed[r.Seq] {
		return nil
	}
	err := w.complete(ctx, r.Files)
	if errors.Is(err, bucket.ErrGone) {
		if err := w.refresh(ctx); err != nil {
			return err
		}
		i := slices.IndexFunc(w.head.Pend, func(p connector.Pend) bool { return p.Seq == r.Seq })
		if i < 0 {
			return w.rewound()
		}
		if err := w.void(ctx, w.head.Pend[i]); err != nil {
			return err
		}
		return connector.ErrRewound // of no split that is ours: an egress process gave its own up with this commit
	}
	if err == nil {
		w.confirmed[r.Seq] = true
	}
	return err
}

// complete shows staged files under their keys. ErrGone: the store has lost one of them for good.
func (w *Writer) complete(ctx context.Context, files []connector.File) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, f := range files {
		g.Go(func() error {
			err := w.completeOne(ctx, f.Staged)
			if !errors.Is(err, bucket.ErrGone) {
				return err
			}
			// A slow completion looks the same until it has taken effect [C6d].
			w.log.Log.Warn("a recorded file is neither staged nor there; looking again", "key", f.Key, "in", w.log.Settle)
			if err := sleep(ctx, w.log.Settle); err != nil {
				return err
			}
			return w.completeOne(ctx, f.Staged)
		})
	}
	return g.Wait()
}

func (w *Writer) completeOne(ctx context.Context, s bucket.Staged) error {
	err := w.log.try(ctx, "complete "+s.Key, func() error { return w.log.stager.Complete(ctx, s) })
	if errors.Is(err, bucket.ErrCondition) {
		return fault.Hint(fault.Errorf(fault.Corrupt, "%s: another object holds the name of a committed file: %w", s.Key, err),
			"move that object away and start again")
	}
	return err
}

// void records that a commit's rows were lost by the store: its splits go back to where it began, its files will be
// cleaned, and its rows are read again. It returns ErrRewound, or ErrFenced, when it changed splits of ours.
func (w *Writer) void(ctx context.Context, p connector.Pend) error {
	commit := uuid.NewString()
	for {
		r := w.next(connector.KindVoid, commit)
		for name, start := range p.Starts {
			s, there := r.Splits[name]
			split := rows.ParseSplit(name)
			if !there && split.Source == EgressSource {
				continue // its process has ended: nobody can hand over these rows again
			}
			if !there { // it had been folded away
				s.Owner = p.Writer
			}
			s.Pos, s.State, s.Done, s.At = start.Pos, start.State, start.Done, r.Seq
			r.Splits[name] = s
		}
		r.Starts, r.Voids = p.Starts, []int64{p.Seq}
		r.Pend = slices.DeleteFunc(r.Pend, func(q connector.Pend) bool { return q.Seq == p.Seq })
		for _, f := range p.Files {
			r.Clean = append(r.Clean, connector.Clean{Staged: f.Staged, Since: r.Time})
		}
		ok, err := w.putRecord(ctx, r)
		if err != nil {
			return err
		}
		if ok {
			w.log.Log.Error("the store lost rows of a commit before they were visible; they are read again",
				"stem", w.log.Base+w.log.Stem, "commit", p.Seq, "void", r.Seq, "files", len(p.Files), "splits", p.Starts)
			return w.moved()
		}
		if !slices.ContainsFunc(w.head.Pend, func(q connector.Pend) bool { return q.Seq == p.Seq }) {
			return w.moved() // somebody else voided or completed it
		}
	}
}

// moved says whether the head has set splits of ours back.
func (w *Writer) moved() error {
	for name, at := range w.at {
		if s, there := w.head.Splits[name]; !there || s.Owner != w.nonce || s.At != at {
			return w.rewound()
		}
	}
	return nil
}
