package commit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

func splits(source string, n int) (all []rows.Split) {
	for i := range n {
		all = append(all, rows.Split{Source: source, ID: fmt.Sprintf("%04d", i)})
	}
	return all
}

// moving is an entry without files that moves splits, and ends them.
func moving(at rows.Position, all ...rows.Split) Entry {
	var e Entry
	e.Positions = map[rows.Split]rows.Position{}
	for _, s := range all {
		e.Positions[s] = at
	}
	return e
}

func withState(t *testing.T, w *Writer, e Entry, state string) Entry {
	t.Helper()
	ref, err := w.PutState(t.Context(), []byte(state))
	if err != nil {
		t.Fatal(err)
	}
	e.State = ref
	return e
}

func TestTheNewestStateIsFoundAfterRestarts(t *testing.T) {
	l := open(t, mem.New())
	all := splits("s", 20)
	w := own(t, l, "p", all...)
	commit(t, w, withState(t, w, moving("1", all...), "old"))
	commit(t, w, withState(t, w, moving("2", all[7]), "new"))
	for range 10 { // each takes all splits with one record
		next := own(t, l, "p", all...)
		at, err := next.Checkpoint(t.Context())
		if err != nil || string(at.State) != "new" {
			t.Fatalf("state %q, %v", at.State, err)
		}
	}
}

func TestTheStateOutlivesTheSplitsThatItCameWith(t *testing.T) {
	b := mem.New()
	l := open(t, b)
	all := splits("files", 900)
	w := own(t, l, "p", all...)
	for from := 0; from < 900; from += 300 {
		e := moving("9", all[from:from+300]...)
		e.Finished = all[from : from+300]
		if from == 0 {
			e = withState(t, w, e, "the schema")
		}
		commit(t, w, e)
	}
	for range 3 { // each start sweeps
		next := own(t, l, "p", all...)
		at, err := next.Checkpoint(t.Context())
		if err != nil || string(at.State) != "the schema" || !at.Finished(all[0]) || !at.Finished(all[899]) {
			t.Fatalf("state %q, %v", at.State, err)
		}
	}
	states := 0
	for _, err := range b.List(t.Context(), "d/_gros/events/state/") {
		if states++; err != nil {
			t.Fatal(err)
		}
	}
	if states != 2 {
		t.Errorf("%d objects of state, want the schema's and the list of ended splits", states)
	}
}

// A record is put, its answer lost, and who put the one that is there cannot be read: the files may be recorded.
func TestWhatMayBeRecordedIsNotDropped(t *testing.T) {
	puts := 0
	store := faulty.New(mem.New(), func(op faulty.Op) faulty.Fault {
		if strings.Contains(op.Key, "/log/") && op.Name == "put" {
			if puts++; puts == 2 {
				return faulty.Fault{After: faulty.ErrLost}
			}
		}
		if op.Client == "w" && op.Name == "get" && puts >= 3 {
			return faulty.Fault{Before: fault.New(fault.Denied, "no")}
		}
		return faulty.Fault{}
	})
	w := own(t, open(t, store.Client("w").Bucket()), "p", p0)
	e := epoch(t, w, "1", "a")
	if _, err := w.Put(t.Context(), e); !fault.Is(err, fault.Denied) {
		t.Fatalf("put: %v", err)
	}
	if err := w.Drop(t.Context(), e.Files); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.Own(t.Context(), []rows.Split{p0}), w.Idle(t.Context())} {
		if err == nil {
			t.Error("it goes on")
		}
	}
	l := open(t, store.Client("next").Bucket())
	own(t, l, "p", p0)
	want(t, l, "a")
}

// egress opens a writer of rows without positions.
func egress(t *testing.T, l *Log) (*Writer, rows.Split) {
	t.Helper()
	w := NewWriter(l, "")
	s := rows.Split{Source: EgressSource, ID: w.Nonce()}
	if err := w.Own(t.Context(), []rows.Split{s}); err != nil {
		t.Fatal(err)
	}
	return w, s
}

