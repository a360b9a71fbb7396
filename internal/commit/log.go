// Package commit keeps the record log of a directory of chunks: what was committed, by whom, and where every split stands.
//
// The log is DIR/_gros/STEM/log/{seq:020d}.json, put if-absent, dense from 1. Its newest record, the head, alone tells all
// that a writer must know to go on. docs/formats/commit-record.md describes the records and the rules; names in brackets in
// comments are the ways in which the protocol breaks without the rule, each a scenario of test/sim.
package commit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
)

// Options says where a log is. Bucket and Stem are required.
type Options struct {
	Bucket   bucket.Bucket
	Base     string        // key prefix of the directory: "" or ending in a slash
	Stem     string        // of the chunks' names
	Settle   time.Duration // how late a request may take effect after it was sent; 0 = what the bucket says
	Patience time.Duration // how long an operation is tried while the bucket is unavailable; 0 = 5 minutes
	// Empty returns the bytes of a file of no rows, to hold the name of a voided file where the store may still put the old
	// bytes there. Needed for buckets without staging of their own.
	Empty func(key string) []byte
	Log   *slog.Logger // nil = slog.Default()
}

// Log is the record log of one stem of a directory.
type Log struct {
	Options
	stager bucket.Stager
}

// Open returns the log; it does not touch the bucket.
func Open(o Options) *Log {
	if o.Settle == 0 {
		o.Settle = bucket.Settles(o.Bucket)
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Log{o, bucket.StagerOf(o.Bucket)}
}

func (l *Log) folder() string       { return l.Base + "_gros/" + l.Stem + "/" }
func (l *Log) stagedPrefix() string { return l.folder() + "staged/" }
func (l *Log) statePrefix() string  { return l.folder() + "state/" }
func (l *Log) rejectPrefix() string { return l.folder() + "rejects/" }
func (l *Log) hintKey() string      { return l.folder() + "head" }

// Key is the key of a record.
func (l *Log) Key(seq int64) string { return fmt.Sprintf("%slog/%020d.json", l.folder(), seq) }

// Record reads one record; bucket.ErrNotFound when the log does not go that far.
func (l *Log) Record(ctx context.Context, seq int64) (*connector.Record, error) {
	key := l.Key(seq)
	raw, err := l.read(ctx, key)
	if err != nil {
		return nil, err
	}
	return parse(key, seq, raw)
}

func parse(key string, seq int64, raw []byte) (*connector.Record, error) {
	corrupt := func(format string, args ...any) error {
		err := fault.Errorf(fault.Corrupt, "%s: %s", key, fmt.Sprintf(format, args...))
		return fault.Hint(err, "the log is the truth about its directory: restore this object from a backup; do not delete it")
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, corrupt("the commit record is empty")
	}
	var version struct {
		V *int `json:"v"`
	}
	if err := json.Unmarshal(raw, &version); err != nil {
		return nil, corrupt("is no commit record: %v", err)
	}
	if version.V == nil {
		return nil, corrupt(`is no commit record: it has no "v"`)
	}
	if *version.V != connector.RecordVersion {
		err := fault.Errorf(fault.Invalid, "%s: commit record of version %d, this program knows version %d", key, *version.V, connector.RecordVersion)
		return nil, fault.Hint(err, "use a newer gros here")
	}
	r := new(connector.Record)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, corrupt("is no commit record: %v", err)
	}
	switch {
	case r.Seq != seq:
		return nil, corrupt("holds the record %d", r.Seq)
	case r.Writer == "" || r.Commit == "":
		return nil, corrupt("names no writer or no commit")
	}
	switch r.Kind {
	case connector.KindOwn, connector.KindData, connector.KindVoid, connector.KindReplace:
		return r, nil
	}
	return nil, corrupt("is of the unknown kind %q", r.Kind)
}

// Head returns the newest record, nil when there is none.
func (l *Log) Head(ctx context.Context) (*connector.Record, error) {
	at, err := l.hint(ctx)
	if err != nil {
		return nil, err
	}
	if at > 0 {
		head, err := l.Record(ctx, at)
		if err == nil {
			return l.forward(ctx, head)
		}
		if !errors.Is(err, bucket.ErrNotFound) {
			return nil, err
		}
	}
	if at, err = l.lastListed(ctx); err != nil || at == 0 {
		return nil, err
	}
	head, err := l.Record(ctx, at)
	if err != nil {
		return nil, err
	}
	return l.forward(ctx, head)
}

// forward reads on from r to the newest record.
func (l *Log) forward(ctx context.Context, r *connector.Record) (*connector.Record, error) {
	for {
		next, err := l.Record(ctx, r.Seq+1)
		if errors.Is(err, bucket.ErrNotFound) {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		r = next
	}
}

// hint returns where to start probing, 0 when nobody says. It is never trusted further than that.
func (l *Log) hint(ctx context.Context) (int64, error) {
	raw, err := l.read(ctx, l.hintKey())
	if errors.Is(err, bucket.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	seq, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	if err != nil {
		return 0, nil
	}
	return seq, nil
}

func (l *Log) lastListed(ctx context.Context) (int64, error) {
	prefix := l.folder() + "log/"
	var last int64
	err := l.try(ctx, "list "+prefix, func() error {
		last = 0
		for o, err := range l.Bucket.List(ctx, prefix) {
			if err != nil {
				return err
			}
			name, ok := strings.CutSuffix(path.Base(o.Key), ".json")
			seq, err := strconv.ParseInt(name, 10, 64)
			if !ok || err != nil || o.Key != l.Key(seq) {
				return fault.Hint(fault.Errorf(fault.Corrupt, "%s: is no commit record", o.Key), "move foreign files out of %s", prefix)
			}
			last = max(last, seq)
		}
		return nil
	})
	return last, err
}

// Records yields the records from the newest to the oldest.
func (l *Log) Records(ctx context.Context) iter.Seq2[*connector.Record, error] {
	return func(yield func(*connector.Record, error) bool) {
		head, err := l.Head(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for r := head; r != nil; {
			if !yield(r, nil) || r.Seq == 1 {
				return
			}
			seq := r.Seq - 1
			if r, err = l.Record(ctx, seq); err != nil {
				if errors.Is(err, bucket.ErrNotFound) {
					err = fault.Errorf(fault.Corrupt, "%s: the commit record is missing, later ones are there", l.Key(seq))
				}
				yield(nil, err)
				return
			}
		}
	}
}

func (l *Log) read(ctx context.Context, key string) ([]byte, error) {
	var raw []byte
	err := l.try(ctx, "read "+key, func() error {
		body, err := l.Bucket.Get(ctx, key, 0, -1)
		if err != nil {
			return err
		}
		raw, err = io.ReadAll(body)
		return errors.Join(err, body.Close())
	})
	return raw, err
}

func (l *Log) put(ctx context.Context, key string, raw []byte, c bucket.Condition) error {
	_, err := l.Bucket.Put(ctx, key, bytes.NewReader(raw), int64(len(raw)), c)
	return err
}

// try repeats an operation that may be done twice, while the bucket is unavailable.
func (l *Log) try(ctx context.Context, what string, op func() error) error {
	start, wait := time.Now(), 50*time.Millisecond
	for {
		err := op()
		if !fault.Is(err, fault.Unavailable) {
			return err
		}
		if time.Since(start) > l.Patience {
			return fmt.Errorf("%s: given up after %v: %w", what, time.Since(start).Round(time.Second), err)
		}
		l.Log.Warn("the bucket is unavailable, trying again", "operation", what, "error", err, "in", wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// sleep waits, or returns early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
