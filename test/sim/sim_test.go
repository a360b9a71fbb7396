// Package sim runs the commit protocol's real code against a store that fails, on a fake clock, from seeds.
//
// Every run is a handful of processes that write the same rows to one place while they crash, sleep, lose answers, are
// answered late or twice, lose staged uploads and hand splits to each other. After each, every row must be visible exactly
// once and nothing may be left behind. A failing seed is printed and replays:
//
//	go test ./test/sim -run Protocol -scenario P7 -seed 1234 -v
package sim

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
)

var (
	onlyScenario = flag.String("scenario", "", "run only the scenario of this name")
	onlySeed     = flag.Int64("seed", -1, "run only this seed")
	seeds        = flag.Int64("seeds", 0, "seeds per run of the test, spread over the scenarios; 0 = 200, or 10,000 when GROS_SOAK=1")
)

// scenario says how many processes write how much, and how often what goes wrong.
type scenario struct {
	name    string
	what    string
	writers int
	splits  int
	epochs  int  // rows of each split
	files   int  // of each epoch, each with a share of every row
	ahead   bool // the next epoch is staged while the last is completed
	shared  bool // every replica owns splits of its own; else each writer wants them all
	plain   bool // the bucket has no staging of its own
	slow    bool // the store works on a completion for minutes

	crash, lost, late, dup, expire, miss, sleep, move int
}

// settle is how late a request may take effect.
const settle = 15 * time.Minute

