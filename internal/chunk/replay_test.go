package chunk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/format"
	formatjson "github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/internal/pipeline"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

var (
	quiet   = slog.New(slog.DiscardHandler)
	formats = format.Registry{formatjson.Format}
)

// sinkAt opens a sink of JSON lines at d/s.jsonl.
func sinkAt(t *testing.T, b bucket.Bucket, o chunk.Options) *chunk.Sink {
	t.Helper()
	encoder, err := formatjson.Format.Encoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.Bucket, o.Base, o.Stem, o.Encoder, o.Log = b, "d/", "s", encoder, quiet
	o.Settle, o.Patience = time.Minute, 10*time.Minute
	return chunk.New(o)
}

func look(ctx context.Context, b bucket.Bucket) (*chunk.View, error) {
	open := func(_ context.Context, place string) (bucket.Bucket, string, error) { return b, place, nil }
	return chunk.Look(ctx, chunk.ViewOptions{Buckets: open, Formats: formats, Log: quiet}, "d/")
}

// refuse commits rejects of two sources in two commits: 6 rows that can be replayed, one that cannot, one that is cut off.
func refuse(t *testing.T, b bucket.Bucket) {
	t.Helper()
	ctx := t.Context()
	s := sinkAt(t, b, chunk.Options{Pipeline: "p"})
	splits := []rows.Split{{Source: "a", ID: "0"}, {Source: "b", ID: "0"}}
	if _, err := s.Resume(ctx, splits); err != nil {
		t.Fatal(err)
	}
	reject := func(split int, kind, format, raw string) rows.Reject {
		return rows.Reject{Raw: []byte(raw), Format: format, Kind: kind, Message: "refused", Split: splits[split]}
	}
	for n, all := range [][]rows.Reject{
		{
			reject(0, rows.Breach, "", `{"id":1}`), reject(1, rows.Malformed, "json", `{"id":2}`), reject(0, rows.Breach, "", `{"id":3}`),
			reject(0, rows.Malformed, "json", `{"id":`), reject(1, rows.Oversize, "json", `{"id":9}`),
		},
		{reject(0, rows.Failed, "", `{"id":4}`), reject(1, rows.Failed, "", `{"id":5,"x":"y"}`), reject(0, rows.Failed, "", `{"id":6}`)},
	} {
		if err := s.Write(ctx, rows.Batch{Rejects: all}); err != nil {
			t.Fatal(err)
		}
		moved := map[rows.Split]rows.Position{splits[0]: rows.Position(fmt.Sprint(n)), splits[1]: rows.Position(fmt.Sprint(n))}
		p, err := s.Seal(ctx, connector.Epoch{Positions: moved, Rows: rows.Counts{Read: int64(len(all)), Rejected: int64(len(all))}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.Confirm(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// replay sends all rejects that there are now through decoding, unless that was done.
func replay(ctx context.Context, t *testing.T, b bucket.Bucket) error {
	t.Helper()
	v, err := look(ctx, b)
	if err != nil {
		return err
	}
	source, err := v.Replay(ctx, "s")
	if err != nil {
		return err
	}
	env := stage.Env{Formats: formats, Log: quiet}
	p := pipeline.Pipeline{
		Name: "replay", Source: source, Every: time.Second, Log: quiet,
		Sinks: []pipeline.Sink{{Name: "files", Sink: sinkAt(t, b, chunk.Options{Replay: true})}},
		Stages: func(string, string) ([]stage.Stage, error) {
			return []stage.Stage{stage.NewDecode(env, stage.DecodeConfig{})}, nil
		},
	}
	return p.Run(ctx)
}

// landed returns the ids of the visible rows, and checks the place.
func landed(t *testing.T, what string, b bucket.Bucket) (ids []int64) {
	t.Helper()
	ctx := t.Context()
	v, err := look(ctx, b)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	found, err := v.Verify(ctx, chunk.VerifyOptions{})
	if err != nil || !found.OK || len(found.Pending) > 0 {
		t.Fatalf("%s: %+v, %v", what, found, err)
	}
	r, err := v.Read(ctx, chunk.ReadOptions{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for rec, err := range r.Batches(ctx) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i := range int(rec.NumRows()) {
			var row struct{ ID int64 }
			if err := json.Unmarshal(rows.AppendJSON(nil, rec, i), &row); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, row.ID)
		}
	}
	return ids
}

func checkLanded(t *testing.T, what string, b bucket.Bucket) {
	t.Helper()
	seen := map[int64]int{}
	for _, id := range landed(t, what, b) {
		seen[id]++
	}
	for id := int64(1); id <= 6; id++ {
		if seen[id] != 1 {
			t.Errorf("%s: row %d is there %d times", what, id, seen[id])
		}
	}
	if len(seen) != 6 {
		t.Errorf("%s: rows %v", what, seen)
	}
}

func TestRejectsAreReplayedOnce(t *testing.T) {
	b := mem.New()
	refuse(t, b)
	v, err := look(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	files, err := v.RejectFiles(t.Context())
	if err != nil || len(files) != 2 || files[0].Rows != 5 || files[0].Replayed || len(files[0].Counts) != 4 {
		t.Fatalf("%+v, %v", files, err)
	}
	for range 3 {
		if err := replay(t.Context(), t, b); err != nil {
			t.Fatal(err)
		}
	}
	checkLanded(t, "replayed three times", b)
	var left []string
	for r, err := range v.Rejects(t.Context(), chunk.RejectOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, r.Source+" "+r.Kind+" "+string(r.Bytes()))
	}
	// What was refused again is a new reject of the first source; it was replayed, too, twice.
	slices.Sort(left)
	if got := strings.Join(left, "\n"); got != "a malformed {\"id\":\nb size {\"id\":9}" {
		t.Errorf("rejects left:\n%s", got)
	}
}

// Every operation of a replay's bucket fails once; then it is done again, twice.
func TestAReplayThatFailsAnywhereLandsEachRowOnce(t *testing.T) {
	for way, f := range map[string]faulty.Fault{
		"dies before": {CrashBefore: true},
		"dies after":  {CrashAfter: true},
		"lost before": {Before: faulty.ErrLost},
		"lost after":  {After: faulty.ErrLost},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			for n := 1; replayFails(t, n, f); n++ {
				if t.Failed() {
					return
				}
			}
		})
	}
}

// replayFails reports whether there was an n-th operation.
func replayFails(t *testing.T, n int, f faulty.Fault) (there bool) {
	synctest.Test(t, func(t *testing.T) {
		disk := mem.New()
		refuse(t, disk)
		at := faulty.Op{}
		store := faulty.New(disk, func(op faulty.Op) faulty.Fault {
			if op.Client == "first" && op.N == n {
				at = op
				return f
			}
			return faulty.Fault{}
		})
		err := replay(t.Context(), t, store.Client("first").Bucket())
		there = at.N == n
		for i := 0; err != nil && i < 2; i++ {
			err = replay(t.Context(), t, store.Client("again").Bucket())
		}
		what := fmt.Sprintf("operation %d, %s %s", n, at.Name, at.Key)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := replay(t.Context(), t, store.Client("last").Bucket()); err != nil {
			t.Fatalf("%s: the last replay: %v", what, err)
		}
		checkLanded(t, what, disk)
	})
	return there
}
