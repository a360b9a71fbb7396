package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/bucket/file/filetest"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/connector/generate"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	formatjson "github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/internal/commit"
	"github.com/gros-lake/gros/internal/pipeline"
	"github.com/gros-lake/gros/stage"
)

const events = 600

// runPipeline runs a whole pipeline on a bucket: simulated visitors of two splits into folders of JSON lines, in several
// commits.
func runPipeline(ctx context.Context, t *testing.T, b bucket.Bucket) error {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	src, err := generate.Connector.Source.Open(ctx, connector.Env{Name: "generate", Log: quiet}, &generate.Config{
		Rows: events, Rate: 2000, Splits: 2, Seed: 3, Payload: "json",
	})
	if err != nil {
		t.Fatal(err)
	}
	by, err := chunk.ParsePartitionBy([]string{"device_type"})
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := formatjson.Format.Encoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sink := chunk.New(chunk.Options{
		Bucket: b, Base: "d/", Stem: "s", Encoder: encoder, Partition: chunk.NewPartitioner(nil, by, chunk.DropColumns),
		Pipeline: "p", Settle: time.Minute, Patience: 10 * time.Minute, Log: quiet,
	})
	env := stage.Env{Pipeline: "p", Formats: format.Registry{formatjson.Format}, Log: quiet}
	p := pipeline.Pipeline{
		Name: "p", Source: src, Every: 100 * time.Millisecond, Log: quiet, Sinks: []pipeline.Sink{{Name: "files", Sink: sink}},
		Stages: func(string, string) ([]stage.Stage, error) {
			return []stage.Stage{stage.NewDecode(env, stage.DecodeConfig{})}, nil
		},
	}
	return p.Run(ctx)
}