func TestAnEgressProcessHearsThatItsLastRowsAreLost(t *testing.T) {
	b := mem.New()
	w, s := egress(t, open(t, b))
	e := moving("1", s)
	e.Files, e.Release = []connector.File{stage(t, w, "a")}, true
	r, err := w.Put(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	b.Expire(e.Files[0].Staged)
	if err := w.Confirm(t.Context(), r); !errors.Is(err, connector.ErrRewound) {
		t.Errorf("confirm: %v", err)
	}
}

// An egress process is killed after the record with which it gave its split up, and left something else staged.
func TestWhatAnEgressProcessLeftIsFinishedAndSwept(t *testing.T) {
	b := mem.New()
	l := open(t, b)
	w, s := egress(t, l)
	stage(t, w, "left")
	e := moving("1", s)
	e.Files, e.Release = []connector.File{stage(t, w, "a")}, true
	if _, err := w.Put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	egress(t, l)
	want(t, l, "a")
	for u, err := range b.Staged(t.Context(), "", "") {
		t.Errorf("left behind: %v, %v", u, err)
	}
}

func TestASilentEgressProcessThatLivesIsNotFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, mem.New())
		lives, s := egress(t, l)
		dead, gone := egress(t, l)
		for range 50 {
			time.Sleep(time.Hour)
			if err := lives.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		own(t, l, "p", p0)
		if _, err := dead.Put(t.Context(), moving("1", gone)); !errors.Is(err, connector.ErrFenced) {
			t.Errorf("the silent one: %v", err)
		}
		e := moving("1", s)
		e.Files = []connector.File{stage(t, lives, "a")}
		commit(t, lives, e)
		want(t, l, "a")
	})
}

func TestTheListOfTheDeadStaysShort(t *testing.T) {
	l := open(t, mem.New())
	own(t, l, "p", p0)
	h, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.Dead = map[string]time.Time{}
	for i := range deadKept + 50 {
		h.Dead[fmt.Sprintf("%012x", i)] = time.Now().Add(time.Duration(i) * time.Second)
	}
	last := NewWriter(l, "p")
	last.head = h
	r := last.next(connector.KindOwn, "c")
	r.Splits = nil
	last.bury(r)
	if _, newest := r.Dead[fmt.Sprintf("%012x", deadKept+49)]; len(r.Dead) != deadKept || !newest {
		t.Errorf("%d dead, the newest among them: %v", len(r.Dead), newest)
	}
}

// The files of a writer have all ended and are not listed any more: the next one sweeps behind it all the same.
func TestAWriterOfEndedSplitsIsDead(t *testing.T) {
	b := mem.New()
	l := open(t, b)
	all := splits("files", 3)
	w := own(t, l, "p", all[:2]...)
	e := moving("1", all[:2]...)
	e.Finished = all[:2]
	commit(t, w, e)
	stage(t, w, "left")
	other := own(t, l, "p", p0) // of another source: it is no successor
	if err := w.Own(t.Context(), all[:2]); err != nil {
		t.Errorf("it does not live on: %v", err)
	}
	next := own(t, l, "p", all[2])
	for u, err := range b.Staged(t.Context(), "", "") {
		t.Errorf("left behind: %v, %v", u, err)
	}
	if err := w.Own(t.Context(), []rows.Split{{Source: "files", ID: "new"}}); !errors.Is(err, connector.ErrFenced) {
		t.Errorf("it stages again: %v", err)
	}
	commit(t, next, moving("1", all[2]))
	commit(t, other, moving("1", p0))
}

