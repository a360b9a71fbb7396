package file

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// inFolder makes dir, then calls do, and both once more if the folder vanished meanwhile.
func (b *Bucket) inFolder(dir string, do func() error) error {
	for again := true; ; again = false {
		err := b.folder(dir)
		if err == nil {
			err = do()
		}
		if !again || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		b.forget(dir)
	}
}

// folder makes dir and what is missing above it, and makes all these names durable. Folders that are there already are synced
// too, once: another process may have made them a moment ago.
func (b *Bucket) folder(dir string) error {
	if b.knows(b.durable, dir) {
		return nil
	}
	info, err := b.fs.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = b.makeFolder(dir)
	case err == nil && !info.Folder:
		err = &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case err == nil:
		err = b.keepFolder(dir)
	}
	if err == nil {
		b.learn(b.durable, dir)
	}
	return err
}

func (b *Bucket) makeFolder(dir string) error {
	parent := filepath.Dir(dir)
	if err := b.folder(parent); err != nil {
		return err
	}
	if err := b.fs.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return b.fs.SyncDir(parent)
}

// keepFolder syncs the name of a folder that was there before. A folder above the root that we may not read is not of our making.
func (b *Bucket) keepFolder(dir string) error {
	parent := filepath.Dir(dir)
	if parent == dir {
		return nil
	}
	if err := b.folder(parent); err != nil {
		return err
	}
	err := b.fs.SyncDir(parent)
	if !b.holds(parent) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return nil
	}
	return err
}

// holds reports whether dir is the root or below it.
func (b *Bucket) holds(dir string) bool {
	return dir == b.root || b.root == "/" || strings.HasPrefix(dir, b.root+string(filepath.Separator))
}

// forget drops what is known of dir and of the folders above it.
func (b *Bucket) forget(dir string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		delete(b.durable, dir)
		delete(b.swept, dir)
		parent := filepath.Dir(dir)
		if parent == dir {
			return
		}
		dir = parent
	}
}
