// Package connector defines what reads rows from outside and what writes them there.
package connector

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// ErrFenced says that another writer has taken over the splits: what was written since the last commit is dropped, and
// nothing is lost, for the other one reads it again.
var ErrFenced = fault.New(fault.Conflict, "fenced: another writer has taken over")

// Source reads rows from outside.
type Source interface {
	// Splits yields all splits that this reader owns, and again whenever they change. The yield returns when the rows of
	// dropped splits are committed, so a rebalance can wait for it. The sequence ends when no change can come any more.
	Splits(ctx context.Context) iter.Seq2[[]rows.Split, error]
	// Read yields the batches of s that follow pos; the zero Position is the beginning. It connects when the loop starts
	// and closes when it ends. An error is the last thing it yields; the caller resumes by reading again from the last
	// position it got. The sequence ends without error when the split has ended for good.
	Read(ctx context.Context, s rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error]
}

// Acknowledger is a Source that wants to hear what is committed: group offsets, an LSN, a queue.
type Acknowledger interface {
	Acknowledge(context.Context, map[rows.Split]rows.Position) error
}

// Transient is a Source whose rows cannot be read a second time, such as standard input. Reading it again from any
// position goes on where the last reading stopped.
type Transient interface{ Transient() string } // why, for the guarantee

// Bounded is a Source whose splits end by themselves, so that only some of them need to be read at once.
type Bounded interface{ Bounded() bool }

// Continuing is a Source whose splits may yield more rows when they are read again after their end, at a later start: it was
// a setting that ended them.
type Continuing interface{ Continuing() }

// Sink writes rows outside. Nothing written is visible before a commit. Its methods are called by one goroutine at a
// time, but Commit and Confirm of one epoch may run while the next is written.
type Sink interface {
	Write(context.Context, rows.Batch) error
	// Seal ends the epoch: later writes belong to the next one. Epochs are committed in the order they were sealed.
	Seal(context.Context, Epoch) (Pending, error)
	io.Closer // what was not committed is dropped
}

// Epoch is what the rows written since the last Seal stand for.
type Epoch struct {
	Positions  map[rows.Split]rows.Position // of every split that moved
	Finished   []rows.Split                 // of those, the ones that ended for good
	State      []byte                       // of the stages before the sink, nil if unchanged
	Rows       rows.Counts                  // Read, Made, Filtered and Absorbed before the sink
	Coerced    map[string]int64             // values cast or sent to a companion before the sink, per column
	Duplicates int64                        // values that a later one under the same key of their object replaced
	Watermark  time.Time
	Run        string // the execution that wrote it
	Last       bool   // no epoch follows: the source has ended, or the pipeline stops
}

// Pending is a sealed epoch.
type Pending interface {
	// Commit puts the record. Once it returns, the rows will be visible, whatever happens. ErrFenced: never.
	// A nil Record says that nothing had changed, so there was nothing to commit.
	Commit(context.Context) (*Record, error)
	// Confirm makes the rows visible and returns when they are: time to acknowledge, trigger, report. ErrRewound: they
	// will not be, see there.
	Confirm(context.Context) error
}

// ErrRewound says that the store lost rows of a commit before they were visible, and that a void record has set the
// splits back: resume, and read them again.
var ErrRewound = fault.New(fault.Unavailable, "the store lost staged rows, which are read again")

// Resumer is a Sink that knows where it stands: exactly-once, where Guarantee says so.
type Resumer interface {
	Sink
	// Resume takes these splits over from whoever had them and returns where to go on. It is called before the first
	// Write, and again when splits were gained or lost, with all that are read from then on, or ErrRewound was returned;
	// what was written and not committed is dropped.
	Resume(context.Context, []rows.Split) (Checkpoint, error)
	// Guarantee says what holds here, and why.
	Guarantee() (Guarantee, string)
}

// Upkeeper is a Sink that has work to do now and then: sweeping what dead writers left, noticing that it was fenced. It is
// called hourly, never beside Commit or Confirm.
type Upkeeper interface{ Upkeep(context.Context) error }

// Checkpoint is where a sink stands.
type Checkpoint struct {
	Positions map[rows.Split]rows.Position
	Finished  func(rows.Split) bool // has ended for good and is not to be read again
	State     []byte                // newest of the stages before the sink, nil if none
}

// Guarantee is how often a row arrives when things go wrong.
type Guarantee string

// The guarantees.
const (
	ExactlyOnce Guarantee = "exactly-once"
	AtLeastOnce Guarantee = "at-least-once"
	AtMostOnce  Guarantee = "at-most-once"
)
