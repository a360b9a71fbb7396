package chunk

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// nothingIsHeld says that no memory is counted and nothing is staged.
func nothingIsHeld(t *testing.T, what string, s *Sink, b *mem.Bucket) {
	t.Helper()
	if held := s.outside(); held != 0 {
		t.Errorf("%s: %d bytes are still counted as held", what, held)
	}
	for u, err := range b.Staged(t.Context(), "", "x/") {
		t.Errorf("%s: left behind: %s, %v", what, u.Key, err)
	}
	for o := range b.List(t.Context(), "") {
		if !strings.HasPrefix(o.Key, "_gros/part/log/") {
			t.Errorf("%s: left behind: %s", what, o.Key)
		}
	}
}

// Each operation that an epoch does is refused for good, in turn: what it staged before is dropped, and no memory stays
// counted.
func TestAnEpochThatFailsLeavesNothing(t *testing.T) {
	for n := 1; ; n++ {
		b, ops := mem.New(), 0
		armed, maybe := false, false
		store := faulty.New(b, func(op faulty.Op) faulty.Fault {
			if !armed || op.Name == "abort" || op.Name == "complete" {
				return faulty.Fault{}
			}
			if ops++; ops == n {
				maybe = strings.Contains(op.Key, "/log/")
				return faulty.Fault{Before: fault.New(fault.Denied, "no")}
			}
			return faulty.Fault{}
		})
		s := testSink(t, store.Client("a").Bucket(), Options{Roll: Roll{Rows: 10}})
		armed = true
		err := epochOf(t.Context(), s)
		if cerr := s.Close(); cerr != nil {
			t.Error(cerr)
		}
		if ops < n {
			if err != nil {
				t.Errorf("without a fault: %v", err)
			}
			break
		}
		if err == nil {
			continue // it was only a hint
		}
		if maybe {
			continue // what was staged may be recorded: the next start knows
		}
		nothingIsHeld(t, err.Error(), s, b)
	}
}

func epochOf(ctx context.Context, s *Sink) error {
	err := s.Write(ctx, rows.Batch{Rows: ints("n", count(35)...), Split: in, Rejects: []rows.Reject{{Raw: []byte("x"), Kind: rows.Malformed}}})
	if err != nil {
		return err
	}
	p, err := s.Seal(ctx, connector.Epoch{Positions: map[rows.Split]rows.Position{in: "1"}, Rows: rows.Counts{Read: 36}, State: []byte("{}")})
	if err != nil {
		return err
	}
	if _, err := p.Commit(ctx); err != nil {
		return err
	}
	return p.Confirm(ctx)
}

// clumsy is an encoder that fails after some runs.
type clumsy struct {
	format.Encoder
	runs chan struct{}
}

func (c clumsy) Encode(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch) (format.Run, error) {
	select {
	case <-c.runs:
		return c.Encoder.Encode(ctx, s, recs)
	default:
		return format.Run{}, fault.New(fault.Internal, "clumsy")
	}
}

