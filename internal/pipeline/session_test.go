package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

var quiet = slog.New(slog.DiscardHandler)

// shifting is a source of transactions whose splits come and go, and that fails inside transactions.
type shifting struct {
	ids   []string
	n     int
	moves int // how often other splits are assigned before all are, for good

	mu  sync.Mutex
	rng *rand.Rand
}

func (s *shifting) random(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

func (s *shifting) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		for ; s.moves > 0; s.moves-- {
			if s.random(5) == 0 {
				yield(nil, fault.New(fault.Unavailable, "the list is not there now"))
				return
			}
			var some []rows.Split
			for _, id := range s.ids {
				if s.random(2) == 0 {
					some = append(some, rows.Split{Source: "shifting", ID: id})
				}
			}
			if !yield(some, nil) {
				return
			}
			select {
			case <-time.After(time.Duration(s.random(300)) * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
		var all []rows.Split
		for _, id := range s.ids {
			all = append(all, rows.Split{Source: "shifting", ID: id})
		}
		yield(all, nil)
	}
}

func (s *shifting) Read(ctx context.Context, _ rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		at, _ := strconv.Atoi(string(pos))
		for at < s.n {
			select {
			case <-time.After(time.Duration(s.random(20)) * time.Millisecond):
			case <-ctx.Done():
				return
			}
			to := min(at+1+s.random(10), s.n)
			b := rows.Batch{Rows: record(at, to), Position: rows.Position(strconv.Itoa(to))}
			if s.random(3) == 0 { // a transaction goes on; the last one is never ended but by the split's end
				b.Position = ""
			}
			if !yield(b, nil) {
				return
			}
			if s.random(30) == 0 {
				yield(rows.Batch{}, fault.New(fault.Unavailable, "flaky"))
				return
			}
			at = to
			if s.random(10) == 0 && b.Position != "" {
				if !yield(rows.Batch{Position: b.Position}, nil) { // nothing but a position
					return
				}
			}
		}
	}
}

func TestSplitsComeAndGoInsideTransactions(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			src := &shifting{ids: []string{"a", "b", "c", "d"}, n: 200, moves: 15, rng: rand.New(rand.NewPCG(seed, 0))}
			s := newStore()
			s.slow = time.Duration(src.random(200)) * time.Millisecond
			s.rewind = src.random(6)
			p := Pipeline{Log: quiet, Source: src, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}, Every: 50 * time.Millisecond}
			if err := p.Run(t.Context()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			s.check(t, 200, "a", "b", "c", "d")
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
	}
}

// A pipeline is stopped at any moment: what Run leaves is whole, and nothing of it lives on.
func TestStoppedAtAnyMoment(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			src := &shifting{ids: []string{"a", "b"}, n: 120, moves: 5, rng: rand.New(rand.NewPCG(seed, 1))}
			s := newStore()
			s.slow = 30 * time.Millisecond
			for run := 0; !s.finished[rows.Split{Source: "shifting", ID: "a"}] || !s.finished[rows.Split{Source: "shifting", ID: "b"}]; run++ {
				if run > 300 {
					t.Fatalf("seed %d: no end", seed)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(src.random(400))*time.Millisecond)
				p := Pipeline{Log: quiet, Source: src, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}, Every: 20 * time.Millisecond}
				if err := p.Run(ctx); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				cancel()
			}
			s.check(t, 120, "a", "b")
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
	}
}

// plainSink is a sink that does not know where it stands.
type plainSink struct{ connector.Sink }

func TestWhatHasEndedIsNotReadAgainForASinkWithoutPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &shifting{ids: []string{"a", "b"}, n: 50, rng: rand.New(rand.NewPCG(1, 2))}
		s := newStore()
		k := s.open()
		k.resumed = true
		p := Pipeline{Log: quiet, Source: twice{src}, Stages: none, Sinks: []Sink{{Name: "s", Sink: plainSink{k}}}, Every: 50 * time.Millisecond}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(s.rows["a"]); got < 50 || got > 60 { // an open transaction may be read twice
			t.Errorf("%d rows", got)
		}
	})
}

// twice lists the splits of a source again when they have ended, as a watched folder does.
type twice struct{ *shifting }

func (s twice) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		for splits, err := range s.shifting.Splits(ctx) {
			for range 2 {
				if !yield(splits, err) {
					return
				}
				time.Sleep(time.Minute)
			}
		}
	}
}

func TestNoSplitsAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		p := Pipeline{Log: quiet, Source: &numbers{}, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}}
		if err := p.Run(t.Context()); err != nil || s.commits != 0 {
			t.Errorf("%v, %d commits", err, s.commits)
		}
	})
}

func TestATransientSourceIsAnotherOneInEachRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		for run := range 2 {
			p := Pipeline{Log: quiet, Source: once{&numbers{splits: []string{"a"}, n: 300}}, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}}
			s.positions = map[rows.Split]rows.Position{} // the fake heeds positions, as standard input does not
			if err := p.Run(t.Context()); err != nil || len(s.rows["a"]) != 300*(run+1) {
				t.Errorf("run %d: %d rows, %v", run, len(s.rows["a"]), err)
			}
		}
	})
}

// pipe is a transient source that fails now and then, and that goes on where it stopped.
type pipe struct {
	*numbers
	at map[string]int
}

func (p *pipe) Transient() string { return "it is a pipe" }

func (p *pipe) Read(ctx context.Context, s rows.Split, _ rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		for ctx.Err() == nil {
			p.mu.Lock()
			from := p.at[s.ID]
			to := min(from+10, p.n)
			p.at[s.ID] = to
			p.mu.Unlock()
			if from == to {
				return
			}
			if !yield(rows.Batch{Rows: record(from, to), Position: "x"}, nil) {
				return
			}
			if from%70 == 0 {
				yield(rows.Batch{}, fault.New(fault.Unavailable, "flaky"))
				return
			}
		}
	}
}

func TestATransientPartOfMergedSourcesIsReadOnceForAllSinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := Merge([]string{"numbers", "again"}, []connector.Source{
			&pipe{&numbers{splits: []string{"a", "b"}, n: 300}, map[string]int{}},
			named{&numbers{splits: []string{"c"}, n: 300, flaky: 4}, "again"},
		})
		one, two, three := newStore(), newStore(), newStore()
		p := Pipeline{Log: quiet, Source: src, Stages: none, Sinks: []Sink{{"one", one.open()}, {"two", two.open()}, {"three", three.open()}}}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*store{one, two, three} {
			s.check(t, 300, "a", "b", "c")
		}
	})
}

// named is a source under another name.
type named struct {
	connector.Source
	name string
}

func (n named) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		for splits, err := range n.Source.Splits(ctx) {
			for i := range splits {
				splits[i].Source = n.name
			}
			if !yield(splits, err) {
				return
			}
		}
	}
}

// failing is a sink that fails when it has been given some rows.
type failing struct {
	*storeSink
	after int64
}

func (f failing) Write(ctx context.Context, b rows.Batch) error {
	if f.counts.Written >= f.after {
		return errBroken
	}
	return f.storeSink.Write(ctx, b)
}

var errBroken = errors.New("broken")

// One of two sinks fails: the other one commits what it has, and is not told that the input has ended.
func TestOneSinkOfATransientSourceFails(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			bad, good := newStore(), newStore()
			sinks := []Sink{{"bad", failing{bad.open(), 100}}, {"good", good.open()}}
			if !first {
				sinks[0], sinks[1] = sinks[1], sinks[0]
			}
			p := Pipeline{Log: quiet, Source: once{&numbers{splits: []string{"a"}, n: 3000, pause: time.Millisecond}}, Stages: none, Sinks: sinks}
			if err := p.Run(t.Context()); !errors.Is(err, errBroken) {
				t.Fatalf("got %v", err)
			}
			if n := len(good.rows["a"]); n < 90 || n > 150 || good.finished[rows.Split{Source: "numbers", ID: "a"}] {
				t.Errorf("first fails: %v: %d rows, finished: %v", first, n, good.finished)
			}
		})
	}
}

// deaf is a source that does not hear of a stop for a long time.
type deaf struct{ *numbers }

func (d deaf) Read(context.Context, rows.Split, rows.Position) iter.Seq2[rows.Batch, error] {
	return func(func(rows.Batch, error) bool) { time.Sleep(time.Hour) }
}

func TestAStopTakesNoLongerThanTheSource(t *testing.T) {
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			p := Pipeline{Log: quiet, Source: deaf{&numbers{splits: []string{"a", "b", "c"}}}, Stages: none, Sinks: []Sink{{Name: "s", Sink: newStore().open()}}}
			if err := p.Run(ctx); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
}

func TestASourceThatIsAwayForeverIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newStore()
		p := Pipeline{Log: quiet, Source: away{&numbers{splits: []string{"a", "b"}, n: 100}}, Stages: none, Sinks: []Sink{{Name: "s", Sink: s.open()}}, Patience: time.Minute}
		err := p.Run(t.Context())
		if took := time.Since(start); !fault.Is(err, fault.Unavailable) || took < time.Minute || took > 2*time.Minute {
			t.Errorf("%v after %v", err, took)
		}
		s.check(t, 100, "a") // the other split was read and is kept
	})
}

// away is a source one of whose splits cannot be read.
type away struct{ *numbers }

func (a away) Read(ctx context.Context, s rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	if s.ID == "a" {
		return a.numbers.Read(ctx, s, pos)
	}
	return func(yield func(rows.Batch, error) bool) {
		yield(rows.Batch{}, fault.New(fault.Unavailable, fmt.Sprint(s, " is away")))
	}
}
