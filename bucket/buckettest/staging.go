package buckettest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"golang.org/x/sync/errgroup"
)

const (
	beside = "out/_gros/events/staged/"
	key    = "out/year=2024/page=%2Fhome/events_0192f0c0000070008000a1b2c3d4e5f6.parquet"
)

func runStaging(t *testing.T, open func(*testing.T) bucket.Bucket) {
	for _, c := range []struct {
		name string
		test func(*testing.T, bucket.Bucket, bucket.Stager)
	}{
		{"NothingIsSeenBeforeComplete", invisible},
		{"CompleteIsIdempotent", completeTwice},
		{"CompleteByManyShowsOneObject", completers},
		{"CompleteAfterADeleteIsGone", gone},
		{"CompleteNeverOverwrites", completeTaken},
		{"AbortDropsWhatWasStaged", abort},
		{"AbortKeepsWhatWasCompleted", abortCompleted},
		{"AWriterMayAbort", writerAborts},
		{"StagedTellsTheKeys", stagedList},
		{"AnotherProcessCompletesFromARecord", fromRecord},
		{"ManyWritersAreOpenAtOnce", manyWriters},
		{"BigObjectsAreStagedWhole", stageBig},
		{"EmptyObjectsAreStaged", stageEmpty},
		{"OddKeysAreStaged", stageOdd},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			c.test(t, b, bucket.StagerOf(b))
		})
	}
}

