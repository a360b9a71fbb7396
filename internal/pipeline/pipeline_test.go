package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// numbers is a source of the numbers 0 … n-1 in every split, ten a batch.
type numbers struct {
	splits  []string
	n       int
	pause   time.Duration // before each batch
	flaky   int           // every so many batches it is unavailable once
	endless bool

	mu     sync.Mutex
	failed map[string]bool
	acked  map[rows.Split]rows.Position
}

var numberSchema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

func record(from, to int) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for i := from; i < to; i++ {
		b.Append(int64(i))
	}
	return array.NewRecordBatch(numberSchema, []arrow.Array{b.NewArray()}, int64(to-from))
}

func (s *numbers) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		var all []rows.Split
		for _, id := range s.splits {
			all = append(all, rows.Split{Source: "numbers", ID: id})
		}
		if yield(all, nil) && s.endless {
			<-ctx.Done()
		}
	}
}

func (s *numbers) Read(ctx context.Context, split rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		at, _ := strconv.Atoi(string(pos))
		for ; at < s.n; at += 10 {
			if s.pause > 0 {
				select {
				case <-time.After(s.pause):
				case <-ctx.Done():
					return
				}
			}
			if s.fails(split, at) {
				yield(rows.Batch{}, fault.New(fault.Unavailable, "flaky"))
				return
			}
			to := min(at+10, s.n)
			if !yield(rows.Batch{Rows: record(at, to), Position: rows.Position(strconv.Itoa(to))}, nil) {
				return
			}
		}
		if s.endless {
			<-ctx.Done()
		}
	}
}

func (s *numbers) fails(split rows.Split, at int) bool {
	if s.flaky == 0 || at/10%s.flaky != s.flaky-1 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(split, at)
	if s.failed == nil {
		s.failed = map[string]bool{}
	}
	was := s.failed[key]
	s.failed[key] = true
	return !was
}

func (s *numbers) Acknowledge(_ context.Context, at map[rows.Split]rows.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acked == nil {
		s.acked = map[rows.Split]rows.Position{}
	}
	for split, pos := range at {
		s.acked[split] = pos
	}
	return nil
}

// store is a sink that keeps what was committed, like a directory and its log. Several sinks may open one store.
type store struct {
	mu        sync.Mutex
	rows      map[string][]int64
	positions map[rows.Split]rows.Position
	finished  map[rows.Split]bool
	records   []rows.Counts
	commits   int
	rewind    int // this commit is lost before it is visible
	slow      time.Duration
}

func (s *store) open() *storeSink { return &storeSink{store: s, waiting: map[string][]int64{}} }

type storeSink struct {
	store   *store
	waiting map[string][]int64
	counts  rows.Counts
	resumed bool
	closed  bool
}

func (k *storeSink) Write(_ context.Context, b rows.Batch) error {
	k.counts.Rejected += int64(len(b.Rejects))
	if b.Rows == nil {
		return nil
	}
	k.waiting[b.Split.ID] = append(k.waiting[b.Split.ID], b.Rows.Column(0).(*array.Int64).Int64Values()...)
	k.counts.Written += b.Len()
	return nil
}

func (k *storeSink) Resume(context.Context, []rows.Split) (connector.Checkpoint, error) {
	k.resumed = true
	k.waiting, k.counts = map[string][]int64{}, rows.Counts{}
	s := k.store
	s.mu.Lock()
	defer s.mu.Unlock()
	at := map[rows.Split]rows.Position{}
	for split, pos := range s.positions {
		at[split] = pos
	}
	return connector.Checkpoint{Positions: at, Finished: func(split rows.Split) bool { return s.finished[split] }}, nil
}

func (k *storeSink) Guarantee() (connector.Guarantee, string) { return connector.ExactlyOnce, "" }

func (k *storeSink) Close() error { k.closed = true; return nil }

func (k *storeSink) Seal(_ context.Context, e connector.Epoch) (connector.Pending, error) {
	if !k.resumed {
		return nil, errors.New("Seal before Resume")
	}
	p := &storePending{store: k.store, epoch: e, rows: k.waiting, counts: k.counts}
	p.counts.Add(rows.Counts{Read: e.Rows.Read, Made: e.Rows.Made, Filtered: e.Rows.Filtered})
	k.waiting, k.counts = map[string][]int64{}, rows.Counts{}
	return p, nil
}

type storePending struct {
	store  *store
	epoch  connector.Epoch
	rows   map[string][]int64
	counts rows.Counts
	lost   bool
}

func (p *storePending) Commit(context.Context) (*connector.Record, error) {
	s := p.store
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	if s.commits == s.rewind {
		p.lost = true
		return &connector.Record{}, nil
	}
	for id, values := range p.rows {
		s.rows[id] = append(s.rows[id], values...)
	}
	for split, pos := range p.epoch.Positions {
		s.positions[split] = pos
	}
	for _, split := range p.epoch.Finished {
		s.finished[split] = true
	}
	s.records = append(s.records, p.counts)
	return &connector.Record{Rows: p.counts}, nil
}

func (p *storePending) Confirm(context.Context) error {
	if p.lost {
		return connector.ErrRewound
	}
	return nil
}

func newStore() *store {
	return &store{rows: map[string][]int64{}, positions: map[rows.Split]rows.Position{}, finished: map[rows.Split]bool{}}
}

func (s *store) check(t *testing.T, n int, splits ...string) {
	t.Helper()
	for _, id := range splits {
		want := make([]int64, n)
		for i := range want {
			want[i] = int64(i)
		}
		if got := s.rows[id]; !slices.Equal(got, want) {
			t.Errorf("split %s: %d rows in order, want 0 … %d: %v", id, len(got), n-1, head(got))
		}
	}
	for i, c := range s.records {
		if !c.Balanced() {
			t.Errorf("record %d does not balance: %+v", i, c)
		}
	}
}

