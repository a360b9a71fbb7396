package file

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"syscall"

	"github.com/gros-lake/gros/bucket"
)

// List implements bucket.Bucket. It holds the names of one folder and of those above it, never of a whole tree.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		dir := ""
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			dir = prefix[:i+1]
			if err := bucket.CheckKey(prefix[:i]); err != nil {
				yield(bucket.Object{}, err)
				return
			}
		}
		if err := b.checkRoot(); err != nil {
			yield(bucket.Object{}, err)
			return
		}
		(&lister{ctx, b, prefix, yield}).walk(dir)
	}
}

type lister struct {
	ctx    context.Context
	b      *Bucket
	prefix string
	yield  func(bucket.Object, error) bool
}

// walk yields what is under dir, which is "" or ends with a slash. It reports whether to go on.
func (l *lister) walk(dir string) bool {
	names, err := l.names(dir)
	if err != nil {
		return l.yield(bucket.Object{}, err) && false
	}
	for _, name := range names {
		if err := l.ctx.Err(); err != nil {
			return l.yield(bucket.Object{}, err) && false
		}
		key := dir + name
		if strings.HasSuffix(name, "/") {
			if !l.walk(key) {
				return false
			}
			continue
		}
		o, err := l.b.stat(key, l.b.path(key))
		if errors.Is(err, bucket.ErrNotFound) {
			continue // deleted meanwhile, or no file
		}
		if !l.yield(o, err) || err != nil {
			return false
		}
	}
	return true
}

// names returns what is in dir and may lead to a key with the prefix, in the order of keys: a folder sorts with its slash.
func (l *lister) names(dir string) ([]string, error) {
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := l.b.fs.ReadDir(l.b.path(dir))
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		return nil, nil
	}
	if err != nil {
		return nil, l.b.classify(dir, err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name
		if isTemp(name) {
			continue
		}
		if e.Folder {
			name += "/"
		}
		if rest := l.prefix[min(len(dir), len(l.prefix)):]; strings.HasPrefix(name, rest) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