// scenarios name, by letter and number, the ways in which the protocol breaks when one of its rules is left out (C), and
// the combinations that it must hold (P one place, M several replicas on one log).
var scenarios = []scenario{
	{name: "C1", what: "a new writer sweeps, a zombie's record lists what it swept", writers: 2, epochs: 1, sleep: 2},
	{name: "C2", what: "an own record hides what its predecessor left pending", writers: 1, epochs: 1, crash: 2},
	{name: "C3", what: "recovery completes only the last record", writers: 1, epochs: 3, crash: 1, ahead: true},
	{name: "C3b", what: "an older upload is lost while a later one is recorded", writers: 1, epochs: 3, expire: 1, ahead: true},
	{name: "C4", what: "a record is put, its answer lost, and the refusal taken for a rival", writers: 1, epochs: 2, lost: 3},
	{name: "C5", what: "a record is put late, after it was given up", writers: 1, epochs: 2, late: 3},
	{name: "C6", what: "a lifecycle rule removes a recorded upload", writers: 1, epochs: 2, expire: 1},
	{name: "C6b", what: "the other files of a voided epoch stay", writers: 1, epochs: 2, files: 2, expire: 1},
	{name: "C6c", what: "voided files are deleted before they are aborted", writers: 2, epochs: 1, files: 2, expire: 1, sleep: 1},
	{name: "C6d", what: "a slow completion looks like a lost upload", writers: 1, epochs: 2, late: 1, files: 2, slow: true},
	{name: "C6e", what: "rows are read again while a completion is still under way", writers: 1, epochs: 2, files: 2, expire: 1, late: 2},
	{name: "C8", what: "rows are acknowledged at the record and lost afterwards", writers: 1, epochs: 2, expire: 1, crash: 1},
	{name: "C10", what: "a bucket without staging", writers: 1, epochs: 2, crash: 1, plain: true},
	{name: "C10b", what: "a zombie puts the bytes of a voided file", writers: 2, epochs: 1, files: 2, expire: 1, sleep: 1, late: 1, plain: true},
	{name: "C11", what: "a listing is incomplete", writers: 1, epochs: 1, miss: 1, crash: 1},
	{name: "C12", what: "two replicas each sweep all", writers: 2, splits: 2, epochs: 1, shared: true, sleep: 1},
	{name: "C13", what: "a split comes back to a writer that slept", writers: 2, splits: 1, epochs: 2, shared: true, move: 2, sleep: 1},
	{name: "C14", what: "a split moves between replicas", writers: 2, splits: 2, epochs: 2, shared: true, move: 2},
	{name: "C15", what: "two replicas void each other's records", writers: 2, splits: 2, epochs: 1, shared: true, move: 1, expire: 2},
	{name: "P1", what: "one writer, three epochs, two crashes", writers: 1, epochs: 3, crash: 2},
	{name: "P2", what: "two writers, a crash", writers: 2, epochs: 2, crash: 1, sleep: 1},
	{name: "P3", what: "two writers, two crashes", writers: 2, epochs: 1, crash: 2, sleep: 1},
	{name: "P4", what: "two writers, a crash, a lost answer", writers: 2, epochs: 1, crash: 1, lost: 1},
	{name: "P5", what: "two writers, a crash, a late request", writers: 2, epochs: 1, crash: 1, late: 1},
	{name: "P6", what: "two writers, a request delivered twice, a lost answer", writers: 2, epochs: 1, dup: 1, lost: 1},
	{name: "P7", what: "two writers, one of two files is lost, a crash", writers: 2, epochs: 1, files: 2, expire: 1, crash: 1},
	{name: "P8", what: "two epochs of two files, two lost, a crash", writers: 1, epochs: 2, files: 2, expire: 2, crash: 1},
	{name: "P9", what: "two writers, two files completed in any order, one lost", writers: 2, epochs: 1, files: 2, expire: 1},
	{name: "P10", what: "slow completions, a crash", writers: 2, epochs: 1, late: 2, crash: 1, slow: true},
	{name: "P11", what: "copies outlive their parts; a crash, a loss", writers: 2, epochs: 1, files: 2, expire: 1, crash: 1, plain: true},
	{name: "P12", what: "a voided name is held by an empty file; duplicates", writers: 2, epochs: 1, files: 2, dup: 2, expire: 1, plain: true},
	{name: "P13", what: "an incomplete listing, a crash", writers: 2, epochs: 1, miss: 1, crash: 1},
	{name: "P14", what: "three writers", writers: 3, epochs: 2, sleep: 2},
	{name: "P16", what: "acknowledged when visible; a loss, a crash", writers: 2, epochs: 1, expire: 1, crash: 1},
	{name: "P17", what: "two writers stage ahead; a loss", writers: 2, epochs: 2, expire: 1, ahead: true, sleep: 1},
	{name: "P18", what: "one file slow, the other lost", writers: 2, epochs: 1, files: 2, expire: 1, late: 1, slow: true},
	{name: "P19", what: "staging ahead, three epochs, two losses, a crash, a lost answer", writers: 1, epochs: 3, expire: 2, crash: 1, lost: 1, ahead: true},
	{name: "P20", what: "two writers stage ahead, a crash", writers: 2, epochs: 2, crash: 1, ahead: true, sleep: 1},
	{name: "M1", what: "two replicas, two splits, a move", writers: 2, splits: 2, epochs: 2, shared: true, move: 1},
	{name: "M2", what: "two replicas, a move, a crash", writers: 2, splits: 2, epochs: 1, shared: true, move: 1, crash: 1},
	{name: "M3", what: "two replicas, one split moves twice", writers: 2, splits: 1, epochs: 2, shared: true, move: 2},
	{name: "M4", what: "one of two splits moves, a loss", writers: 2, splits: 2, epochs: 2, shared: true, move: 1, expire: 1},
	{name: "M5", what: "two replicas, a lost answer, a move", writers: 2, splits: 2, epochs: 1, shared: true, lost: 1, move: 1},
	{name: "M6", what: "two replicas, a crash, a loss", writers: 2, splits: 2, epochs: 1, shared: true, crash: 1, expire: 1},
	{name: "M7", what: "two replicas, three moves", writers: 2, splits: 2, epochs: 3, shared: true, move: 3},
	{name: "all", what: "everything at once", writers: 3, splits: 3, epochs: 4, files: 2, ahead: true,
		crash: 3, lost: 3, late: 3, dup: 2, expire: 2, miss: 2, sleep: 2},
	{name: "all replicas", what: "everything at once, on replicas", writers: 3, splits: 4, epochs: 4, files: 2, ahead: true, shared: true,
		crash: 3, lost: 3, late: 3, dup: 2, expire: 2, miss: 2, sleep: 2, move: 4},
	{name: "all plain", what: "everything at once, on a bucket without staging", writers: 3, splits: 2, epochs: 3, files: 2, plain: true,
		crash: 2, lost: 3, late: 2, dup: 2, expire: 2, miss: 2, sleep: 2},
}

func TestProtocol(t *testing.T) {
	total := *seeds
	if total == 0 {
		total = 200
		if os.Getenv("GROS_SOAK") == "1" {
			total = 10_000
		}
	}
	each := max(total/int64(len(scenarios)), 1)
	for _, sc := range scenarios {
		if *onlyScenario != "" && sc.name != *onlyScenario {
			continue
		}
		t.Run(sc.name, func(t *testing.T) {
			from, to := int64(0), each
			if *onlySeed >= 0 {
				from, to = *onlySeed, *onlySeed+1
			}
			for seed := from; seed < to && !t.Failed(); seed++ {
				synctest.Test(t, func(t *testing.T) { newWorld(t, sc, seed).run() })
			}
		})
	}
}

