package file

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
)

// Whoever puts or deletes in a folder has a shared lock of it. Whoever compares versions, or removes temporary files, has the
// folder for itself.

// alone calls do while nobody else puts into dir.
func (b *Bucket) alone(dir string, do func() error) error {
	unlock, err := b.fs.Lock(dir)
	if err != nil {
		return err
	}
	return first(do(), unlock())
}

// shared calls do while nobody compares or sweeps in dir. Where there are no locks nobody can.
func (b *Bucket) shared(dir string, do func() error) error {
	unlock, err := b.fs.LockShared(dir)
	if lockless(err) {
		return do()
	}
	if err != nil {
		return err
	}
	return first(do(), unlock())
}

// lockless reports whether err says that the file system has no locks, as some network mounts.
func lockless(err error) bool {
	for _, no := range []error{syscall.ENOTSUP, syscall.ENOSYS, syscall.ENOLCK, syscall.EBADF, syscall.EINVAL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// sweep removes temporary files of processes that died, once in each folder: a folder without puts under way has only those.
func (b *Bucket) sweep(dir string) error {
	if b.knows(b.swept, dir) {
		return nil
	}
	unlock, err := b.fs.TryLock(dir)
	if errors.Is(err, syscall.EWOULDBLOCK) || lockless(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = first(b.removeTemps(dir), unlock())
	if err == nil {
		b.learn(b.swept, dir)
	}
	return err
}

func (b *Bucket) removeTemps(dir string) error {
	entries, err := b.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if isTemp(e.Name) && !e.Folder {
			if err := b.fs.Remove(filepath.Join(dir, e.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

const tempPrefix, tempSuffix = ".gros-", ".tmp"

func tempName() string { return tempPrefix + strings.ToLower(rand.Text()) + tempSuffix }

func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix)
}

func (b *Bucket) knows(set map[string]bool, dir string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return set[dir]
}

func (b *Bucket) learn(set map[string]bool, dir string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	set[dir] = true
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
