package file

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// classify gives an error of the disk its kind. What is the key or folder it is about; the error itself holds the path.
func (b *Bucket) classify(what string, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var no syscall.Errno
	if !errors.As(err, &no) {
		return fmt.Errorf("%s: %w", what, err)
	}
	switch no {
	case syscall.ENOENT:
		return fmt.Errorf("%s: %w", what, bucket.ErrNotFound)
	case syscall.ENOTDIR, syscall.EEXIST, syscall.EISDIR, syscall.ENOTEMPTY:
		return b.misplaced(what, err)
	case syscall.ENOSPC, syscall.EDQUOT:
		return fault.Hint(fault.As(fault.Unavailable, err), "free space on the disk of %s, or write elsewhere", b.root)
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return fault.Hint(fault.As(fault.Denied, err), "check owner, permissions and mount of that path")
	case syscall.EMFILE, syscall.ENFILE:
		return fault.Hint(fault.As(fault.Unavailable, err), "raise the limit of open files (ulimit -n)")
	case syscall.ENOTSUP, syscall.ENOSYS, syscall.ENOLCK, syscall.EMLINK, syscall.EXDEV:
		return fault.Hint(fault.As(fault.Invalid, err), "the folder must be on one local file system with hard links and locks")
	case syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ELOOP:
		return fault.As(fault.Invalid, err)
	}
	return fault.As(fault.Unavailable, err)
}

// misplaced explains a file where a folder should be, or the other way round.
func (b *Bucket) misplaced(what string, err error) error {
	if info, statErr := b.fs.Stat(b.root); statErr == nil && !info.Folder {
		return fault.Hint(fault.Errorf(fault.Invalid, "%s: is a file, not a folder", b.root), "name a folder, or a file in one")
	}
	return fault.Errorf(fault.Invalid, "%s: a file is where a folder should be, or a folder where a file should: %w", what, err)
}
