package faulty

import (
	"bytes"
	"context"
	"io"
	"iter"
	"time"

	"github.com/gros-lake/gros/bucket"
)

// plainClient is a client of a store that does not stage.
type plainClient struct{ c *Client }

func (p plainClient) inner() bucket.Bucket { return p.c.store.inner }

// Settles is the store's SettlesAfter, or what the bucket inside says.
func (p plainClient) Settles() time.Duration {
	if d := p.c.store.SettlesAfter; d > 0 {
		return d
	}
	return bucket.Settles(p.inner())
}

func (p plainClient) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	f, err := p.c.read(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	r, err := p.inner().Get(ctx, key, off, n)
	if end := p.c.end(f, err); end != nil {
		if r != nil {
			return nil, closing(r, end)
		}
		return nil, end
	}
	return &body{r, p.c, f.Cut, f.Cut > 0}, nil
}

// closing closes what the caller will not get.
func closing(r io.Closer, err error) error {
	if closeErr := r.Close(); err == nil {
		return closeErr
	}
	return err
}

// read begins an operation that changes nothing: a late one has only no answer.
func (c *Client) read(ctx context.Context, name, key string) (Fault, error) {
	f, err := c.begin(ctx, name, key)
	if err == nil && f.Late > 0 {
		err = c.end(f, ErrLost)
	}
	return f, err
}

// body is read by a process that may die meanwhile.
type body struct {
	io.ReadCloser
	c    *Client
	left int64
	cut  bool
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.c.awake(); err != nil {
		return 0, err
	}
	if !b.cut {
		return b.ReadCloser.Read(p)
	}
	if b.left == 0 {
		return 0, ErrLost
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (p plainClient) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond bucket.Condition) (bucket.Object, error) {
	keep := func() error {
		data := make([]byte, size)
		_, err := io.ReadFull(io.NewSectionReader(body, 0, size), data)
		body = bytes.NewReader(data)
		return err
	}
	return do(ctx, p.c, "put", key, keep, func(ctx context.Context) (bucket.Object, error) {
		return p.inner().Put(ctx, key, body, size, cond)
	})
}

func (p plainClient) Stat(ctx context.Context, key string) (bucket.Object, error) {
	f, err := p.c.read(ctx, "stat", key)
	if err != nil {
		return bucket.Object{}, err
	}
	o, err := p.inner().Stat(ctx, key)
	if err := p.c.end(f, err); err != nil {
		return bucket.Object{}, err
	}
	return o, nil
}

func (p plainClient) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return list(ctx, p.c, "list", prefix, p.inner().List(ctx, prefix), func(o bucket.Object) string { return o.Key })
}

// list is the list inner as the client gets it.
func list[T any](ctx context.Context, c *Client, name, prefix string, inner iter.Seq2[T, error], key func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		f, err := c.read(ctx, name, prefix)
		if err != nil {
			yield(zero, err)
			return
		}
		left := f.Cut
		for v, err := range inner {
			if err == nil {
				err = c.awake()
			}
			if err == nil && f.Hide != nil && f.Hide(key(v)) {
				continue
			}
			if err == nil && f.Cut > 0 && left == 0 {
				err = ErrLost
			}
			left--
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := c.end(f, nil); err != nil {
			yield(zero, err)
		}
	}
}

func (p plainClient) Delete(ctx context.Context, key string) error {
	_, err := do(ctx, p.c, "delete", key, nothing, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.inner().Delete(ctx, key)
	})
	return err
}