func stage(t *testing.T, s bucket.Stager, key string, writes ...string) bucket.Staged {
	t.Helper()
	w, err := s.Stage(t.Context(), key, beside)
	if err != nil {
		t.Fatalf("Stage(%q): %v", key, err)
	}
	buf := make([]byte, 0, 64)
	for _, p := range writes {
		buf = append(buf[:0], p...) // reused: the writer must not keep it
		if n, err := w.Write(buf); err != nil || n != len(p) {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	staged, err := w.Finish(t.Context())
	if err != nil {
		t.Fatalf("Finish(%q): %v", key, err)
	}
	if size := int64(len(strings.Join(writes, ""))); staged.Key != key || staged.Size != size || staged.Upload == "" {
		t.Fatalf("staged %+v, want %d bytes", staged, size)
	}
	return staged
}

func complete(t *testing.T, s bucket.Stager, staged bucket.Staged) {
	t.Helper()
	if err := s.Complete(t.Context(), staged); err != nil {
		t.Fatalf("Complete: %v", err)
	}
}

// data lists what readers of the data see.
func data(t *testing.T, b bucket.Bucket) []string {
	return slices.DeleteFunc(keys(t, b, ""), func(key string) bool { return strings.HasPrefix(key, beside) })
}

func wantData(t *testing.T, b bucket.Bucket, want ...string) {
	t.Helper()
	if got := data(t, b); !slices.Equal(got, want) {
		t.Errorf("visible: %q, want %q", got, want)
	}
}

func wantNothingStaged(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	t.Helper()
	for staged, err := range s.Staged(t.Context(), "", beside) {
		t.Errorf("still staged: %+v, %v", staged, err)
	}
	if got := keys(t, b, beside); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
}

func invisible(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	staged := stage(t, s, key, "PAR1", "rows", "more rows")
	wantData(t, b)
	_, err := b.Stat(t.Context(), key)
	wantError(t, "Stat", err, bucket.ErrNotFound)
	complete(t, s, staged)
	wantData(t, b, key)
	want(t, b, key, "PAR1rowsmore rows")
	wantNothingStaged(t, b, s)
}

func completeTwice(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	staged := stage(t, s, key, "rows")
	for range 3 {
		complete(t, s, staged)
		want(t, b, key, "rows")
	}
	wantNothingStaged(t, b, s)
}

func completers(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	for i := range 8 {
		k := fmt.Sprintf("out/%d", i)
		staged := stage(t, s, k, "rows", "rows")
		var g errgroup.Group
		for range 8 {
			g.Go(func() error { return s.Complete(t.Context(), staged) })
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		want(t, b, k, "rowsrows")
	}
	wantNothingStaged(t, b, s)
}

func gone(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	staged := stage(t, s, key, "rows")
	complete(t, s, staged)
	if err := b.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Complete", s.Complete(t.Context(), staged), bucket.ErrGone)
	wantData(t, b)
}

func completeTaken(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	put(t, b, key, "another object", bucket.Condition{})
	staged := stage(t, s, key, "rows")
	wantError(t, "Complete", s.Complete(t.Context(), staged), bucket.ErrCondition)
	want(t, b, key, "another object")
	if err := s.Abort(t.Context(), staged); err != nil {
		t.Error(err)
	}
	want(t, b, key, "another object")
	wantNothingStaged(t, b, s)
}

func abort(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	staged := stage(t, s, key, "rows")
	for range 2 {
		if err := s.Abort(t.Context(), staged); err != nil {
			t.Error(err)
		}
	}
	wantNothingStaged(t, b, s)
	wantError(t, "Complete", s.Complete(t.Context(), staged), bucket.ErrGone)
	wantData(t, b)
}

func abortCompleted(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	staged := stage(t, s, key, "rows")
	complete(t, s, staged)
	if err := s.Abort(t.Context(), staged); err != nil {
		t.Error(err)
	}
	want(t, b, key, "rows")
}

func writerAborts(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	w, err := s.Stage(t.Context(), key, beside)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := io.WriteString(w, strings.Repeat("rows", 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNothingStaged(t, b, s)
	wantData(t, b)
}

func stagedList(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	all := map[string]bucket.Staged{}
	for _, k := range []string{"out/a=1/events_1.parquet", "out/a=2/events_2.parquet", "out/other_3.parquet", "events_4.parquet"} {
		all[k] = stage(t, s, k, "rows ", "of "+k)
	}
	put(t, b, beside+"note.txt", "not staged by anybody", bucket.Condition{})
	for prefix, want := range map[string]int{"": 4, "out/": 3, "out/a=": 2, "out/a=1/events_": 1, "no": 0} {
		n := 0
		for staged, err := range s.Staged(t.Context(), prefix, beside) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if known := all[staged.Key]; staged.Upload != known.Upload || !strings.HasPrefix(staged.Key, prefix) {
				t.Errorf("Staged(%q) yields %+v, staged was %+v", prefix, staged, known)
			}
		}
		if n != want { // a real store may leave some out; what the suite runs on must not
			t.Errorf("Staged(%q) yields %d, want %d", prefix, n, want)
		}
	}
	for _, name := range keys(t, b, beside) {
		if !strings.HasSuffix(name, "note.txt") && !strings.Contains(path.Base(name)+path.Base(path.Dir(name)), "_") {
			t.Errorf("%q does not begin with the name of its object", name)
		}
	}
	for staged := range s.Staged(t.Context(), "", beside) { // what a listing names can be aborted
		if err := s.Abort(t.Context(), staged); err != nil {
			t.Error(err)
		}
	}
	want(t, b, beside+"note.txt", "not staged by anybody")
	if got := keys(t, b, ""); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
}

func fromRecord(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	record, err := json.Marshal(stage(t, s, key, "some ", "rows"))
	if err != nil {
		t.Fatal(err)
	}
	var staged bucket.Staged
	if err := json.Unmarshal(record, &staged); err != nil {
		t.Fatal(err)
	}
	complete(t, bucket.StagerOf(b), staged)
	want(t, b, key, "some rows")
}

func manyWriters(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	const n = 300
	var writers []bucket.StagedWriter
	for i := range n {
		w, err := s.Stage(t.Context(), fmt.Sprintf("out/p=%d/x", i), beside)
		if err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	for round := range 2 {
		for i, w := range writers {
			if _, err := fmt.Fprintf(w, "%d.%d ", i, round); err != nil {
				t.Fatal(err)
			}
		}
	}
	var g errgroup.Group
	g.SetLimit(16)
	for _, w := range writers {
		g.Go(func() error {
			staged, err := w.Finish(t.Context())
			return errors.Join(err, s.Complete(t.Context(), staged))
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		want(t, b, fmt.Sprintf("out/p=%d/x", i), fmt.Sprintf("%d.0 %d.1 ", i, i))
	}
}

func stageBig(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	const size = 64 << 20
	w, err := s.Stage(t.Context(), key, beside)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 3<<20+1)
	next := 5 // small and large writes in turn
	for at := int64(0); at < size; next = len(buf) + 5 - next {
		n, _ := pattern{}.ReadAt(buf[:min(int64(next), size-at)], at)
		if _, err := w.Write(buf[:n]); err != nil {
			t.Fatal(err)
		}
		at += int64(n)
	}
	staged, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	complete(t, s, staged)
	samePattern(t, b, key, size)
	wantNothingStaged(t, b, s)
}

func stageEmpty(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	complete(t, s, stage(t, s, "out/empty"))
	want(t, b, "out/empty", "")
	complete(t, s, stage(t, s, "out/empty2", ""))
	want(t, b, "out/empty2", "")
	wantNothingStaged(t, b, s)
}

func stageOdd(t *testing.T, b bucket.Bucket, s bucket.Stager) {
	all := map[string]bool{}
	for _, k := range odd {
		all[k] = true
		stage(t, s, k, k)
	}
	for staged, err := range s.Staged(t.Context(), "", beside) {
		if err != nil {
			t.Fatal(err)
		}
		if !all[staged.Key] {
			t.Errorf("staged for %q, which nobody did", staged.Key)
		}
		delete(all, staged.Key)
		complete(t, s, staged)
		want(t, b, staged.Key, staged.Key)
	}
	for k := range all {
		t.Errorf("not listed as staged: %q", k)
	}
	wantNothingStaged(t, b, s)
}
