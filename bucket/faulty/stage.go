package faulty

import (
	"bytes"
	"context"
	"iter"

	"github.com/gros-lake/gros/bucket"
)

// stagingClient is a client of a store that stages.
type stagingClient struct {
	plainClient
	stager bucket.Stager
}

func (s stagingClient) Stage(ctx context.Context, key, beside string) (bucket.StagedWriter, error) {
	w, err := do(ctx, s.c, "stage", key, nothing, func(ctx context.Context) (bucket.StagedWriter, error) {
		return s.stager.Stage(ctx, key, beside)
	})
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, c: s.c, key: key, inner: w}, nil
}

func (s stagingClient) Complete(ctx context.Context, staged bucket.Staged) error {
	return s.do(ctx, "complete", staged, s.stager.Complete)
}

func (s stagingClient) Abort(ctx context.Context, staged bucket.Staged) error {
	return s.do(ctx, "abort", staged, s.stager.Abort)
}

func (s stagingClient) do(ctx context.Context, name string, staged bucket.Staged, effect func(context.Context, bucket.Staged) error) error {
	_, err := do(ctx, s.c, name, staged.Key, nothing, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, effect(ctx, staged)
	})
	return err
}

func (s stagingClient) Staged(ctx context.Context, prefix, beside string) iter.Seq2[bucket.Staged, error] {
	return list(ctx, s.c, "staged", prefix, s.stager.Staged(ctx, prefix, beside), func(s bucket.Staged) string { return s.Key })
}

// writer is used by one goroutine, as every StagedWriter. It keeps the context of Stage, because Write has none.
type writer struct {
	ctx   context.Context
	c     *Client
	key   string
	inner bucket.StagedWriter
	lost  []byte // a write that took effect, and whose answer was lost: the client writes it again
}

// change performs one of the operations that cannot come late, only lose their answer.
func (w *writer) change(ctx context.Context, name string, effect func() error) (took bool, err error) {
	f, err := w.c.begin(ctx, name, w.key)
	if err != nil {
		return false, err
	}
	if f.Late > 0 {
		f.After = ErrLost
	}
	err = effect()
	return err == nil, w.c.end(f, err)
}

func (w *writer) Write(p []byte) (int, error) {
	took, err := w.change(w.ctx, "write", func() error {
		if w.lost != nil && bytes.Equal(w.lost, p) {
			return nil // the same part once more
		}
		_, err := w.inner.Write(p)
		return err
	})
	if err == nil {
		w.lost = nil
		return len(p), nil
	}
	if took {
		w.lost = append([]byte{}, p...)
	}
	return 0, err
}

func (w *writer) Finish(ctx context.Context) (s bucket.Staged, err error) {
	_, err = w.change(ctx, "finish", func() error {
		s, err = w.inner.Finish(ctx)
		return err
	})
	if err != nil {
		return bucket.Staged{}, err
	}
	return s, nil
}

func (w *writer) Abort(ctx context.Context) error {
	_, err := do(ctx, w.c, "abort", w.key, nothing, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, w.inner.Abort(ctx)
	})
	return err
}