// A replica loses a split to another, goes on with the rest under a new nonce, and gets the split back.
func TestALostSplitComesBack(t *testing.T) {
	l := open(t, mem.New())
	all := splits("s", 2)
	a := own(t, l, "p", all...)
	commit(t, a, moving("1", all...))
	b := own(t, l, "p", all[1])
	commit(t, b, moving("2", all[1]))
	again := a.Heir(all[:1])
	if a.Heir(all) != a || again == a {
		t.Error("the heir is wrong")
	}
	if err := again.Own(t.Context(), all[:1]); err != nil {
		t.Fatal(err)
	}
	commit(t, again, moving("2", all[0]))
	if err := again.Own(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	at, err := again.Checkpoint(t.Context())
	if err != nil || at.Positions[all[1]] != "2" {
		t.Fatalf("%v, %v", at.Positions, err)
	}
	commit(t, again, moving("3", all...))
	if _, err := b.Put(t.Context(), moving("9", all[1])); !errors.Is(err, connector.ErrFenced) {
		t.Errorf("the other replica: %v", err)
	}
}

// A writer goes on with rows that it has in memory: not when somebody else had their split meanwhile.
func TestATakenSplitIsNotTakenBackInPassing(t *testing.T) {
	l := open(t, mem.New())
	all := splits("s", 3)
	for name, goOn := range map[string]func(w *Writer) (*Writer, []rows.Split){
		"gains another": func(w *Writer) (*Writer, []rows.Split) { return w, all },
		"loses one":     func(w *Writer) (*Writer, []rows.Split) { return w.Heir(all[:1]), all[:1] },
	} {
		a := own(t, l, "p", all[:2]...)
		commit(t, a, moving("1", all[:2]...))
		b := own(t, l, "p", all[0])
		commit(t, b, moving("2", all[0]))
		w, splits := goOn(a)
		if err := w.Own(t.Context(), splits); !errors.Is(err, connector.ErrFenced) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheHeadIsFoundWhateverTheHintSays(t *testing.T) {
	for _, hint := range []string{"", "0", "-7", "garbage\x00", "3", "99999999", "9999999999999999999999", "64"} {
		gets := 0
		store := faulty.New(mem.New(), func(op faulty.Op) faulty.Fault {
			if op.Name == "get" {
				gets++
			}
			return faulty.Fault{}
		})
		l := open(t, store.Client("a").Bucket())
		w := own(t, l, "p", p0)
		for i := range 66 {
			commit(t, w, moving(rows.Position(fmt.Sprint(i)), p0))
		}
		if hint == "" {
			if err := l.Bucket.Delete(t.Context(), l.hintKey()); err != nil {
				t.Fatal(err)
			}
		} else if hint != "64" { // what the writer left
			if err := l.put(t.Context(), l.hintKey(), []byte(hint), bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		gets = 0
		h, err := l.Head(t.Context())
		if err != nil || h.Seq != 67 {
			t.Errorf("hint %q: %v, %v", hint, h, err)
		}
		if hint != "3" && gets > 6 {
			t.Errorf("hint %q: %d gets", hint, gets)
		}
	}
}

// The bucket fails while the writer reads on: it says so, and knows what it knew.
func TestAFailedLookAtTheHeadForgetsNothing(t *testing.T) {
	fails := false
	store := faulty.New(mem.New(), func(op faulty.Op) faulty.Fault {
		if fails && op.Name == "get" {
			return faulty.Fault{Before: fault.New(fault.Denied, "no")}
		}
		return faulty.Fault{}
	})
	w := own(t, open(t, store.Client("a").Bucket()), "p", p0)
	fails = true
	if err := w.Idle(t.Context()); !fault.Is(err, fault.Denied) {
		t.Errorf("idle: %v", err)
	}
	if w.Head() == nil {
		t.Fatal("the head is forgotten")
	}
	fails = false
	commit(t, w, epoch(t, w, "1", "a"))
}

// Dropping does not wait for a bucket that is away.
func TestDroppingIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := false
		store := faulty.New(mem.New(), func(faulty.Op) faulty.Fault {
			if away {
				return faulty.Fault{Before: faulty.ErrRefused}
			}
			return faulty.Fault{}
		})
		w := own(t, open(t, store.Client("a").Bucket()), "p", p0)
		files := []connector.File{stage(t, w, "a"), stage(t, w, "b")}
		away = true
		start := time.Now()
		if err := w.Drop(t.Context(), files); err == nil || time.Since(start) > dropFor {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
