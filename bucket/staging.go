package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/gros-lake/gros/fault"
)

// StagerOf returns b if it is a Stager, else one that keeps staged bytes as objects of b under the prefix beside, and completes
// by reading them, putting them under their key if that is free, and deleting them.
func StagerOf(b Bucket) Stager {
	if s, ok := b.(Stager); ok {
		return s
	}
	return copying{b}
}

// CopiesOnComplete reports whether StagerOf(b) completes with a put of bytes that the completing process read before. Such a
// put may arrive after the object was voided and deleted; so whoever voids it must leave another object under its name.
func CopiesOnComplete(b Bucket) bool {
	_, native := b.(Stager)
	return !native
}

// copying stages on buckets that know nothing of it.
type copying struct{ b Bucket }

func (c copying) Stage(ctx context.Context, key, beside string) (StagedWriter, error) {
	upload, err := NewStagedKey(key, beside)
	if err != nil {
		return nil, err
	}
	return &partWriter{ctx: ctx, b: c.b, s: Staged{Key: key, Upload: upload}}, nil
}

// partSize is how many bytes wait in memory for a part: a thousand writers must be affordable.
const partSize = 256 << 10

// partWriter puts what is written to it as numbered objects. It keeps the context of Stage, because Write has none.
type partWriter struct {
	ctx context.Context
	b   Bucket
	s   Staged
	buf []byte
}

func (w *partWriter) Write(p []byte) (int, error) {
	if len(w.buf)+len(p) < partSize {
		w.buf = append(w.buf, p...)
		return len(p), nil
	}
	if err := w.part(w.ctx, append(w.buf, p...)); err != nil {
		return 0, err // w.buf is as it was, so the same Write may be repeated
	}
	return len(p), nil
}

func (w *partWriter) part(ctx context.Context, body []byte) error {
	n := len(w.s.Parts) + 1
	o, err := PutBytes(ctx, w.b, PartKey(w.s.Upload, n), body, Condition{})
	if err != nil {
		return err
	}
	w.s.Parts = append(w.s.Parts, Part{Number: n, ETag: o.Version, Size: o.Size})
	w.s.Size += o.Size
	w.buf = nil
	return nil
}

func (w *partWriter) Finish(ctx context.Context) (Staged, error) {
	if len(w.buf) > 0 || len(w.s.Parts) == 0 {
		if err := w.part(ctx, w.buf); err != nil {
			return Staged{}, err
		}
	}
	return w.s, nil
}

func (w *partWriter) Abort(ctx context.Context) error { return copying{w.b}.Abort(ctx, w.s) }

func (c copying) Complete(ctx context.Context, s Staged) error {
	done, err := c.done(ctx, s)
	if err != nil {
		return err
	}
	if !done {
		err = c.settle(ctx, s, c.copy(ctx, s))
	}
	if err != nil {
		return err
	}
	return c.Abort(ctx, s)
}

// settle turns an error of copy into one of Complete: somebody else may have completed s meanwhile, and have dropped the parts.
func (c copying) settle(ctx context.Context, s Staged, err error) error {
	missing := errors.Is(err, ErrNotFound)
	if !missing && !errors.Is(err, ErrCondition) {
		return err
	}
	if done, again := c.done(ctx, s); done || again != nil {
		return again
	}
	if missing {
		return fmt.Errorf("completing %s: %w", s.Key, ErrGone)
	}
	return fault.Errorf(fault.Unavailable, "completing %s: an object held the name and went: %w", s.Key, err)
}

// done reports whether the object of s is there already.
func (c copying) done(ctx context.Context, s Staged) (bool, error) {
	o, err := c.b.Stat(ctx, s.Key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err == nil && o.Size != s.Size {
		err = fmt.Errorf("completing %s: an object of %d bytes holds the name, not of %d: %w", s.Key, o.Size, s.Size, ErrCondition)
	}
	return err == nil, err
}

// copy puts the parts of s under its key. ErrNotFound: a part is not there.
func (c copying) copy(ctx context.Context, s Staged) error {
	var total int64
	for _, p := range s.Parts {
		o, err := c.b.Stat(ctx, PartKey(s.Upload, p.Number))
		if err != nil {
			return err
		}
		if o.Size != p.Size {
			return fault.Errorf(fault.Corrupt, "%s: part %d has %d bytes, not %d: %w", s.Key, p.Number, o.Size, p.Size, ErrNotFound)
		}
		total += o.Size
	}
	if total != s.Size || len(s.Parts) == 0 {
		return fault.Errorf(fault.Invalid, "%s: the parts have %d bytes, not %d", s.Key, total, s.Size)
	}
	body := &partsBody{read: func(n int) ([]byte, error) { return ReadAll(ctx, c.b, PartKey(s.Upload, n)) }, parts: s.Parts}
	_, err := c.b.Put(ctx, s.Key, body, s.Size, Condition{IfAbsent: true})
	return err
}

func (c copying) Abort(ctx context.Context, s Staged) error {
	keys := map[string]bool{}
	for _, p := range s.Parts {
		keys[PartKey(s.Upload, p.Number)] = true
	}
	for o, err := range c.b.List(ctx, s.Upload+"/") { // parts that s does not know: of a writer that died
		if err != nil {
			return err
		}
		keys[o.Key] = true
	}
	for key := range keys {
		if err := c.b.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (c copying) Staged(ctx context.Context, prefix, beside string) iter.Seq2[Staged, error] {
	return func(yield func(Staged, error) bool) {
		var s Staged // its parts follow each other in the list
		for o, err := range c.b.List(ctx, stagedPrefix(beside)) {
			if err != nil {
				yield(Staged{}, err)
				return
			}
			key, upload, ok := ParseStagedKey(o.Key, beside)
			if !ok || upload == o.Key || len(key) < len(prefix) || key[:len(prefix)] != prefix {
				continue
			}
			if upload != s.Upload {
				if s.Upload != "" && !yield(s, nil) {
					return
				}
				s = Staged{Key: key, Upload: upload, Time: o.Time}
			}
			s.Parts = append(s.Parts, Part{Number: len(s.Parts) + 1, ETag: o.Version, Size: o.Size})
			s.Size += o.Size
		}
		if s.Upload != "" {
			yield(s, nil)
		}
	}
}

// partsBody reads the parts of a staged object as one body, whole part by whole part: readers go from front to back.
type partsBody struct {
	read  func(n int) ([]byte, error)
	parts []Part

	mu     sync.Mutex
	number int // of the part in bytes
	bytes  []byte
}

func (b *partsBody) ReadAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, part := range b.parts {
		if off >= part.Size {
			off -= part.Size
			continue
		}
		if err := b.load(part); err != nil {
			return n, err
		}
		n += copy(p[n:], b.bytes[off:])
		if off = 0; n == len(p) {
			return n, nil
		}
	}
	return n, io.EOF
}

func (b *partsBody) load(part Part) error {
	if b.number == part.Number && b.bytes != nil {
		return nil
	}
	read, err := b.read(part.Number)
	if err != nil {
		return err
	}
	if int64(len(read)) != part.Size {
		return fault.Errorf(fault.Unavailable, "part %d: read %d bytes of %d", part.Number, len(read), part.Size)
	}
	b.number, b.bytes = part.Number, read
	return nil
}
