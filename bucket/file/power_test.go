package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/bucket/file/filetest"
)

const beside = "_gros/events/staged"

// witness knows what a power cut must leave.
type witness struct {
	t        *testing.T
	disk     *filetest.Disk
	b        *file.Bucket
	acked    map[string]string        // objects whose call returned
	finished map[string]bucket.Staged // staged objects whose Finish returned
	key      string                   // the object of the call under way
	may      []string                 // what it may hold: "" is nothing
	cuts     int
}

func newWitness(t *testing.T) *witness {
	w := &witness{t: t, disk: filetest.New(), acked: map[string]string{}, finished: map[string]bucket.Staged{}}
	w.b = onDisk(t, w.disk)
	w.disk.Hook = func(n int, op, name string) error {
		for seed := range uint64(5) {
			w.check(w.disk.Crash(seed), fmt.Sprintf("power cut before %s %s (operation %d, seed %d), during %s", op, name, n, seed, w.key))
		}
		return nil
	}
	return w
}

// check compares what a power cut left with what it must have left.
func (w *witness) check(left *filetest.Disk, when string) {
	w.cuts++
	b := onDisk(w.t, left)
	if _, underWay := w.acked[w.key]; !underWay && len(w.may) == 0 {
		w.may = []string{""}
	}
	for o, err := range b.List(w.t.Context(), "") {
		if err != nil {
			w.t.Fatalf("%s: %v", when, err)
		}
		_, acked := w.acked[o.Key]
		if !acked && o.Key != w.key && !strings.HasPrefix(o.Key, beside) {
			w.t.Errorf("%s: %s is there", when, o.Key)
		}
	}
	for key, body := range w.acked {
		if key != w.key {
			w.holds(b, key, []string{body}, when)
		}
	}
	if w.key != "" {
		w.holds(b, w.key, w.may, when)
	}
	for key, staged := range w.finished {
		if err := b.Complete(w.t.Context(), staged); err != nil {
			w.t.Errorf("%s: %v", when, err)
			continue
		}
		w.holds(b, key, []string{content(key)}, when+", then completed")
	}
	if w.t.Failed() {
		w.t.FailNow()
	}
}

func (w *witness) holds(b *file.Bucket, key string, may []string, when string) {
	got, err := bucket.ReadAll(w.t.Context(), b, key)
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		w.t.Fatalf("%s: %v", when, err)
	}
	for _, body := range may {
		if string(got) == body {
			return
		}
	}
	w.t.Errorf("%s: %s holds %d bytes (%.20q)", when, key, len(got), got)
}

// content is longer than a sector, and different for each key.
func content(key string) string { return strings.Repeat(key+" ", 300) }

func (w *witness) begin(key string, may ...string) { w.key, w.may = key, may }

func (w *witness) end(key, body string, err error) {
	if err != nil {
		w.t.Fatal(err)
	}
	w.key, w.may = "", nil
	if body == "" {
		delete(w.acked, key)
		return
	}
	w.acked[key] = body
}

func (w *witness) put(key, body string, c bucket.Condition) {
	w.begin(key, w.acked[key], body)
	_, err := bucket.PutBytes(w.t.Context(), w.b, key, []byte(body), c)
	w.end(key, body, err)
}

func (w *witness) delete(key string) {
	w.begin(key, w.acked[key], "")
	w.end(key, "", w.b.Delete(w.t.Context(), key))
}

