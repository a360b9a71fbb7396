package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body io.ReaderAt, size int64, c bucket.Condition) (bucket.Object, error) {
	path, err := b.begin(ctx, key)
	if err != nil {
		return bucket.Object{}, err
	}
	dir := filepath.Dir(path)
	if c.IfAbsent {
		if _, err := b.stat(key, path); err == nil {
			return bucket.Object{}, b.refuse(key, dir) // without writing the bytes
		}
	}
	locked := b.lockFor(c)
	var o bucket.Object
	err = b.inFolder(dir, func() error {
		if err := b.sweep(dir); err != nil {
			return err
		}
		return locked(ctx, dir, func() (err error) {
			o, err = b.put(ctx, key, path, io.NewSectionReader(body, 0, size), c)
			return err
		})
	})
	if errors.Is(err, fs.ErrExist) && !errors.Is(err, bucket.ErrCondition) {
		err = b.refuse(key, dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fault.As(fault.Unavailable, err) // somebody removes the folder, or the temporary file
	}
	return o, b.classify(key, err)
}

func (b *Bucket) lockFor(c bucket.Condition) lock {
	switch {
	case c.IfVersion != "":
		return b.alone
	case c.IfAbsent:
		return b.atOnce
	}
	return b.shared
}

// refuse says that key is taken. It syncs first: the caller will build on the object that it met, and that must not vanish.
func (b *Bucket) refuse(key, dir string) error {
	if _, err := b.stat(key, b.path(key)); errors.Is(err, bucket.ErrNotFound) {
		if info, statErr := b.fs.Stat(b.path(key)); statErr == nil && info.Folder {
			return fault.Errorf(fault.Invalid, "%s: is a folder", b.path(key))
		}
	}
	if err := b.folder(dir); err != nil {
		return b.classify(key, err)
	}
	if err := b.fs.SyncDir(dir); err != nil {
		return b.classify(key, err)
	}
	return fmt.Errorf("%s: %w", key, bucket.ErrCondition)
}

// put writes a temporary file and gives it the name. The folder is there and locked. fs.ErrExist: the name is taken.
func (b *Bucket) put(ctx context.Context, key, path string, body *io.SectionReader, c bucket.Condition) (bucket.Object, error) {
	if c.IfVersion != "" {
		old, err := b.stat(key, path)
		if ignoring(err, bucket.ErrNotFound) != nil {
			return bucket.Object{}, err
		}
		if err != nil || old.Version != c.IfVersion {
			return bucket.Object{}, fmt.Errorf("%s: %w", key, bucket.ErrCondition)
		}
	}
	temp := filepath.Join(filepath.Dir(path), tempName())
	info, err := b.write(ctx, temp, body)
	if err == nil {
		err = b.publish(temp, path, c)
	}
	if err != nil || c.IfAbsent {
		b.drop(temp)
	}
	if err != nil {
		return bucket.Object{}, err
	}
	return bucket.Object{Key: key, Size: info.Size, Version: version(info), Time: info.Modified.UTC()}, nil
}

// write fills a new file with body, for good.
func (b *Bucket) write(ctx context.Context, name string, body *io.SectionReader) (Info, error) {
	f, err := b.fs.Create(name)
	if err != nil {
		return Info{}, err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(f, 0)}, &endingReader{ctx, body}, make([]byte, min(max(body.Size(), 1), 1<<20)))
	if err == nil && n != body.Size() {
		err = fault.Errorf(fault.Invalid, "the body has %d bytes, not %d", n, body.Size())
	}
	if err == nil {
		// Clocks of file systems are coarse; two versions must not share a time.
		err = b.fs.Chtimes(name, time.Now())
	}
	if err == nil {
		err = f.Sync()
	}
	if err := first(err, f.Close()); err != nil {
		return Info{}, err
	}
	return b.fs.Stat(name)
}

// publish gives the file temp the name path, for good.
func (b *Bucket) publish(temp, path string, c bucket.Condition) error {
	give := b.fs.Rename
	if c.IfAbsent {
		give = b.fs.Link
	}
	if err := give(temp, path); err != nil {
		return err
	}
	return b.fs.SyncDir(filepath.Dir(path))
}

// drop removes a temporary file. If that is not possible now, the next Put into the folder tries again.
func (b *Bucket) drop(temp string) {
	if err := b.fs.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.swept, filepath.Dir(temp))
	}
}

// endingReader ends with its context.
type endingReader struct {
	ctx  context.Context
	body io.Reader
}

func (r *endingReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}
