package mem

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

type upload struct {
	key   string
	time  time.Time
	parts [][]byte
}

func (u *upload) size() (n int64) {
	for _, p := range u.parts {
		n += int64(len(p))
	}
	return n
}

func (u *upload) staged(id string) bucket.Staged {
	s := bucket.Staged{Key: u.key, Upload: id, Size: u.size(), Time: u.time}
	for i, p := range u.parts {
		s.Parts = append(s.Parts, bucket.Part{Number: i + 1, ETag: etag(p), Size: int64(len(p))})
	}
	return s
}

func etag(p []byte) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE(p)) }

// Stage implements bucket.Stager. Nothing is kept under beside.
func (b *Bucket) Stage(ctx context.Context, key, beside string) (bucket.StagedWriter, error) {
	if err := check(ctx, key, nil); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.uploads == nil {
		b.uploads = map[string]*upload{}
	}
	b.count++
	id := "u" + strconv.Itoa(b.count)
	b.uploads[id] = &upload{key: key, time: time.Now().UTC()}
	return &writer{b, id}, nil
}

type writer struct {
	b  *Bucket
	id string
}

func (w *writer) Write(p []byte) (int, error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	u, ok := w.b.uploads[w.id]
	if !ok {
		return 0, fmt.Errorf("upload %s: %w", w.id, bucket.ErrGone)
	}
	u.parts = append(u.parts, slices.Clone(p))
	return len(p), nil
}

func (w *writer) Finish(ctx context.Context) (bucket.Staged, error) {
	if err := ctx.Err(); err != nil {
		return bucket.Staged{}, err
	}
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	u, ok := w.b.uploads[w.id]
	if !ok {
		return bucket.Staged{}, fmt.Errorf("upload %s: %w", w.id, bucket.ErrGone)
	}
	return u.staged(w.id), nil
}

func (w *writer) Abort(ctx context.Context) error {
	return w.b.Abort(ctx, bucket.Staged{Upload: w.id})
}

// Complete implements bucket.Stager.
func (b *Bucket) Complete(ctx context.Context, s bucket.Staged) error {
	if err := check(ctx, s.Key, nil); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if o, ok := b.find(s.Key); ok {
		if int64(len(o.data)) != s.Size {
			return fmt.Errorf("completing %s: an object of %d bytes holds the name, not of %d: %w", s.Key, len(o.data), s.Size, bucket.ErrCondition)
		}
		delete(b.uploads, s.Upload)
		return nil
	}
	u, ok := b.uploads[s.Upload]
	if !ok {
		return fmt.Errorf("completing %s: %w", s.Key, bucket.ErrGone)
	}
	if u.key != s.Key {
		return fault.Errorf(fault.Invalid, "completing %s: upload %s is for %s", s.Key, s.Upload, u.key)
	}
	data, err := u.join(s.Parts)
	if err != nil {
		return fmt.Errorf("completing %s: %w", s.Key, err)
	}
	return b.complete(s, data)
}

// complete consumes the upload of s. b.mu is held.
func (b *Bucket) complete(s bucket.Staged, data []byte) error {
	delete(b.uploads, s.Upload)
	var delay time.Duration
	if b.CompleteDelay != nil {
		delay = b.CompleteDelay(s.Key)
	}
	b.store(s.Key, data, time.Now().Add(delay))
	if delay > 0 {
		return fault.Errorf(fault.Unavailable, "completing %s: the store is slow", s.Key)
	}
	return nil
}

// join returns the bytes of the listed parts.
func (u *upload) join(parts []bucket.Part) ([]byte, error) {
	data := make([]byte, 0, u.size())
	for _, p := range parts {
		if p.Number < 1 || p.Number > len(u.parts) || etag(u.parts[p.Number-1]) != p.ETag {
			return nil, fault.Errorf(fault.Invalid, "part %d is not of this upload", p.Number)
		}
		data = append(data, u.parts[p.Number-1]...)
	}
	return data, nil
}

// Abort implements bucket.Stager.
func (b *Bucket) Abort(ctx context.Context, s bucket.Staged) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.Expire(s)
	return nil
}

// Expire drops a staged upload, as a lifecycle rule of the store does.
func (b *Bucket) Expire(s bucket.Staged) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.uploads, s.Upload)
}

// Staged implements bucket.Stager.
func (b *Bucket) Staged(ctx context.Context, prefix, beside string) iter.Seq2[bucket.Staged, error] {
	return func(yield func(bucket.Staged, error) bool) {
		for _, s := range b.staged(prefix) {
			if err := ctx.Err(); err != nil {
				yield(bucket.Staged{}, err)
				return
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (b *Bucket) staged(prefix string) []bucket.Staged {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []bucket.Staged
	for id, u := range b.uploads {
		if strings.HasPrefix(u.key, prefix) {
			list = append(list, u.staged(id))
		}
	}
	slices.SortFunc(list, func(x, y bucket.Staged) int {
		return cmp.Or(strings.Compare(x.Key, y.Key), strings.Compare(x.Upload, y.Upload))
	})
	return list
}
