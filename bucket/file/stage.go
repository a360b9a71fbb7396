package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// Stage implements bucket.Stager. The bytes wait in a file of their own under beside, named by bucket.NewStagedKey.
func (b *Bucket) Stage(ctx context.Context, key, beside string) (bucket.StagedWriter, error) {
	if _, err := b.begin(ctx, key); err != nil {
		return nil, err
	}
	upload, err := bucket.NewStagedKey(key, beside)
	if err != nil {
		return nil, err
	}
	w := &writer{b: b, path: b.path(upload), s: bucket.Staged{Key: key, Upload: upload}}
	err = b.inFolder(filepath.Dir(w.path), func() error {
		f, err := b.fs.Create(w.path)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		return nil, b.classify(key, err)
	}
	return w, nil
}

// writer appends to a staged file. It keeps no descriptor between two calls, so thousands may be open.
type writer struct {
	b      *Bucket
	path   string
	s      bucket.Staged
	failed error
}

// Write may be repeated when it failed: it overwrites what the disk took of it.
func (w *writer) Write(p []byte) (int, error) {
	w.failed = w.modify(func(f File) error {
		_, err := f.WriteAt(p, w.s.Size)
		return err
	})
	if w.failed != nil {
		return 0, w.failed
	}
	w.s.Size += int64(len(p))
	return len(p), nil
}

func (w *writer) modify(do func(File) error) error {
	f, err := w.b.fs.Modify(w.path)
	if err == nil {
		err = first(do(f), f.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", w.s.Key, bucket.ErrGone)
	}
	return w.b.classify(w.s.Key, err)
}

func (w *writer) Finish(ctx context.Context) (bucket.Staged, error) {
	if err := first(ctx.Err(), w.failed, w.modify(File.Sync)); err != nil {
		return bucket.Staged{}, err
	}
	if err := w.b.fs.SyncDir(filepath.Dir(w.path)); err != nil {
		return bucket.Staged{}, w.b.classify(w.s.Key, err)
	}
	o, err := w.b.stat(w.s.Upload, w.path)
	if err == nil && o.Size != w.s.Size {
		err = fault.Errorf(fault.Corrupt, "%s: %d bytes were staged, the disk has %d", w.s.Key, w.s.Size, o.Size)
	}
	if err != nil {
		return bucket.Staged{}, err
	}
	w.s.Time = o.Time
	return w.s, nil
}

func (w *writer) Abort(ctx context.Context) error { return w.b.Abort(ctx, w.s) }

// Complete implements bucket.Stager.
func (b *Bucket) Complete(ctx context.Context, s bucket.Staged) error {
	path, err := b.begin(ctx, s.Key)
	if err != nil {
		return err
	}
	from, err := b.stagedPath(s)
	if err != nil {
		return err
	}
	if err := b.show(s, from, path); err != nil {
		if there, thereErr := b.completed(s, path); !there {
			return first(thereErr, b.classify(s.Key, err))
		}
	}
	// Also when the object was there: who linked it may have died before it was durable.
	dir := filepath.Dir(path)
	if err := b.fs.SyncDir(dir); err != nil {
		return b.classify(s.Key, err)
	}
	return b.classify(s.Key, ignoring(b.fs.Remove(from), fs.ErrNotExist))
}

// show links a whole staged file to its key.
func (b *Bucket) show(s bucket.Staged, from, path string) error {
	staged, err := b.stat(s.Upload, from)
	if errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("completing %s: %w", s.Key, bucket.ErrGone)
	}
	if err != nil {
		return err
	}
	if staged.Size != s.Size {
		return fmt.Errorf("completing %s: %d bytes are left of %d: %w", s.Key, staged.Size, s.Size, bucket.ErrGone)
	}
	err = b.inFolder(filepath.Dir(path), func() error { return b.fs.Link(from, path) })
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.Errorf(fault.Unavailable, "completing %s: something held the name and went: %w", s.Key, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("completing %s: %w", s.Key, bucket.ErrGone)
	}
	return err
}

// completed reports whether the object of s is there. ErrCondition: another one is.
func (b *Bucket) completed(s bucket.Staged, path string) (bool, error) {
	o, err := b.stat(s.Key, path)
	if errors.Is(err, bucket.ErrNotFound) {
		if info, statErr := b.fs.Stat(path); statErr == nil && info.Folder {
			return false, fault.Errorf(fault.Invalid, "%s: is a folder", path)
		}
		return false, nil
	}
	if err == nil && o.Size != s.Size {
		err = fmt.Errorf("completing %s: an object of %d bytes holds the name, not of %d: %w", s.Key, o.Size, s.Size, bucket.ErrCondition)
	}
	return err == nil, err
}

// Abort implements bucket.Stager.
func (b *Bucket) Abort(ctx context.Context, s bucket.Staged) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := b.stagedPath(s)
	if err != nil {
		return err
	}
	err = b.fs.Remove(path)
	if err == nil {
		err = b.fs.SyncDir(filepath.Dir(path)) // or a power cut may bring back what a sleeper could complete
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return b.classify(s.Key, err)
}

// stagedPath is where the bytes of s wait. It refuses all names but those that Stage gives: a damaged record must not remove data.
func (b *Bucket) stagedPath(s bucket.Staged) (string, error) {
	if err := bucket.CheckKey(s.Upload); err != nil {
		return "", err
	}
	for i, c := range s.Upload {
		if c != '/' {
			continue
		}
		if key, upload, ok := bucket.ParseStagedKey(s.Upload, s.Upload[:i]); ok && key == s.Key && upload == s.Upload {
			return b.path(s.Upload), nil
		}
	}
	return "", fault.Errorf(fault.Invalid, "%s: %q is not the name of a staged file", s.Key, s.Upload)
}

// Staged implements bucket.Stager.
func (b *Bucket) Staged(ctx context.Context, prefix, beside string) iter.Seq2[bucket.Staged, error] {
	return func(yield func(bucket.Staged, error) bool) {
		for o, err := range b.List(ctx, strings.TrimSuffix(beside, "/")+"/") {
			if err != nil {
				yield(bucket.Staged{}, err)
				return
			}
			key, upload, ok := bucket.ParseStagedKey(o.Key, beside)
			if !ok || upload != o.Key || !strings.HasPrefix(key, prefix) {
				continue
			}
			if !yield(bucket.Staged{Key: key, Upload: upload, Size: o.Size, Time: o.Time}, nil) {
				return
			}
		}
	}
}
