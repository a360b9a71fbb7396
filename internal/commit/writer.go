package commit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
)

// EgressSource is the Source of the splits of processes that only hand over rows. Their positions are counts, and any
// number of them write one place at once.
const EgressSource = "egress"

// How long a dead writer is remembered, how many are, and when the split of a silent egress process may be folded away.
const (
	deadFor    = 30 * 24 * time.Hour
	deadKept   = 1000
	egressIdle = 24 * time.Hour
)

// Writer is one life of a writer of a log. It is safe for concurrent use; what puts records takes turns.
type Writer struct {
	log      *Log
	pipeline string
	nonce    string
	count    atomic.Uint32

	turn      sync.Mutex        // guards what follows, but for mu's
	head      *connector.Record // newest known
	at        map[string]int64  // per owned split: seq of the record that last touched it, as we know
	parent    string            // the life whose splits this one goes on with, until it owns them, and where they stood
	parentAt  map[string]int64
	confirmed map[int64]bool      // commits known to be visible
	cleaned   map[string]bool     // files of head.Clean that are cleaned
	state     *connector.StateRef // newest of the stages before the sink, as recorded
	stuck     error               // a put whose outcome was never learnt: nothing may be done any more
	mu        sync.Mutex          // guards inUse
	inUse     map[string]bool     // keys staged or put by this life and not yet in a record
}

// NewWriter begins a life. A pipeline's name says whose place the log is; egress has none.
func NewWriter(l *Log, pipeline string) *Writer {
	return &Writer{
		log: l, pipeline: pipeline, nonce: newNonce(),
		at: map[string]int64{}, confirmed: map[int64]bool{}, cleaned: map[string]bool{}, inUse: map[string]bool{},
	}
}

// Nonce names this life.
func (w *Writer) Nonce() string { return w.nonce }

// Head is the newest record that the writer knows, nil before Own.
func (w *Writer) Head() *connector.Record {
	w.turn.Lock()
	defer w.turn.Unlock()
	return w.head
}

// Key makes the key of a new chunk in a folder of the directory ("" or ending in a slash).
func (w *Writer) Key(folder, suffix string) string {
	return w.log.Base + folder + w.log.Stem + "_" + chunkID(w.nonce, &w.count) + suffix
}

// RejectKey makes the key of a new file of rejects.
func (w *Writer) RejectKey() string {
	return w.log.rejectPrefix() + chunkID(w.nonce, &w.count) + ".rejects.zst"
}

// Stage begins a file under a key made by Key or RejectKey.
func (w *Writer) Stage(ctx context.Context, key string) (bucket.StagedWriter, error) {
	w.use(key)
	var s bucket.StagedWriter
	err := w.log.try(ctx, "stage "+key, func() (err error) {
		s, err = w.log.stager.Stage(ctx, key, w.log.stagedPrefix())
		return err
	})
	return s, err
}

// PutState stores state for an epoch's record to name.
func (w *Writer) PutState(ctx context.Context, state []byte) (*connector.StateRef, error) {
	key := w.log.statePrefix() + chunkID(w.nonce, &w.count)
	w.use(key)
	err := w.log.try(ctx, "put "+key, func() error { return w.log.put(ctx, key, state, bucket.Condition{}) })
	if err != nil {
		return nil, err
	}
	return &connector.StateRef{Key: key, SHA256: Sum(state)}, nil
}

// ReadState reads what PutState stored.
func (w *Writer) ReadState(ctx context.Context, ref *connector.StateRef) ([]byte, error) {
	raw, err := w.log.read(ctx, ref.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, fault.Errorf(fault.Corrupt, "%s: the state that the log names is gone", ref.Key)
	}
	if err == nil && Sum(raw) != ref.SHA256 {
		return nil, fault.Errorf(fault.Corrupt, "%s: the state is not what the log says, its checksum differs", ref.Key)
	}
	return raw, err
}

// Release says that a staged file or state of this life will not be recorded, so that the sweep may drop it.
func (w *Writer) Release(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inUse, key)
}

func (w *Writer) use(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inUse[key] = true
}

func (w *Writer) uses(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inUse[key]
}

// Try repeats an operation that may be done twice, while the bucket is unavailable.
func (w *Writer) Try(ctx context.Context, what string, op func() error) error {
	return w.log.try(ctx, what, op)
}