// checkEvents says that every event is visible once, and that nothing else is there.
func checkEvents(t *testing.T, what string, b bucket.Bucket) {
	t.Helper()
	ctx := context.Background()
	l := commit.Open(commit.Options{Bucket: b, Base: "d/", Stem: "s", Log: slog.New(slog.DiscardHandler)})
	c, err := l.Contents(ctx)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	seen, counted := map[string]bool{}, int64(0)
	for o, err := range b.List(ctx, "d/") {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if strings.HasPrefix(o.Key, "d/_gros/s/staged/") || strings.HasPrefix(o.Key, "d/_gros/s/rejects/") {
			t.Errorf("%s: %s is left behind", what, o.Key)
		}
		if !l.Owns(o.Key) {
			continue
		}
		f, listed := c.Files[o.Key]
		if !listed {
			t.Errorf("%s: %s is listed by no commit", what, o.Key)
		}
		raw, err := bucket.ReadAll(ctx, b, o.Key)
		if err != nil || commit.Sum(raw) != f.SHA256 {
			t.Errorf("%s: %s: other bytes than committed, %v", what, o.Key, err)
		}
		delete(c.Files, o.Key)
		counted += f.Rows
		for line := range strings.Lines(string(raw)) {
			var row struct {
				ID string `json:"event_id"`
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil || row.ID == "" || seen[row.ID] {
				t.Fatalf("%s: row %q: doubled or damaged, %v", what, line, err)
			}
			seen[row.ID] = true
		}
	}
	if len(c.Files) > 0 || len(seen) != events || counted != events {
		t.Errorf("%s: %d events visible, %d counted, %d files missing; want %d", what, len(seen), counted, len(c.Files), events)
	}
	if s, ok := b.(bucket.Stager); ok {
		for staged, err := range s.Staged(ctx, "d/", "d/_gros/s/staged/") {
			t.Errorf("%s: staged %s is left behind, %v", what, staged.Key, err)
		}
	}
	for r, err := range l.Records(ctx) {
		if err != nil || !r.Rows.Balanced() {
			t.Fatalf("%s: record %+v does not balance, %v", what, r.Rows, err)
		}
	}
}

// Every operation of a real pipeline's bucket fails once: the process dies before or after it took effect, its answer is
// lost, or it is refused for good. Then the pipeline is started again.
func TestEveryOperationFailsOnce(t *testing.T) {
	ways := map[string]faulty.Fault{
		"dies before":   {CrashBefore: true},
		"dies after":    {CrashAfter: true},
		"lost before":   {Before: faulty.ErrLost},
		"lost after":    {After: faulty.ErrLost},
		"denied":        {Before: fault.New(fault.Denied, "no")},
		"late":          {Late: 30 * time.Second},
		"twice":         {Dup: 30 * time.Second},
		"comes in bits": {Cut: 1},
	}
	for way, f := range ways {
		for _, plain := range []bool{false, true} {
			name := way
			if plain {
				name += ", no staging"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for n := 1; failOnce(t, n, f, plain); n++ {
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// failOnce reports whether there was an n-th operation.
func failOnce(t *testing.T, n int, f faulty.Fault, plain bool) (there bool) {
	synctest.Test(t, func(t *testing.T) {
		disk := mem.New()
		var inner bucket.Bucket = disk
		if plain {
			inner = mem.Plain(disk)
		}
		at := faulty.Op{}
		store := faulty.New(inner, func(op faulty.Op) faulty.Fault {
			if op.Client == "first" && op.N == n {
				at = op
				return f
			}
			return faulty.Fault{Latency: time.Millisecond}
		})
		err := runPipeline(t.Context(), t, store.Client("first").Bucket())
		there = at.N == n
		for i := 0; err != nil && i < 2; i++ {
			err = runPipeline(t.Context(), t, store.Client("again").Bucket())
		}
		what := fmt.Sprintf("operation %d, %s %s", n, at.Name, at.Key)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		store.Wait()
		if err := runPipeline(t.Context(), t, store.Client("last").Bucket()); err != nil { // finds nothing to do, and sweeps
			t.Fatalf("%s: the last start: %v", what, err)
		}
		checkEvents(t, what, inner)
	})
	return there
}

// The power is cut at every operation of the disk: what was not synced may be lost, or torn.
func TestThePowerIsCutAtEveryOperation(t *testing.T) {
	for n := 1; cutPower(t, n); n++ {
		if t.Failed() {
			return
		}
	}
}

func cutPower(t *testing.T, n int) (there bool) {
	synctest.Test(t, func(t *testing.T) {
		disk := filetest.New()
		var left *filetest.Disk
		var once sync.Once
		disk.Hook = func(at int, _, _ string) error {
			if at < n {
				return nil
			}
			once.Do(func() { there, left = true, disk.Crash(uint64(n)) })
			return fault.New(fault.Internal, "the power is off")
		}
		first, err := file.OpenFS(disk, "/data")
		if err != nil {
			t.Fatal(err)
		}
		err = runPipeline(t.Context(), t, first)
		if !there {
			return
		}
		if err == nil {
			t.Fatalf("operation %d: nobody noticed", n)
		}
		b, err := file.OpenFS(left, "/data")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := runPipeline(t.Context(), t, b); err != nil {
				t.Fatalf("operation %d: the start after it: %v", n, err)
			}
		}
		checkEvents(t, fmt.Sprintf("power cut at operation %d", n), b)
	})
	return there
}

// The disk is full from an operation on, and has room again after a while: the pipeline waits and goes on by itself.
func TestAFullDiskIsWaitedOut(t *testing.T) {
	for n := 1; fillDisk(t, n); n += 7 {
		if t.Failed() {
			return
		}
	}
}

func fillDisk(t *testing.T, n int) (there bool) {
	synctest.Test(t, func(t *testing.T) {
		disk := filetest.New()
		var full atomic.Int64 // since when, Unix nanoseconds
		disk.Hook = func(at int, op, name string) error {
			if at == n {
				there = true
				full.Store(time.Now().UnixNano())
			}
			since := full.Load()
			if since > 0 && time.Since(time.Unix(0, since)) < 3*time.Minute && slices.Contains([]string{"create", "mkdir", "write", "link"}, op) {
				return &fs.PathError{Op: op, Path: name, Err: syscall.ENOSPC}
			}
			return nil
		}
		b, err := file.OpenFS(disk, "/data")
		if err != nil {
			t.Fatal(err)
		}
		if err := runPipeline(t.Context(), t, b); err != nil {
			t.Fatalf("full at operation %d: %v", n, err)
		}
		if err := runPipeline(t.Context(), t, b); err != nil {
			t.Fatalf("full at operation %d: the start after it: %v", n, err)
		}
		checkEvents(t, fmt.Sprintf("full at operation %d", n), b)
	})
	return there
}
