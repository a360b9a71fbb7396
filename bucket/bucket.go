// Package bucket stores objects under keys.
package bucket

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/gros-lake/gros/fault"
)

// Errors of every bucket, matched with errors.Is.
var (
	ErrNotFound  = fault.New(fault.NotFound, "no such object")
	ErrCondition = fault.New(fault.Conflict, "the condition does not hold") // the object is there (IfAbsent) or is another version
	ErrGone      = fault.New(fault.Corrupt, "the store no longer has the staged object")
)

// Object is what a bucket says of a stored thing.
type Object struct {
	Key     string
	Size    int64
	Version string // changes with each Put; for Condition.IfVersion
	Time    time.Time
}

// Condition makes a Put fail with ErrCondition unless it holds. It is the only atomic step the lake relies on. The zero
// Condition always holds.
type Condition struct {
	IfAbsent  bool
	IfVersion string
}

// Bucket is a flat namespace of objects. Keys are relative paths with slashes, any UTF-8, no empty, "." or ".." part. A
// Put is seen whole or not at all, and by every Get and List that starts after it returned. All methods are safe for
// concurrent use. Errors have kinds (package fault); only Unavailable is worth another try.
type Bucket interface {
	// Get reads n bytes of key from off; n < 0 reads to the end. Reading past the end yields fewer bytes, not an error.
	Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)
	// Put stores size bytes of body. It may read body more than once.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, c Condition) (Object, error)
	Stat(ctx context.Context, key string) (Object, error)
	// List yields the objects whose keys start with prefix, in the order of their keys' bytes.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes key. It is no error when there is none.
	Delete(ctx context.Context, key string) error
}

// Stager writes objects that stay invisible until completed.
type Stager interface {
	// Stage begins an object that Complete will show under key. A store that must keep the bytes meanwhile in an object
	// of its own (a local disk, GCS) keeps it under the prefix beside, a folder, which List of the data does not touch.
	Stage(ctx context.Context, key, beside string) (StagedWriter, error)
	// Complete shows a finished staged object under its key, which must be free. It is idempotent: when the object is
	// there already, with that size, it succeeds. ErrGone: neither the staged bytes nor the object are there.
	// ErrCondition: another object holds the key.
	Complete(ctx context.Context, s Staged) error
	// Abort drops what was staged, if it is still there. An object completed before stays.
	Abort(ctx context.Context, s Staged) error
	// Staged yields what is staged, finished or not, for keys that start with prefix. The list may be incomplete.
	Staged(ctx context.Context, prefix, beside string) iter.Seq2[Staged, error]
}

// StagedWriter takes the bytes of a staged object. Each Write is kept apart from the others' memory: the caller may
// reuse p. A Write that failed may be repeated with the same bytes; so may Finish. Exactly one of Finish and Abort ends it.
type StagedWriter interface {
	io.Writer
	// Finish makes the bytes durable and returns what a record needs to complete them, from any process.
	Finish(ctx context.Context) (Staged, error)
	Abort(ctx context.Context) error
}

// Staged names a staged object. It is plain data: it is kept in commit records.
type Staged struct {
	Key    string    `json:"key"`
	Upload string    `json:"upload"` // the store's own name for it
	Parts  []Part    `json:"parts,omitempty"`
	Size   int64     `json:"bytes"`
	Time   time.Time `json:"-"` // when it began, if the store tells
}

// Part is one part of a multipart upload.
type Part struct {
	Number int    `json:"n"`
	ETag   string `json:"etag"`
	Size   int64  `json:"bytes"`
}

// Settler is a Bucket that knows how late a request may still take effect after it was sent. Others are taken to need
// 15 minutes.
type Settler interface{ Settles() time.Duration }

// Opener finds the bucket of a place and the key in it. A place is a path, or a URL such as s3://bucket/prefix/. The key
// keeps a trailing slash; that of a bucket's own top is "".
type Opener func(ctx context.Context, place string) (b Bucket, key string, err error)
