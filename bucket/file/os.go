//go:build unix

package file

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// osFS is the computer's own file systems.
type osFS struct{}

func (osFS) Create(name string) (File, error) {
	return opened(os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666))
}

func (osFS) Open(name string) (File, error)   { return opened(os.Open(name)) }
func (osFS) Modify(name string) (File, error) { return opened(os.OpenFile(name, os.O_WRONLY, 0)) }

// opened keeps a nil *os.File from becoming a File that is not nil.
func opened(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Chtimes(name string, modified time.Time) error {
	return os.Chtimes(name, time.Time{}, modified)
}

func (osFS) Link(old, new string) error   { return os.Link(old, new) }
func (osFS) Rename(old, new string) error { return os.Rename(old, new) }
func (osFS) Mkdir(name string) error      { return os.Mkdir(name, 0o777) }

func (osFS) Remove(name string) error {
	// Not os.Remove, which removes folders too.
	err := ignoringEINTR(func() error { return syscall.Unlink(name) })
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

func (osFS) ReadDir(name string) ([]Entry, error) {
	dir, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	found, err := dir.ReadDir(-1)
	entries := make([]Entry, len(found))
	for i, e := range found {
		entries[i] = Entry{e.Name(), e.IsDir()}
	}
	return entries, errors.Join(err, dir.Close())
}

func (osFS) Stat(name string) (Info, error) {
	s, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	info := Info{Size: s.Size(), Modified: s.ModTime(), Folder: s.IsDir(), Regular: s.Mode().IsRegular()}
	if sys, ok := s.Sys().(*syscall.Stat_t); ok {
		info.Inode = uint64(sys.Ino)
	}
	return info, nil
}

func (osFS) SyncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that has no such thing makes names durable by itself
	}
	return errors.Join(err, dir.Close())
}

func (osFS) Lock(dir string) (func() error, error)       { return flock(dir, syscall.LOCK_EX) }
func (osFS) LockShared(dir string) (func() error, error) { return flock(dir, syscall.LOCK_SH) }

// flock locks the folder itself, so no lock file is left anywhere.
func flock(name string, how int) (func() error, error) {
	dir, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	err = ignoringEINTR(func() error { return syscall.Flock(int(dir.Fd()), how|syscall.LOCK_NB) })
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "flock", Path: name, Err: err}, dir.Close())
	}
	return dir.Close, nil
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}
