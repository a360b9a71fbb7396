// Package filetest is a disk in memory that tests fail at will and cut off from power.
package filetest

import (
	"io/fs"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gros-lake/gros/bucket/file"
)

// Disk is a file.FS that knows what is synced. It promises no more than POSIX: bytes are durable after Sync of their file,
// names after SyncDir of their folder, and only if the folder's own name is durable.
type Disk struct {
	// Hook, if set, is called before each operation, the first of which is n = 1. Its error is the operation's, which then has
	// no effect, except that a write that fails leaves half of its bytes. It may call Crash. Set it while nobody uses the disk.
	Hook func(n int, op, name string) error

	mu     sync.Mutex
	root   *node
	ops    int
	inodes uint64
}

var _ file.FS = (*Disk)(nil)

type node struct {
	inode  uint64
	folder bool

	names, durableNames map[string]*node // of a folder
	lock                sync.RWMutex

	data, durable             []byte // of a file
	modified, durableModified time.Time
}

// New returns a disk with one folder, "/".
func New() *Disk {
	d := &Disk{}
	d.root = d.newNode(true)
	return d
}

func (d *Disk) newNode(folder bool) *node {
	d.inodes++ // but numbers come again at once, as on disks that reuse those of removed files
	n := &node{inode: d.inodes % 2, folder: folder, modified: time.Now()}
	if folder {
		n.names, n.durableNames = map[string]*node{}, map[string]*node{}
	}
	return n
}

// Ops returns how many operations there were.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// begin counts an operation and asks the hook.
func (d *Disk) begin(op, name string) error {
	d.mu.Lock()
	d.ops++
	n := d.ops
	d.mu.Unlock()
	if d.Hook == nil {
		return nil
	}
	return d.Hook(n, op, name)
}

func failure(op, name string, no syscall.Errno) error {
	return &fs.PathError{Op: op, Path: name, Err: no}
}

// find returns the node of a path. d.mu is held.
func (d *Disk) find(op, name string) (*node, error) {
	n := d.root
	for part := range strings.SplitSeq(strings.Trim(path.Clean(name), "/"), "/") {
		if part == "" {
			continue
		}
		if !n.folder {
			return nil, failure(op, name, syscall.ENOTDIR)
		}
		if n = n.names[part]; n == nil {
			return nil, failure(op, name, syscall.ENOENT)
		}
	}
	return n, nil
}

// parent returns the folder of a path, and the last part. d.mu is held.
func (d *Disk) parent(op, name string) (*node, string, error) {
	dir, err := d.find(op, path.Dir(name))
	if err == nil && !dir.folder {
		err = failure(op, name, syscall.ENOTDIR)
	}
	return dir, path.Base(name), err
}

