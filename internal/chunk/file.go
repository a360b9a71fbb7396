package chunk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/internal/commit"
)

// file is a chunk that grows by runs. Runs are encoded in parallel and appended in the order they were taken.
type file struct {
	writer  *commit.Writer
	encoder format.Encoder
	schema  *arrow.Schema
	key     string
	queued  int64        // rows taken for it, encoded or not
	waiting atomic.Int64 // bytes in memory of those that are not appended yet
	written atomic.Int64 // bytes of the file so far

	// What follows belongs to the appender whose turn it is.
	turn   chan struct{} // closed when the run taken last has been appended
	staged bucket.StagedWriter
	sum    hash.Hash
	rows   int64
	runs   []format.Run
	err    error
}

func newFile(w *commit.Writer, e format.Encoder, s *arrow.Schema, folder string) *file {
	f := &file{writer: w, encoder: e, schema: s, key: w.Key(folder, e.Suffix()), sum: sha256.New(), turn: make(chan struct{})}
	close(f.turn)
	return f
}

// expected is how many bytes the file will have, as far as one can guess.
func (f *file) expected(r *ratio) int64 {
	waiting := f.waiting.Load()
	if waiting == 0 {
		return f.written.Load()
	}
	return f.written.Load() + r.encoded(waiting)
}

// next queues an appender: it must wait for the first channel and close the second.
func (f *file) next() (wait <-chan struct{}, done chan struct{}) {
	wait, done = f.turn, make(chan struct{})
	f.turn = done
	return wait, done
}

func (f *file) append(ctx context.Context, run format.Run) error {
	if f.staged == nil {
		var err error
		if f.staged, err = f.writer.Stage(ctx, f.key); err != nil {
			return err
		}
		begin, err := f.encoder.Begin(f.schema)
		if err != nil {
			return err
		}
		if err := f.write(ctx, begin); err != nil {
			return err
		}
	}
	if err := f.write(ctx, run.Bytes); err != nil {
		return err
	}
	f.rows += run.Rows
	run.Bytes = nil
	f.runs = append(f.runs, run)
	return nil
}

func (f *file) write(ctx context.Context, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	err := f.writer.Try(ctx, "write "+f.key, func() error {
		_, err := f.staged.Write(b)
		return err
	})
	f.sum.Write(b)
	f.written.Add(int64(len(b)))
	return err
}

// finish ends the file durably; it is not visible yet.
func (f *file) finish(ctx context.Context) (connector.File, error) {
	end, err := f.encoder.End(f.schema, f.runs)
	if err != nil {
		return connector.File{}, err
	}
	if err := f.write(ctx, end); err != nil {
		return connector.File{}, err
	}
	var s bucket.Staged
	err = f.writer.Try(ctx, "finish "+f.key, func() (err error) {
		s, err = f.staged.Finish(ctx)
		return err
	})
	return connector.File{Staged: s, Rows: f.rows, SHA256: hex.EncodeToString(f.sum.Sum(nil))}, err
}

// abort drops what was staged; what cannot be dropped now is swept later.
func (f *file) abort(ctx context.Context) {
	<-f.turn
	if f.staged != nil && f.staged.Abort(ctx) == nil {
		f.staged = nil
	}
	f.writer.Release(f.key)
}