func head(v []int64) []int64 { return v[:min(len(v), 30)] }

func none(string, string) ([]stage.Stage, error) { return nil, nil }

func TestEveryRowArrivesOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &numbers{splits: []string{"a", "b", "c"}, n: 1000, pause: 37 * time.Millisecond, flaky: 7}
		s := newStore()
		s.slow = 700 * time.Millisecond
		p := Pipeline{Source: src, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}, Every: time.Second}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.check(t, 1000, "a", "b", "c")
		if s.commits < 3 {
			t.Errorf("%d commits in %v", s.commits, time.Second)
		}
		if got := src.acked[rows.Split{Source: "numbers", ID: "a"}]; got != "1000" {
			t.Errorf("acknowledged %q", got)
		}
	})
}

func TestAStopCommitsWhatWasReadAndTheNextStartGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &numbers{splits: []string{"a", "b"}, n: 500, pause: 10 * time.Millisecond}
		s := newStore()
		for run := 0; !s.finished[rows.Split{Source: "numbers", ID: "b"}]; run++ {
			if run > 20 {
				t.Fatal("no end")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 95*time.Millisecond)
			p := Pipeline{Source: src, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}}
			if err := p.Run(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		s.check(t, 500, "a", "b")
	})
}

func TestALostCommitIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &numbers{splits: []string{"a"}, n: 500, pause: 10 * time.Millisecond}
		s := newStore()
		s.rewind = 2
		p := Pipeline{Source: src, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}, Every: 100 * time.Millisecond}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.check(t, 500, "a")
	})
}

func TestTwoSinksEachGetEveryRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &numbers{splits: []string{"a"}, n: 300, pause: time.Millisecond}
		one, two := newStore(), newStore()
		two.slow = time.Second
		p := Pipeline{Source: src, Stages: none, Every: 50 * time.Millisecond,
			Sinks: []Sink{{Name: "one", Sink: one.open()}, {Name: "two", Sink: two.open()}}}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		one.check(t, 300, "a")
		two.check(t, 300, "a")
	})
}

type once struct{ *numbers }

func (once) Transient() string { return "it is a pipe" }

func TestATransientSourceIsReadOnceForAllSinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := once{&numbers{splits: []string{"a"}, n: 300}}
		one, two := newStore(), newStore()
		p := Pipeline{Source: src, Stages: none, Sinks: []Sink{{Name: "one", Sink: one.open()}, {Name: "two", Sink: two.open()}}}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		one.check(t, 300, "a")
		two.check(t, 300, "a")
	})
}

func TestALostCommitOfATransientSourceIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.rewind = 1
		p := Pipeline{Source: once{&numbers{splits: []string{"a"}, n: 300}}, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}}
		if err := p.Run(t.Context()); !fault.Is(err, fault.Corrupt) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAFailingStageKeepsTheRowsBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		stages := func(string, string) ([]stage.Stage, error) {
			return []stage.Stage{stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
				if in.Position == "200" {
					return boom
				}
				return emit(in)
			})}, nil
		}
		s := newStore()
		k := s.open()
		p := Pipeline{Source: &numbers{splits: []string{"a"}, n: 300}, Stages: stages, Sinks: []Sink{{Name: "s", Sink: k}}}
		if err := p.Run(t.Context()); !errors.Is(err, boom) {
			t.Fatalf("got %v", err)
		}
		s.check(t, 190, "a")
		if !k.closed {
			t.Error("the sink was not closed")
		}
	})
}

func TestTheBreakerStopsAPipelineThatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stages := func(string, string) ([]stage.Stage, error) {
			return []stage.Stage{stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
				in.Rejects = []rows.Reject{{Kind: rows.Failed, Message: "no"}}
				in.Rows = in.Rows.NewSlice(1, in.Rows.NumRows())
				return emit(in)
			})}, nil
		}
		s := newStore()
		p := Pipeline{Source: &numbers{splits: []string{"a"}, n: 3000}, Stages: stages, Sinks: []Sink{{Name: "s", Sink: s.open()}},
			MaxRejects: Breaker{Rejects: 25, Of: 1000}}
		err := p.Run(t.Context())
		if !fault.Is(err, fault.Invalid) || fault.HintOf(err) == "" {
			t.Fatalf("got %v", err)
		}
		if len(s.records) != 0 {
			t.Errorf("%d commits of wrong rows", len(s.records))
		}
		p = Pipeline{Source: &numbers{splits: []string{"a"}, n: 3000}, Stages: stages, Sinks: []Sink{{Name: "s", Sink: s.open()}},
			MaxRejects: Breaker{Rejects: 250, Of: 1000}}
		if err := p.Run(t.Context()); err != nil {
			t.Errorf("below the bound: %v", err)
		}
	})
}

func TestItEndsWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := Pipeline{Source: &numbers{splits: []string{"a"}, n: 100, endless: true}, Stages: none,
			Sinks: []Sink{{Name: "s", Sink: s.open()}}, UntilIdle: 10 * time.Second}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.check(t, 100, "a")
	})
}

func TestNothingMovedNothingCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p := Pipeline{Source: &numbers{splits: []string{"a"}, n: 100, endless: true}, Stages: none,
			Sinks: []Sink{{Name: "s", Sink: s.open()}}, Every: time.Second}
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s.commits > 2 {
			t.Errorf("%d commits", s.commits)
		}
	})
}