func TestAnEncoderThatFailsLeavesNothing(t *testing.T) {
	for n := range 6 {
		b := mem.New()
		s := testSink(t, b, Options{Roll: Roll{Rows: 7}})
		c := clumsy{s.Encoder, make(chan struct{}, n)}
		for range n {
			c.runs <- struct{}{}
		}
		s.Encoder = c
		if err := epochOf(t.Context(), s); err == nil {
			if n < 5 {
				t.Errorf("%d runs: nobody noticed", n)
			}
			continue
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		nothingIsHeld(t, "encode", s, b)
	}
}

// A commit is cancelled at every operation, also inside the put of the record; the next writer says what became of it.
func TestACommitIsCancelledAtAnyMoment(t *testing.T) {
	for n := 1; ; n++ {
		b, ops := mem.New(), 0
		ctx, cancel := context.WithCancel(t.Context())
		store := faulty.New(b, func(op faulty.Op) faulty.Fault {
			if op.Client != "a" || op.Name == "abort" {
				return faulty.Fault{}
			}
			if ops++; ops == n {
				cancel()
				if n%2 == 0 {
					return faulty.Fault{After: context.Canceled}
				}
				return faulty.Fault{Before: context.Canceled}
			}
			return faulty.Fault{}
		})
		s := New(Options{Bucket: store.Client("a").Bucket(), Stem: "part", Encoder: jsonEncoder(t), Pipeline: "p", Log: slog.New(slog.DiscardHandler), Settle: 1})
		err := error(nil)
		if _, err = s.Resume(ctx, []rows.Split{in}); err == nil {
			err = epochOf(ctx, s)
		}
		if cerr := s.Close(); cerr != nil {
			t.Error(cerr)
		}
		cancel()
		last := testSink(t, store.Client("b").Bucket(), Options{Settle: 1})
		at, rerr := last.Resume(t.Context(), []rows.Split{in})
		if rerr != nil {
			t.Fatal(rerr)
		}
		got := len(lines(t, b))
		if recorded := at.Positions[in] == "1"; recorded && got != 35 || !recorded && got != 0 || err == nil && got != 35 {
			t.Errorf("cancelled at %d (%v): %d rows visible, position %q", n, err, got, at.Positions[in])
		}
		for u, err := range b.Staged(t.Context(), "", "x/") {
			t.Errorf("cancelled at %d: left behind: %s, %v", n, u.Key, err)
		}
		if ops < n {
			return
		}
	}
}

func jsonEncoder(t *testing.T) format.Encoder {
	t.Helper()
	return testSink(t, mem.New(), Options{}).Encoder
}

// The rows that brought a column are all refused: those that wait from before go into files without it or with it empty.
func TestAColumnWhoseRowsAreRefused(t *testing.T) {
	by, err := ParsePartitionBy([]string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	b := mem.New()
	s := testSink(t, b, Options{Partition: NewPartitioner(nil, by, KeepColumns), Contract: rows.Contract{}})
	write(t, s, ints("n", 1, 2))
	write(t, s, ints("m"), rows.Reject{Raw: []byte("x"), Kind: rows.Failed})
	write(t, s, ints("m", 3))
	if r := seal(t, s, "1", 4); r.Rows.Written != 3 || r.Rows.Rejected != 1 {
		t.Errorf("%+v", r.Rows)
	}
	if got := lines(t, b); len(got) != 3 {
		t.Errorf("%q", got)
	}
}

// Epochs in which only rejects came, or only rows that were filtered, or only a position moved, are commits that balance.
func TestEpochsWithoutFilesOfRows(t *testing.T) {
	b := mem.New()
	s := testSink(t, b, Options{})
	write(t, s, nil, rows.Reject{Raw: []byte("x"), Kind: rows.Failed})
	if r := seal(t, s, "1", 1); r == nil || len(r.Files) != 1 || !r.Files[0].Reject || r.Rows.Rejected != 1 {
		t.Errorf("rejects only: %+v", r)
	}
	for pos, counts := range map[rows.Position]rows.Counts{"2": {Read: 5, Filtered: 5}, "3": {}} {
		p, err := s.Seal(t.Context(), connector.Epoch{Positions: map[rows.Split]rows.Position{in: pos}, Rows: counts})
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Commit(t.Context())
		if err != nil || r == nil || len(r.Files)+len(r.Pend) != 0 || r.Splits[in.String()].Pos != pos || !r.Rows.Balanced() {
			t.Errorf("position %s: %+v, %v", pos, r, err)
		}
		if err := p.Confirm(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A split goes to another replica: this one goes on with the rest in a new life, and may get it back.
func TestALostSplitIsANewLife(t *testing.T) {
	b := mem.New()
	other := rows.Split{Source: "s", ID: "1"}
	s := testSink(t, b, Options{})
	resume := func(s *Sink, splits ...rows.Split) connector.Checkpoint {
		t.Helper()
		at, err := s.Resume(t.Context(), splits)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	resume(s, in, other)
	before := s.writer.Nonce()
	write(t, s, ints("n", 1))
	seal(t, s, "1", 1)
	resume(s, in)
	if s.writer.Nonce() == before {
		t.Error("the nonce is the old one")
	}
	two := testSink(t, b, Options{})
	resume(two, other)
	write(t, s, ints("n", 2))
	if _, err := seals(t, s, "2"); !strings.Contains(err.Error(), "fenced") { // testSink took in, too
		t.Errorf("got %v", err)
	}
	if at := resume(two, in, other); at.Positions[in] != "1" {
		t.Errorf("positions %v", at.Positions)
	}
	write(t, two, ints("n", 2))
	seal(t, two, "2", 1)
	if got := lines(t, b); len(got) != 2 {
		t.Errorf("rows %q", got)
	}
}

func seals(t *testing.T, s *Sink, pos rows.Position) (*connector.Record, error) {
	t.Helper()
	p, err := s.Seal(t.Context(), connector.Epoch{Positions: map[rows.Split]rows.Position{in: pos}, Rows: rows.Counts{Read: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return p.Commit(t.Context())
}

// A writer that waits for memory hears that it is cancelled.
func TestAWaitForMemoryIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket.Bucket = mem.New()
		s := testSink(t, b, Options{})
		s.hand(100)
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := s.room(ctx, 50); err == nil {
				t.Error("there was no room")
			}
			cancel()
		}
		time.AfterFunc(time.Second, func() { s.give(100) })
		if err := s.room(t.Context(), 50); err != nil {
			t.Error(err)
		}
	})
}
