package faulty_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/buckettest"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/fault"
)

const beside = "_gros/events/staged/"

func TestSuiteWithoutFaults(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return faulty.New(mem.New(), nil).Client("a").Bucket() })
}

func TestSuiteWithoutFaultsNorStaging(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return faulty.New(mem.Plain(mem.New()), nil).Client("a").Bucket() })
}

// on lets f happen to the operations of a name.
func on(name string, f faulty.Fault) faulty.Hook {
	return func(op faulty.Op) faulty.Fault {
		if op.Name != name {
			return faulty.Fault{}
		}
		return f
	}
}

func put(t *testing.T, b bucket.Bucket, key, body string) error {
	t.Helper()
	_, err := bucket.PutBytes(t.Context(), b, key, []byte(body), bucket.Condition{IfAbsent: true})
	return err
}

func holds(t *testing.T, b bucket.Bucket, key, want string) {
	t.Helper()
	got, err := bucket.ReadAll(t.Context(), b, key)
	if errors.Is(err, bucket.ErrNotFound) {
		got, err = []byte("nothing"), nil
	}
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", key, got, err, want)
	}
}

func TestFailAtFailsOneOperationAndNoOther(t *testing.T) {
	for _, c := range []struct {
		when      faulty.When
		err       error
		second    string
		lastError error
	}{
		{faulty.Before, faulty.ErrRefused, "nothing", nil},
		{faulty.After, faulty.ErrLost, "2", nil},
		{faulty.CrashBefore, faulty.ErrCrashed, "nothing", faulty.ErrCrashed},
		{faulty.CrashAfter, faulty.ErrCrashed, "2", faulty.ErrCrashed},
	} {
		inner := mem.New()
		store := faulty.New(inner, faulty.FailAt(2, c.when))
		b := store.Client("a").Bucket()
		for i, want := range []error{nil, c.err, c.lastError} {
			if err := put(t, b, fmt.Sprint(i+1), fmt.Sprint(i+1)); !errors.Is(err, want) || err != nil && want == nil {
				t.Errorf("%v: put %d = %v, want %v", c.when, i+1, err, want)
			}
		}
		holds(t, inner, "1", "1")
		holds(t, inner, "2", c.second)
		if err := put(t, store.Client("b").Bucket(), "4", "4"); err != nil {
			t.Errorf("%v: another client: %v", c.when, err)
		}
	}
}

func TestALatePutComesAfterItsAnswerWithItsOwnBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := mem.New()
		store := faulty.New(inner, on("put", faulty.Fault{Late: time.Minute}))
		client := store.Client("a")
		body := []byte("rows")
		_, err := bucket.PutBytes(t.Context(), client.Bucket(), "x", body, bucket.Condition{IfAbsent: true})
		if !errors.Is(err, faulty.ErrLost) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("Put = %v", err)
		}
		copy(body, "junk") // the caller may reuse it
		client.Kill()      // what was sent is sent
		holds(t, inner, "x", "nothing")
		time.Sleep(time.Minute)
		synctest.Wait()
		holds(t, inner, "x", "rows")
		store.Wait()
	})
}

func TestLateOperationsOfEveryKindComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := mem.New()
		for _, key := range []string{"completed", "aborted"} {
			w, err := inner.Stage(t.Context(), key, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, "rows"); err != nil {
				t.Fatal(err)
			}
		}
		if err := put(t, inner, "deleted", "rows"); err != nil {
			t.Fatal(err)
		}
		staged := map[string]bucket.Staged{}
		for s := range inner.Staged(t.Context(), "", "") {
			staged[s.Key] = s
		}
		store := faulty.New(inner, func(faulty.Op) faulty.Fault { return faulty.Fault{Late: time.Minute} })
		b := store.Client("a").Bucket()
		s := bucket.StagerOf(b)
		_, stageErr := s.Stage(t.Context(), "new", beside)
		_, statErr := b.Stat(t.Context(), "deleted")
		for _, err := range []error{s.Complete(t.Context(), staged["completed"]), s.Abort(t.Context(), staged["aborted"]), b.Delete(t.Context(), "deleted"), stageErr, statErr} {
			if !errors.Is(err, faulty.ErrLost) {
				t.Errorf("error %v, want no answer", err)
			}
		}
		see := func(completed, deleted string, uploads ...string) {
			t.Helper()
			holds(t, inner, "completed", completed)
			holds(t, inner, "deleted", deleted)
			var got []string
			for s := range inner.Staged(t.Context(), "", "") {
				got = append(got, s.Key)
			}
			if !slices.Equal(got, uploads) {
				t.Errorf("uploads %q, want %q", got, uploads)
			}
		}
		see("nothing", "rows", "aborted", "completed")
		store.Wait()
		see("rows", "nothing", "new")
	})
}

func TestADuplicateComesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := mem.New()
		store := faulty.New(inner, on("delete", faulty.Fault{Dup: time.Minute}))
		b := store.Client("a").Bucket()
		for _, body := range []string{"first", "second"} {
			if err := put(t, b, "x", body); err != nil {
				t.Fatal(err)
			}
			if body == "first" {
				if err := b.Delete(t.Context(), "x"); err != nil {
					t.Fatal(err)
				}
			}
		}
		holds(t, inner, "x", "second")
		store.Wait()
		holds(t, inner, "x", "nothing")
	})
}

func TestALostWriteMayBeRepeated(t *testing.T) {
	for name, f := range map[string]faulty.Fault{"after": {After: faulty.ErrLost}, "before": {Before: faulty.ErrRefused}, "late": {Late: time.Second}} {
		inner := mem.New()
		b := faulty.New(inner, func(op faulty.Op) faulty.Fault {
			if (op.Name == "write" || op.Name == "finish" || op.Name == "complete" && f.Late == 0) && op.Nth%2 == 1 {
				return f
			}
			return faulty.Fault{}
		}).Client("a").Bucket()
		w, err := bucket.StagerOf(b).Stage(t.Context(), "x", beside)
		if err != nil {
			t.Fatal(err)
		}
		again := func(do func() error) {
			t.Helper()
			if err := do(); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: first try = %v", name, err)
			}
			if err := do(); err != nil {
				t.Errorf("%s: second try = %v", name, err)
			}
		}
		var staged bucket.Staged
		for _, p := range []string{"rows ", "rows ", "more"} {
			again(func() error { _, err := io.WriteString(w, p); return err })
		}
		again(func() (err error) { staged, err = w.Finish(t.Context()); return err })
		if f.Late == 0 {
			again(func() error { return bucket.StagerOf(b).Complete(t.Context(), staged) })
		} else if err := bucket.StagerOf(b).Complete(t.Context(), staged); err != nil {
			t.Error(err)
		}
		holds(t, inner, "x", "rows rows more")
	}
}

func TestASleeperActsOnlyWhenItWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := mem.New()
		store := faulty.New(inner, nil)
		sleeper, other := store.Client("sleeper"), store.Client("other")
		sleeper.Pause()
		done := make(chan error)
		go func() { done <- put(t, sleeper.Bucket(), "x", "mine") }()
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		if err := put(t, other.Bucket(), "x", "other's"); err != nil {
			t.Fatal(err)
		}
		sleeper.Resume()
		if err := <-done; !errors.Is(err, bucket.ErrCondition) {
			t.Errorf("the sleeper's put = %v", err)
		}
		holds(t, inner, "x", "other's")
	})
}

func TestTheDeadDoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := mem.New()
		if err := put(t, inner, "x", "rows"); err != nil {
			t.Fatal(err)
		}
		c := faulty.New(inner, on("delete", faulty.Fault{Latency: time.Hour})).Client("a")
		b := c.Bucket()
		r, err := b.Get(t.Context(), "x", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- b.Delete(t.Context(), "x") }() // not yet sent when the process dies
		synctest.Wait()
		c.Kill()
		_, readErr := r.Read(make([]byte, 1))
		_, statErr := b.Stat(t.Context(), "x")
		var listErr error
		for _, listErr = range b.List(t.Context(), "") {
		}
		for _, err := range []error{<-done, readErr, statErr, listErr, put(t, b, "y", "")} {
			if !errors.Is(err, faulty.ErrCrashed) {
				t.Errorf("error %v of a dead process", err)
			}
		}
		holds(t, inner, "x", "rows")
		holds(t, inner, "y", "nothing")
	})
}

func TestLatencyPassesOnTheFakeClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := faulty.New(mem.New(), on("put", faulty.Fault{Latency: time.Hour})).Client("a").Bucket()
		start := time.Now()
		if err := put(t, b, "x", ""); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestListsAndBodiesAreCutAndHidden(t *testing.T) {
	inner := mem.New()
	for i := range 4 {
		if err := put(t, inner, fmt.Sprint(i), "0123456789"); err != nil {
			t.Fatal(err)
		}
	}
	b := faulty.New(inner, func(op faulty.Op) faulty.Fault {
		return faulty.Fault{Cut: 2, Hide: func(key string) bool { return key == "1" }}
	}).Client("a").Bucket()
	var got []string
	var last error
	for o, err := range b.List(t.Context(), "") {
		if last = err; err == nil {
			got = append(got, o.Key)
		}
	}
	if !slices.Equal(got, []string{"0", "2"}) || !errors.Is(last, faulty.ErrLost) {
		t.Errorf("List = %q, then %v", got, last)
	}
	data, err := bucket.ReadAll(t.Context(), b, "0")
	if string(data) != "01" || !errors.Is(err, faulty.ErrLost) {
		t.Errorf("Get = %q, %v", data, err)
	}
}

func TestASeedAlwaysDoesTheSame(t *testing.T) {
	rates := faulty.Rates{Before: .1, After: .1, Late: .1, Dup: .1, CrashBefore: .02, CrashAfter: .02, Cut: .1, Latency: time.Second, Delay: time.Minute}
	faults := map[string]int{}
	one, two, other := faulty.Seeded(7, rates), faulty.Seeded(7, rates), faulty.Seeded(8, rates)
	differ := 0
	for i := range 2000 {
		op := faulty.Op{N: i, Client: "a", Name: "put", Nth: i, Key: "x"}
		f := one(op)
		op.N, op.Key = 5*i, "the key and the others' operations do not count"
		if g := two(op); !reflect.DeepEqual(f, g) {
			t.Fatalf("operation %d: %+v, then %+v", i, f, g)
		}
		if !reflect.DeepEqual(f, other(op)) {
			differ++
		}
		for name, hit := range map[string]bool{"before": f.Before != nil, "after": f.After != nil, "late": f.Late > 0, "dup": f.Dup > 0, "cut": f.Cut > 0} {
			if hit {
				faults[name]++
			}
		}
		if f.Latency > time.Second || f.Late > time.Minute || f.Dup > time.Minute {
			t.Errorf("%+v is out of bounds", f)
		}
	}
	for name, n := range faults {
		if n < 140 || n > 260 {
			t.Errorf("%s: %d times of 2000", name, n)
		}
	}
	if len(faults) != 5 || differ < 1900 {
		t.Errorf("faults %v, %d differ from another seed", slices.Sorted(maps.Keys(faults)), differ)
	}
}

func TestSeededHidesSomeStagedObjects(t *testing.T) {
	f := faulty.Seeded(1, faulty.Rates{Hide: .3})(faulty.Op{Name: "staged", Nth: 1})
	hidden := 0
	for i := range 1000 {
		if f.Hide(strings.Repeat("x", i%7) + fmt.Sprint(i)) {
			hidden++
		}
	}
	if hidden < 200 || hidden > 400 {
		t.Errorf("%d of 1000 are hidden", hidden)
	}
	if faulty.Seeded(1, faulty.Rates{Hide: .3})(faulty.Op{Name: "list", Nth: 1}).Hide != nil {
		t.Error("lists of objects are always whole")
	}
}