// world is one run.
type world struct {
	t     *testing.T
	sc    scenario
	seed  int64
	rng   *rand.Rand
	disk  *mem.Bucket
	store *faulty.Store
	log   *slog.Logger

	mu      sync.Mutex
	left    map[string]int // faults to come, by kind
	calm    bool           // no more faults
	assign  []int          // shared: which writer owns which split
	live    map[string]*faulty.Client
	history []string
}

func newWorld(t *testing.T, sc scenario, seed int64) *world {
	sc.splits, sc.files = max(sc.splits, 1), max(sc.files, 1)
	w := &world{
		t: t, sc: sc, seed: seed, rng: rand.New(rand.NewPCG(uint64(seed), 1)), disk: mem.New(), live: map[string]*faulty.Client{},
		left: map[string]int{"crash": sc.crash, "lost": sc.lost, "late": sc.late, "dup": sc.dup, "miss": sc.miss, "sleep": sc.sleep},
		log:  slog.New(slog.DiscardHandler),
	}
	if *onlySeed >= 0 && testing.Verbose() {
		w.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	for s := range sc.splits {
		w.assign = append(w.assign, s%sc.writers)
	}
	if sc.slow {
		var n atomic.Uint64
		w.disk.CompleteDelay = func(string) time.Duration {
			r := rand.New(rand.NewPCG(uint64(seed), 3+n.Add(1)))
			return time.Duration(r.Int64N(int64(settle - time.Minute)))
		}
	}
	var inner bucket.Bucket = w.disk
	if sc.plain {
		inner = mem.Plain(w.disk)
	}
	w.store = faulty.New(inner, w.hook)
	w.store.SettlesAfter = settle
	return w
}

// hook decides by what an operation is, not by when it comes, so that a seed replays.
func (w *world) hook(op faulty.Op) faulty.Fault {
	h := fnv.New64a()
	fmt.Fprint(h, w.seed, op.Client, op.Name, op.Nth)
	r := rand.New(rand.NewPCG(h.Sum64(), 2))
	f := faulty.Fault{Latency: time.Duration(1 + r.Int64N(int64(2*time.Second)))}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm || op.Client == "last" {
		return f
	}
	happens := func(kind string, of int) bool {
		if w.left[kind] == 0 || r.IntN(of) != 0 {
			return false
		}
		w.left[kind]--
		w.note("%s: %s at %s %d %s", op.Client, kind, op.Name, op.Nth, op.Key)
		return true
	}
	delay := func() time.Duration { return time.Duration(r.Int64N(int64(settle - 10*time.Second))) }
	lists := op.Name == "list" || op.Name == "staged"
	switch {
	case happens("crash", 12):
		f.CrashBefore = r.IntN(2) == 0
		f.CrashAfter = !f.CrashBefore
	case happens("lost", 10):
		if r.IntN(2) == 0 {
			f.Before = faulty.ErrLost
		} else {
			f.After = faulty.ErrLost
		}
	case !lists && happens("late", 8):
		f.Late = delay()
	case !lists && happens("dup", 8):
		f.Dup = delay()
	case lists && happens("miss", 2):
		f.Hide = func(string) bool { return r.IntN(2) == 0 }
	case happens("sleep", 12):
		c := w.live[op.Client]
		c.Pause()
		time.AfterFunc(time.Duration(r.Int64N(int64(3*time.Hour))), c.Resume)
	}
	return f
}

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// say notes what a process does, for the report of a failure.
func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(format, args...)
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Fatalf("scenario %s, seed %d: %s\nreplay: go test ./test/sim -run Protocol -scenario '%s' -seed %d -v\n  %s",
		w.sc.name, w.seed, fmt.Sprintf(format, args...), w.sc.name, w.seed, strings.Join(w.history, "\n  "))
}

func (w *world) run() {
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*24*time.Hour)
	defer cancel()
	var processes, others sync.WaitGroup
	quit := make(chan struct{})
	others.Go(func() { w.disturb(quit) })
	for i := range w.sc.writers {
		processes.Go(func() { w.process(ctx, i) })
	}
	processes.Wait()
	close(quit)
	others.Wait()
	w.store.Wait()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		w.fail("the rows were not all written in a month")
	}
	w.last()
	w.check()
}
