package file

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gros-lake/gros/fault"
)

// Whoever puts or deletes in a folder has a shared lock of it. Whoever compares versions, or removes temporary files, has the
// folder for itself. A process may fall asleep while it has a lock, so nobody waits for ever, and to create an object nobody
// waits at all: that needs no lock but for keeping the temporary file, and who loses it tries again.

// patience is how long to wait for a lock. Whoever has it writes one object.
const patience = 10 * time.Second

type lock func(ctx context.Context, dir string, do func() error) error

// alone calls do while nobody else puts into dir.
func (b *Bucket) alone(ctx context.Context, dir string, do func() error) error {
	unlock, err := b.wait(ctx, dir, b.fs.Lock)
	if err != nil {
		return err
	}
	return first(do(), unlock())
}

// shared calls do while nobody compares or sweeps in dir. Where there are no locks nobody can.
func (b *Bucket) shared(ctx context.Context, dir string, do func() error) error {
	unlock, err := b.wait(ctx, dir, b.fs.LockShared)
	if lockless(err) {
		return do()
	}
	if err != nil {
		return err
	}
	return first(do(), unlock())
}

// atOnce is shared that does not wait.
func (b *Bucket) atOnce(_ context.Context, dir string, do func() error) error {
	unlock, err := b.fs.LockShared(dir)
	if lockless(err) || errors.Is(err, syscall.EWOULDBLOCK) {
		return do()
	}
	if err != nil {
		return err
	}
	return first(do(), unlock())
}

// wait takes a lock as soon as it is free.
func (b *Bucket) wait(ctx context.Context, dir string, take func(string) (func() error, error)) (func() error, error) {
	until := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		unlock, err := take(dir)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return unlock, err
		}
		if time.Now().After(until) {
			err := fault.Errorf(fault.Unavailable, "%s: another process has locked the folder for %v", dir, patience)
			return nil, fault.Hint(err, "look for a gros process that is stopped, and continue or end it")
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
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
	unlock, err := b.fs.Lock(dir)
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