// Create implements file.FS.
func (d *Disk) Create(name string) (file.File, error) {
	if err := d.begin("create", name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.add("create", name, false)
	if err != nil {
		return nil, err
	}
	return &handle{d, n, name}, nil
}

// Mkdir implements file.FS.
func (d *Disk) Mkdir(name string) error {
	if err := d.begin("mkdir", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.add("mkdir", name, true)
	return err
}

func (d *Disk) add(op, name string, folder bool) (*node, error) {
	dir, base, err := d.parent(op, name)
	if err != nil {
		return nil, err
	}
	if dir.names[base] != nil {
		return nil, failure(op, name, syscall.EEXIST)
	}
	n := d.newNode(folder)
	dir.names[base] = n
	return n, nil
}

// Open implements file.FS.
func (d *Disk) Open(name string) (file.File, error) { return d.open("open", name) }

// Modify implements file.FS.
func (d *Disk) Modify(name string) (file.File, error) { return d.open("modify", name) }

func (d *Disk) open(op, name string) (file.File, error) {
	if err := d.begin(op, name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(op, name)
	if err != nil {
		return nil, err
	}
	if n.folder {
		return nil, failure(op, name, syscall.EISDIR)
	}
	return &handle{d, n, name}, nil
}

// Chtimes implements file.FS.
func (d *Disk) Chtimes(name string, modified time.Time) error {
	if err := d.begin("chtimes", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("chtimes", name)
	if err == nil {
		n.modified = modified
	}
	return err
}

// Link implements file.FS.
func (d *Disk) Link(old, new string) error {
	return d.name("link", old, new, func(from *node, fromBase string, to *node, toBase string) error {
		if to.names[toBase] != nil {
			return failure("link", new, syscall.EEXIST)
		}
		to.names[toBase] = from.names[fromBase]
		return nil
	})
}

// Rename implements file.FS.
func (d *Disk) Rename(old, new string) error {
	return d.name("rename", old, new, func(from *node, fromBase string, to *node, toBase string) error {
		if n := to.names[toBase]; n != nil && n.folder {
			return failure("rename", new, syscall.EISDIR)
		}
		to.names[toBase] = from.names[fromBase]
		delete(from.names, fromBase)
		return nil
	})
}

// name finds the folders of two paths, of which old must be a file.
func (d *Disk) name(op, old, new string, do func(from *node, fromBase string, to *node, toBase string) error) error {
	if err := d.begin(op, new); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n, err := d.find(op, old); err != nil {
		return err
	} else if n.folder {
		return failure(op, old, syscall.EISDIR)
	}
	from, fromBase, err := d.parent(op, old)
	if err != nil {
		return err
	}
	to, toBase, err := d.parent(op, new)
	if err != nil {
		return err
	}
	return do(from, fromBase, to, toBase)
}

// Remove implements file.FS.
func (d *Disk) Remove(name string) error {
	if err := d.begin("remove", name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("remove", name)
	if err != nil {
		return err
	}
	if n.folder {
		return failure("remove", name, syscall.EISDIR)
	}
	dir, base, err := d.parent("remove", name)
	delete(dir.names, base)
	return err
}

// folder finds a folder, as an operation.
func (d *Disk) folder(op, name string) (*node, error) {
	if err := d.begin(op, name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(op, name)
	if err == nil && !n.folder {
		err = failure(op, name, syscall.ENOTDIR)
	}
	return n, err
}

// ReadDir implements file.FS.
func (d *Disk) ReadDir(name string) ([]file.Entry, error) {
	dir, err := d.folder("readdir", name)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var entries []file.Entry
	for base, n := range dir.names {
		entries = append(entries, file.Entry{Name: base, Folder: n.folder})
	}
	return entries, nil
}

// Stat implements file.FS.
func (d *Disk) Stat(name string) (file.Info, error) {
	if err := d.begin("stat", name); err != nil {
		return file.Info{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("stat", name)
	if err != nil {
		return file.Info{}, err
	}
	return file.Info{Size: int64(len(n.data)), Modified: n.modified, Inode: n.inode, Folder: n.folder, Regular: !n.folder}, nil
}

// SyncDir implements file.FS.
func (d *Disk) SyncDir(name string) error {
	dir, err := d.folder("syncdir", name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dir.durableNames = map[string]*node{}
	for base, n := range dir.names {
		dir.durableNames[base] = n
	}
	return nil
}

// Lock implements file.FS.
func (d *Disk) Lock(name string) (func() error, error) {
	dir, err := d.folder("lock", name)
	if err != nil {
		return nil, err
	}
	if !dir.lock.TryLock() {
		return nil, failure("lock", name, syscall.EWOULDBLOCK)
	}
	return unlocking(dir.lock.Unlock), nil
}

// LockShared implements file.FS.
func (d *Disk) LockShared(name string) (func() error, error) {
	dir, err := d.folder("lock", name)
	if err != nil {
		return nil, err
	}
	if !dir.lock.TryRLock() {
		return nil, failure("lock", name, syscall.EWOULDBLOCK)
	}
	return unlocking(dir.lock.RUnlock), nil
}

func unlocking(unlock func()) func() error {
	return func() error {
		unlock()
		return nil
	}
}
