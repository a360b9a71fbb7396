package commit

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

var p0 = rows.Split{Source: "s", ID: "p0"}

func open(t *testing.T, b bucket.Bucket) *Log {
	t.Helper()
	return Open(Options{Bucket: b, Base: "d/", Stem: "events", Settle: 1, Log: slog.New(slog.DiscardHandler)})
}

func own(t *testing.T, l *Log, pipeline string, splits ...rows.Split) *Writer {
	t.Helper()
	w := NewWriter(l, pipeline)
	if err := w.Own(t.Context(), splits); err != nil {
		t.Fatal(err)
	}
	return w
}

// stage stages a file of these bytes.
func stage(t *testing.T, w *Writer, text string) connector.File {
	t.Helper()
	out, err := w.Stage(t.Context(), w.Key("", ".txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	s, err := out.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return connector.File{Staged: s, Rows: 1, SHA256: Sum([]byte(text))}
}

// epoch is an entry that moves p0 to a position with one file.
func epoch(t *testing.T, w *Writer, pos rows.Position, text string) Entry {
	t.Helper()
	var e Entry
	e.Positions = map[rows.Split]rows.Position{p0: pos}
	e.Files = []connector.File{stage(t, w, text)}
	e.Counts = rows.Counts{Read: 1, Written: 1}
	return e
}

func commit(t *testing.T, w *Writer, e Entry) *connector.Record {
	t.Helper()
	r, err := w.Put(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Confirm(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// visible returns the contents of the chunks of the directory, sorted.
func visible(t *testing.T, l *Log) []string {
	t.Helper()
	var texts []string
	for o, err := range l.Bucket.List(t.Context(), "d/") {
		if err != nil {
			t.Fatal(err)
		}
		if l.Owns(o.Key) {
			raw, err := bucket.ReadAll(t.Context(), l.Bucket, o.Key)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(raw))
		}
	}
	slices.Sort(texts)
	return texts
}

func want(t *testing.T, l *Log, texts ...string) {
	t.Helper()
	if got := visible(t, l); !slices.Equal(got, texts) {
		t.Errorf("visible: %q, want %q", got, texts)
	}
}

func TestNothingIsVisibleBeforeTheRecord(t *testing.T) {
	l := open(t, mem.New())
	w := own(t, l, "p", p0)
	e := epoch(t, w, "1", "a")
	want(t, l)
	commit(t, w, e)
	want(t, l, "a")
	next := own(t, l, "p", p0)
	at, err := next.Checkpoint(t.Context())
	if err != nil || at.Positions[p0] != "1" {
		t.Errorf("checkpoint %v, %v", at.Positions, err)
	}
}

func TestRecordedFilesAreCompletedByTheNextWriter(t *testing.T) {
	l := open(t, mem.New())
	w := own(t, l, "p", p0)
	if _, err := w.Put(t.Context(), epoch(t, w, "1", "a")); err != nil {
		t.Fatal(err)
	}
	want(t, l) // killed before completing
	own(t, l, "p", p0)
	want(t, l, "a")
}

func TestAZombieIsFencedAndItsFilesAreSwept(t *testing.T) {
	b := mem.New()
	l := open(t, b)
	a := own(t, l, "p", p0)
	late := epoch(t, a, "1", "a")
	n := own(t, l, "p", p0)
	commit(t, n, epoch(t, n, "1", "b"))
	if _, err := a.Put(t.Context(), late); !errors.Is(err, connector.ErrFenced) {
		t.Fatalf("the zombie's put: %v", err)
	}
	want(t, l, "b")
	for s, err := range b.Staged(t.Context(), "", "") {
		t.Errorf("left behind: %v %v", s, err)
	}
}

func TestALostUploadIsVoidedAndItsRowsAreReadAgain(t *testing.T) {
	b := mem.New()
	l := open(t, b)
	w := own(t, l, "p", p0)
	commit(t, w, epoch(t, w, "1", "a"))
	e := epoch(t, w, "2", "lost")
	e.Files = append(e.Files, stage(t, w, "its sister"))
	r, err := w.Put(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	b.Expire(e.Files[0].Staged)
	if err := w.Confirm(t.Context(), r); !errors.Is(err, connector.ErrRewound) {
		t.Fatalf("confirm: %v", err)
	}
	at, err := w.Checkpoint(t.Context())
	if err != nil || at.Positions[p0] != "1" {
		t.Fatalf("positions after the void: %v, %v", at.Positions, err)
	}
	commit(t, w, epoch(t, w, "2", "again"))
	want(t, l, "a", "again")
	c, err := l.Contents(t.Context())
	if err != nil || len(c.Files) != 2 || len(c.Voided) != 2 {
		t.Errorf("contents: %d files, %d voided, %v", len(c.Files), len(c.Voided), err)
	}
}

func TestAnotherPipelineIsRefusedByName(t *testing.T) {
	l := open(t, mem.New())
	own(t, l, "first", p0)
	err := NewWriter(l, "second").Own(t.Context(), []rows.Split{p0})
	if !fault.Is(err, fault.Conflict) || fault.HintOf(err) == "" {
		t.Fatalf("got %v", err)
	}
	if want := `d/events: belongs to the pipeline "first", not to "second"`; err.Error() != want {
		t.Errorf("got %q", err)
	}
}

func TestEgressProcessesShareAPlace(t *testing.T) {
	l := open(t, mem.New())
	var texts []string
	writers := make([]*Writer, 5)
	for i := range writers {
		writers[i] = NewWriter(l, "")
		if err := writers[i].Own(t.Context(), []rows.Split{{Source: EgressSource, ID: writers[i].Nonce()}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range writers {
		text := fmt.Sprint("rows of ", i)
		texts = append(texts, text)
		var e Entry
		e.Positions = map[rows.Split]rows.Position{{Source: EgressSource, ID: w.Nonce()}: "1"}
		e.Files, e.Release = []connector.File{stage(t, w, text)}, true
		commit(t, w, e)
	}
	want(t, l, texts...)
	if h, _ := l.Head(t.Context()); len(h.Splits) != 0 {
		t.Errorf("splits left: %v", h.Splits)
	}
}

func TestFinishedSplitsAreFolded(t *testing.T) {
	l := open(t, mem.New())
	var all []rows.Split
	for i := range 1000 {
		all = append(all, rows.Split{Source: "files", ID: fmt.Sprintf("%04d.csv", i)})
	}
	w := own(t, l, "p", all...)
	for from := 0; from < 900; from += 100 {
		var e Entry
		e.Positions = map[rows.Split]rows.Position{}
		for _, s := range all[from : from+100] {
			e.Positions[s] = "9"
			e.Finished = append(e.Finished, s)
		}
		commit(t, w, e)
	}
	h, err := l.Head(t.Context())
	if err != nil || len(h.Splits) > 500 {
		t.Errorf("%d splits in the head, %v", len(h.Splits), err)
	}
	next := own(t, l, "p", all...)
	at, err := next.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		if at.Finished(s) != (i < 900) {
			t.Fatalf("%v: finished is %v", s, at.Finished(s))
		}
	}
}

func TestDamagedRecordsAreToldByName(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "foreign": `{"hello": 1}`, "no JSON": "PK\x03\x04", "newer": `{"v": 2}`,
		"other seq": `{"v":1,"kind":"data","seq":7,"writer":"a","commit":"b"}`, "no kind": `{"v":1,"seq":1,"writer":"a","commit":"b"}`,
	} {
		l := open(t, mem.New())
		if err := l.put(t.Context(), l.Key(1), []byte(text), bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		err := NewWriter(l, "p").Own(t.Context(), []rows.Split{p0})
		if k := fault.KindOf(err); k != fault.Corrupt && !(name == "newer" && k == fault.Invalid) {
			t.Errorf("%s: %v (%v)", name, err, k)
		}
		if err == nil || fault.HintOf(err) == "" {
			t.Errorf("%s: no hint: %v", name, err)
		}
	}
}

func TestChunkIDsAreUUIDv7AndNameTheirWriter(t *testing.T) {
	l := open(t, mem.New())
	w := NewWriter(l, "p")
	seen := map[string]bool{}
	for range 10_000 {
		key := w.Key("year=2024/", ".parquet")
		if seen[key] || nonceOf(key) != w.Nonce() || !l.Owns(key) {
			t.Fatalf("bad key %s", key)
		}
		seen[key] = true
		id := key[len("d/year=2024/events_") : len(key)-len(".parquet")]
		if len(id) != 32 || id[12] != '7' || id[16] < '8' || id[16] > 'b' {
			t.Fatalf("%s is no UUIDv7", id)
		}
	}
	keys := slices.Sorted(maps.Keys(seen))
	if keys[0] == keys[len(keys)-1] {
		t.Error("ids repeat")
	}
}

func TestRecordsSurviveJSON(t *testing.T) {
	l := open(t, mem.New())
	w := own(t, l, "p", p0)
	r := commit(t, w, epoch(t, w, "1", "a"))
	read, err := l.Record(t.Context(), r.Seq)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(read)
	if string(a) != string(b) {
		t.Errorf("put  %s\nread %s", a, b)
	}
}

// The answer to a put of a record is lost: the put is repeated, refused, and found to be one's own [C4].
func TestALostAnswerToARecordIsSuccess(t *testing.T) {
	for _, kind := range []string{"own", "data"} {
		puts := 0
		store := faulty.New(mem.New(), func(op faulty.Op) faulty.Fault {
			if op.Name != "put" || !strings.Contains(op.Key, "/log/") {
				return faulty.Fault{}
			}
			if puts++; (kind == "own") == (puts == 1) && puts <= 2 {
				return faulty.Fault{After: faulty.ErrLost}
			}
			return faulty.Fault{}
		})
		l := open(t, store.Client("w").Bucket())
		w := own(t, l, "p", p0)
		commit(t, w, epoch(t, w, "1", "a"))
		want(t, l, "a")
		if h, err := l.Head(t.Context()); err != nil || h.Seq != 2 {
			t.Errorf("%s: head is %v, %v; want record 2", kind, h, err)
		}
	}
}
