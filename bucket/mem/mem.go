// Package mem keeps objects in memory.
package mem

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// Bucket is a bucket in memory that stages like S3: a multipart upload takes parts and is consumed by its completion. The zero
// Bucket is empty and ready for use.
type Bucket struct {
	// CompleteDelay, if set, makes Complete slow, as S3 is now and then: the upload is gone at once, the caller hears
	// Unavailable, and the object is there after the delay. Set it before the first use.
	CompleteDelay func(key string) time.Duration

	mu      sync.Mutex
	objects map[string]object
	uploads map[string]*upload
	count   int // of versions and uploads so far
}

type object struct {
	data    []byte
	version string
	time    time.Time
	from    time.Time // when it becomes visible
}

// New returns an empty Bucket.
func New() *Bucket { return &Bucket{} }

// Plain returns b as a bucket without native staging. Both show the same objects.
func Plain(b *Bucket) bucket.Bucket { return plain{b} }

// plain hides every method that is not of bucket.Bucket, but for Settles.
type plain struct{ bucket.Bucket }

func (plain) Settles() time.Duration { return 0 }

// Settles is 0: no request outlives its call.
func (b *Bucket) Settles() time.Duration { return 0 }

func (b *Bucket) find(key string) (object, bool) {
	o, ok := b.objects[key]
	return o, ok && !time.Now().Before(o.from)
}

func describe(key string, o object) bucket.Object {
	return bucket.Object{Key: key, Size: int64(len(o.data)), Version: o.version, Time: o.time}
}

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := check(ctx, key, bucket.CheckRange(key, off)); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.find(key)
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, bucket.ErrNotFound)
	}
	rest := o.data[min(off, int64(len(o.data))):]
	if n >= 0 {
		rest = rest[:min(n, int64(len(rest)))]
	}
	return &reader{ctx: ctx, rest: rest}, nil
}

// reader ends with its context.
type reader struct {
	ctx    context.Context
	rest   []byte
	closed bool
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.closed {
		return 0, fault.Errorf(fault.Internal, "read after close")
	}
	if len(r.rest) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *reader) Close() error {
	r.closed = true
	return nil
}

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body io.ReaderAt, size int64, c bucket.Condition) (bucket.Object, error) {
	if err := check(ctx, key, nil); err != nil {
		return bucket.Object{}, err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(body, 0, size), data); err != nil {
		return bucket.Object{}, fmt.Errorf("%s: reading the body: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.find(key)
	if c.IfAbsent && ok || c.IfVersion != "" && (!ok || old.version != c.IfVersion) {
		return bucket.Object{}, fmt.Errorf("%s: %w", key, bucket.ErrCondition)
	}
	return b.store(key, data, time.Time{}), nil
}

// store shows data under key from a time on. b.mu is held.
func (b *Bucket) store(key string, data []byte, from time.Time) bucket.Object {
	if b.objects == nil {
		b.objects = map[string]object{}
	}
	b.count++
	o := object{data: data, version: "v" + strconv.Itoa(b.count), time: time.Now().UTC(), from: from}
	b.objects[key] = o
	return describe(key, o)
}

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Object, error) {
	if err := check(ctx, key, nil); err != nil {
		return bucket.Object{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.find(key)
	if !ok {
		return bucket.Object{}, fmt.Errorf("%s: %w", key, bucket.ErrNotFound)
	}
	return describe(key, o), nil
}

// List implements bucket.Bucket. It yields what was there when the loop began.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		for _, o := range b.list(prefix) {
			if err := ctx.Err(); err != nil {
				yield(bucket.Object{}, err)
				return
			}
			if !yield(o, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(bucket.Object{}, err)
		}
	}
}

func (b *Bucket) list(prefix string) []bucket.Object {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []bucket.Object
	for key := range b.objects {
		if o, ok := b.find(key); ok && strings.HasPrefix(key, prefix) {
			list = append(list, describe(key, o))
		}
	}
	slices.SortFunc(list, func(x, y bucket.Object) int { return strings.Compare(x.Key, y.Key) })
	return list
}

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key, nil); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.find(key); ok {
		delete(b.objects, key)
	}
	return nil
}

// check returns the first reason not to begin.
func check(ctx context.Context, key string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if keyErr := bucket.CheckKey(key); keyErr != nil {
		return keyErr
	}
	return err
}
