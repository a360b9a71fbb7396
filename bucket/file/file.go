// Package file keeps objects as files under a folder.
//
// An object is on the disk for good when Put or Complete returns: its bytes are synced, then it gets its name by link(2) or
// rename(2), then the folder is synced, and every folder above it that may be new. Files that are being written are named
// ".gros-….tmp"; List skips them, and the next Put into their folder removes those of processes that died.
//
// Keys are relative paths. A symbolic link to a file is an object, one to a folder is followed by Get but not by List.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// Bucket is a folder of the disk. Any number of processes may use it at once.
type Bucket struct {
	fs   FS
	root string

	mu      sync.Mutex
	durable map[string]bool // folders whose own name is known to be on the disk
	swept   map[string]bool // folders whose dead temporary files are removed
}

// Open returns the bucket of the folder root, which need not exist: the first Put makes it.
func Open(root string) (*Bucket, error) { return OpenFS(osFS{}, root) }

// OpenFS is Open on another disk.
func OpenFS(disk FS, root string) (*Bucket, error) {
	if root == "" || strings.IndexByte(root, 0) >= 0 {
		return nil, fault.Errorf(fault.Invalid, "%q is no folder", root)
	}
	root, err := filepath.Abs(root) // a later change of the working directory moves no data
	if err != nil {
		return nil, fault.As(fault.Unavailable, err)
	}
	return &Bucket{fs: disk, root: root, durable: map[string]bool{}, swept: map[string]bool{}}, nil
}

// Root returns the absolute path of the folder.
func (b *Bucket) Root() string { return b.root }

func (b *Bucket) String() string { return "file://" + b.root }

// Settles is 0: no operation on a disk outlives its process.
func (b *Bucket) Settles() time.Duration { return 0 }

func (b *Bucket) path(key string) string { return filepath.Join(b.root, filepath.FromSlash(key)) }

func (b *Bucket) begin(ctx context.Context, key string) (path string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := bucket.CheckKey(key); err != nil {
		return "", err
	}
	if isTemp(filepath.Base(key)) {
		return "", fault.Errorf(fault.Invalid, "key %q: such names are for temporary files", key)
	}
	return b.path(key), nil
}

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := bucket.CheckRange(key, off); err != nil {
		return nil, err
	}
	if _, err := b.Stat(ctx, key); err != nil {
		return nil, err // opening something that is no file (a pipe) might block
	}
	f, err := b.fs.Open(b.path(key))
	if err != nil {
		return nil, b.classify(key, err)
	}
	if n < 0 {
		n = math.MaxInt64 - off // the file ends it; its size before it was opened may have been another's
	}
	return &reader{io.NewSectionReader(f, off, n), f, ctx.Err, func(err error) error { return b.classify(key, err) }}, nil
}

// reader ends with its context, and classifies errors.
type reader struct {
	section  *io.SectionReader
	file     File
	ended    func() error
	classify func(error) error
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	n, err := r.section.Read(p)
	if err != nil && err != io.EOF {
		err = r.classify(err)
	}
	return n, err
}

func (r *reader) Close() error { return r.classify(r.file.Close()) }

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Object, error) {
	path, err := b.begin(ctx, key)
	if err != nil {
		return bucket.Object{}, err
	}
	return b.stat(key, path)
}

// stat says ErrNotFound too when a file stands where key has a folder, unless the root is that file.
func (b *Bucket) stat(key, path string) (bucket.Object, error) {
	info, err := b.fs.Stat(path)
	if isNotFolder(err) && b.checkRoot() == nil || err == nil && !info.Regular {
		err = fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) {
		return bucket.Object{}, fmt.Errorf("%s: %w", key, bucket.ErrNotFound)
	}
	if err != nil {
		return bucket.Object{}, b.classify(key, err)
	}
	return bucket.Object{Key: key, Size: info.Size, Version: version(info), Time: info.Modified.UTC()}, nil
}

// version changes with each Put, because each Put writes a new file and stamps it with the time.
func version(info Info) string {
	return fmt.Sprintf("%x-%x-%x", info.Modified.UnixNano(), info.Inode, info.Size)
}

// checkRoot is an error if the root is there and no folder.
func (b *Bucket) checkRoot() error {
	info, err := b.fs.Stat(b.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.Folder {
		return b.misplaced(b.root, nil)
	}
	return b.classify(b.root, err)
}

// Delete implements bucket.Bucket. It leaves folders, even empty ones: another process may be about to write there.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	path, err := b.begin(ctx, key)
	if err != nil {
		return err
	}
	if _, err := b.stat(key, path); err != nil {
		return ignoring(err, bucket.ErrNotFound)
	}
	dir := filepath.Dir(path)
	err = b.shared(ctx, dir, func() error {
		if err := b.fs.Remove(path); err != nil {
			return err
		}
		return b.fs.SyncDir(dir)
	})
	return b.classify(key, ignoring(err, fs.ErrNotExist))
}

func ignoring(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}