func (w *witness) stage(key string) {
	s, err := w.b.Stage(w.t.Context(), key, beside)
	if err != nil {
		w.t.Fatal(err)
	}
	for part := range strings.SplitAfterSeq(content(key), "9 ") {
		if _, err := s.Write([]byte(part)); err != nil {
			w.t.Fatal(err)
		}
	}
	staged, err := s.Finish(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.finished[key] = staged
}

func (w *witness) complete(key string) {
	w.begin(key, "", content(key))
	err := w.b.Complete(w.t.Context(), w.finished[key])
	delete(w.finished, key)
	w.end(key, content(key), err)
}

func TestAPowerCutKeepsWhatReturnedAndTearsNothing(t *testing.T) {
	w := newWitness(t)
	absent := bucket.Condition{IfAbsent: true}
	w.stage("year=2024/month=9/events_1")
	w.put("_gros/events/log/0", content("record 0"), absent)
	w.complete("year=2024/month=9/events_1")
	w.put("_gros/events/head", content("0"), bucket.Condition{})
	w.stage("year=2024/month=9/events_2")
	w.stage("year=2024/month=10/events_9")
	w.put("_gros/events/log/1", content("record 1"), absent)
	w.put("_gros/events/head", content("1"), bucket.Condition{})
	w.complete("year=2024/month=10/events_9")
	w.complete("year=2024/month=9/events_2")
	w.delete("year=2024/month=9/events_1")
	w.delete("year=2024/month=9/events_1")
	w.check(w.disk.Crash(9), "at the end")
	if w.cuts < 500 {
		t.Errorf("only %d power cuts", w.cuts)
	}
}

// diesAt lets do work until its operation n, from which on everything fails as if its process had died.
func diesAt(disk *filetest.Disk, n int, do func() error) (died bool) {
	last := disk.Ops() + n
	disk.Hook = func(at int, op, name string) error {
		if at >= last {
			died = true
			return errors.New("the process is dead")
		}
		return nil
	}
	_ = do() // its answer died with it
	disk.Hook = nil
	return died
}

func TestWhatOthersMetSurvivesAPowerCut(t *testing.T) {
	const key = "_gros/events/log/7"
	for n := 1; ; n++ {
		disk := filetest.New()
		died := diesAt(disk, n, func() error {
			_, err := bucket.PutBytes(t.Context(), onDisk(t, disk), key, []byte(content("first")), bucket.Condition{IfAbsent: true})
			return err
		})
		want := content("second")
		_, err := bucket.PutBytes(t.Context(), onDisk(t, disk), key, []byte(want), bucket.Condition{IfAbsent: true})
		if errors.Is(err, bucket.ErrCondition) {
			want = content("first")
		} else if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(8) {
			got, err := bucket.ReadAll(t.Context(), onDisk(t, disk.Crash(seed)), key)
			if err != nil || string(got) != want {
				t.Fatalf("the first process died at operation %d, then the power: %.20q, %v; want %.20q", n, got, err, want)
			}
		}
		if !died {
			return
		}
	}
}

func TestCompletionBegunByTheDeadSurvivesAPowerCut(t *testing.T) {
	for n := 1; ; n++ {
		w := newWitness(t)
		w.disk.Hook = nil
		w.stage("a/b/events_1")
		staged := w.finished["a/b/events_1"]
		died := diesAt(w.disk, n, func() error { return onDisk(t, w.disk).Complete(t.Context(), staged) })
		if err := onDisk(t, w.disk).Complete(t.Context(), staged); err != nil {
			t.Fatalf("after a death at operation %d: %v", n, err)
		}
		for seed := range uint64(8) {
			w.holds(onDisk(t, w.disk.Crash(seed)), staged.Key, []string{content(staged.Key)}, fmt.Sprintf("death at operation %d, then a power cut", n))
		}
		if !died {
			return
		}
	}
}

func TestTornStagedBytesAreNeverShown(t *testing.T) {
	disk := filetest.New()
	w, err := onDisk(t, disk).Stage(t.Context(), "a/x", beside)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.Repeat([]byte("x"), 10_000)); err != nil {
		t.Fatal(err)
	}
	staged, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := disk.Modify("/lake/out/" + staged.Upload)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("more"), 10_000); err != nil {
		t.Fatal(err)
	}
	b := onDisk(t, disk)
	if err := b.Complete(t.Context(), staged); !errors.Is(err, bucket.ErrGone) {
		t.Errorf("Complete = %v", err)
	}
	if _, err := b.Stat(t.Context(), "a/x"); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Stat = %v", err)
	}
}

func TestEveryOperationMayFailOnce(t *testing.T) {
	for n := 1; ; n++ {
		disk := filetest.New()
		failed := ""
		disk.Hook = func(at int, op, name string) error {
			if at == n {
				failed = op
				return eio(op, name)
			}
			return nil
		}
		b := onDisk(t, disk)
		want := map[string]string{"log/1": "record", "head": "1", "a/x": content("a/x")}
		until(t, b, func() error { return putOnce(t, b, "log/1", want["log/1"]) })
		until(t, b, func() error {
			_, err := bucket.PutBytes(t.Context(), b, "head", []byte("1"), bucket.Condition{})
			return err
		})
		until(t, b, func() error { return stageOnce(t, b, "a/x") })
		disk.Hook = nil
		want["log/2"] = "next" // a temporary file that could not be removed then is removed now
		until(t, b, func() error { return putOnce(t, b, "log/2", want["log/2"]) })
		if got := everything(t, b); !maps.Equal(got, want) {
			t.Fatalf("operation %d (%s) failed once: left %q", n, failed, got)
		}
		noTemps(t, disk, "/lake/out", fmt.Sprintf("operation %d (%s) failed once", n, failed))
		if failed == "" {
			return
		}
	}
}
