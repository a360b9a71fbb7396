package file

import (
	"io"
	"time"
)

// FS is the disk under a Bucket: a seam where tests fail operations and cut the power. Names are paths. Errors are those of
// package os, with errno inside.
type FS interface {
	// Create makes a new file to write; the name must be free.
	Create(name string) (File, error)
	// Open opens a file to read.
	Open(name string) (File, error)
	// Modify opens a file that is there, to write into it.
	Modify(name string) (File, error)
	// Chtimes sets when the file was modified.
	Chtimes(name string, modified time.Time) error
	// Link gives the file old another name, which must be free.
	Link(old, new string) error
	// Rename gives the file old the name new instead, whatever file had it.
	Rename(old, new string) error
	// Remove removes a file.
	Remove(name string) error
	// Mkdir makes one folder; the name must be free.
	Mkdir(name string) error
	// ReadDir returns what is in a folder, in no order.
	ReadDir(name string) ([]Entry, error)
	// Stat follows links.
	Stat(name string) (Info, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	// Lock locks a folder that nobody else has locked, in any process: otherwise its error is EWOULDBLOCK. The lock of a
	// process that dies is gone.
	Lock(dir string) (unlock func() error, err error)
	// LockShared locks a folder that nobody has locked by Lock; any number may share it.
	LockShared(dir string) (unlock func() error, err error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
}

// Entry is one name in a folder. A symbolic link is no folder.
type Entry struct {
	Name   string
	Folder bool
}

// Info is what Stat says.
type Info struct {
	Size     int64
	Modified time.Time
	Inode    uint64
	Folder   bool
	Regular  bool
}
