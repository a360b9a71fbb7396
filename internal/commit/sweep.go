package commit

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

// clean removes the files of voided commits: the upload first, the object second [C6b C6c], and both again once no request
// sent before can take effect any more [C6e].
func (w *Writer) clean(ctx context.Context) error {
	var todo []connector.Clean
	for _, c := range w.head.Clean {
		if !w.cleaned[c.Key] {
			todo = append(todo, c)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	if err := w.cleanOnce(ctx, todo); err != nil {
		return err
	}
	if w.log.Settle > 0 {
		w.log.Log.Info("waiting until no request for the voided files can be under way", "files", len(todo), "for", w.log.Settle)
		if err := sleep(ctx, w.log.Settle); err != nil {
			return err
		}
		if err := w.cleanOnce(ctx, todo); err != nil {
			return err
		}
	}
	for _, c := range todo {
		w.cleaned[c.Key] = true
	}
	return nil
}

func (w *Writer) cleanOnce(ctx context.Context, todo []connector.Clean) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, c := range todo {
		g.Go(func() error {
			if err := w.abort(ctx, c.Staged); err != nil {
				return err
			}
			return w.log.try(ctx, "remove "+c.Key, func() error {
				if !bucket.CopiesOnComplete(w.log.Bucket) {
					return w.log.Bucket.Delete(ctx, c.Key)
				}
				var empty []byte // the name stays taken, or a sleeper might still put the bytes there [C10b]
				if w.log.Empty != nil {
					empty = w.log.Empty(c.Key)
				}
				return w.log.put(ctx, c.Key, empty, bucket.Condition{})
			})
		})
	}
	return g.Wait()
}

func (w *Writer) abort(ctx context.Context, s bucket.Staged) error {
	return w.log.try(ctx, "abort "+s.Key, func() error { return w.log.stager.Abort(ctx, s) })
}

// dropFor is how long dropping may hold up the end of a process; the sweep of a later one does it else.
const dropFor = 30 * time.Second

// Drop aborts files that this life staged and will not record, though ctx was cancelled. Each is tried once.
func (w *Writer) Drop(ctx context.Context, files []connector.File) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.stuck != nil {
		return nil // they may be recorded
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropFor)
	defer cancel()
	errs := make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, f := range files {
		g.Go(func() error {
			errs[i] = w.log.stager.Abort(ctx, f.Staged)
			w.Release(f.Key)
			return nil
		})
	}
	return errors.Join(append(errs, g.Wait())...)
}

// sweep drops what dead writers, or this one, staged and never recorded. It is done at start, hourly and when idle:
// listings may be incomplete [C11].
func (w *Writer) sweep(ctx context.Context) error {
	if w.stuck != nil {
		return nil
	}
	staged, states, err := w.listStaged(ctx) // first list, then read the head [C1c]
	if err != nil {
		return err
	}
	if err := w.refresh(ctx); err != nil {
		return err
	}
	kept := map[string]bool{} // uploads by their own name: a request delivered twice begins two for one key
	for _, p := range w.head.Pend {
		for _, f := range p.Files {
			kept[f.Upload] = true
		}
		for _, s := range p.Starts {
			keep(kept, s.State)
		}
	}
	for _, s := range w.head.Splits {
		keep(kept, s.State)
	}
	for _, s := range staged {
		if w.ours(s.Key) && !kept[s.Upload] {
			if err := w.abort(ctx, s); err != nil {
				return err
			}
		}
	}
	for _, key := range states {
		if w.ours(key) && !kept[key] {
			if err := w.log.try(ctx, "remove "+key, func() error { return w.log.Bucket.Delete(ctx, key) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func keep(kept map[string]bool, ref *connector.StateRef) {
	if ref != nil {
		kept[ref.Key] = true
	}
}

// ours says whether this life may drop an unrecorded thing: never another live writer's [C1 C1b C12].
func (w *Writer) ours(key string) bool {
	nonce := nonceOf(key)
	if nonce == w.nonce {
		return !w.uses(key)
	}
	_, dead := w.head.Dead[nonce]
	return dead && nonce != ""
}

func (w *Writer) listStaged(ctx context.Context) (staged []bucket.Staged, states []string, err error) {
	err = w.log.try(ctx, "list staged files", func() error {
		staged, states = nil, nil
		for s, err := range w.log.stager.Staged(ctx, w.log.Base, w.log.stagedPrefix()) {
			if err != nil {
				return err
			}
			if w.log.Owns(s.Key) {
				staged = append(staged, s)
			}
		}
		for o, err := range w.log.Bucket.List(ctx, w.log.statePrefix()) {
			if err != nil {
				return err
			}
			states = append(states, o.Key)
		}
		return nil
	})
	return staged, states, err
}

// Idle is what a writer does while nothing moves: it finishes the last commit, sweeps, and learns whether it was fenced.
func (w *Writer) Idle(ctx context.Context) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.stuck != nil {
		return w.stuck
	}
	if err := w.refresh(ctx); err != nil {
		return err
	}
	if err := w.moved(); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if err := w.touch(ctx); err != nil {
		return err
	}
	return w.sweep(ctx)
}

// touch shows that this egress process lives, before others take it for silent.
func (w *Writer) touch(ctx context.Context) error {
	for name, at := range w.at {
		if rows.ParseSplit(name).Source != EgressSource {
			continue
		}
		last, err := w.log.Record(ctx, at)
		if err != nil || time.Since(last.Time) < egressIdle/2 {
			return err
		}
		r := w.next(connector.KindOwn, uuid.NewString())
		state := r.Splits[name]
		state.At = r.Seq
		r.Splits[name] = state
		ok, err := w.putRecord(ctx, r) // if somebody else was faster, the next time will do
		if ok {
			w.at[name] = r.Seq
		}
		return err
	}
	return nil
}
