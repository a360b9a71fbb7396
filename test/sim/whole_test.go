package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/connector/generate"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	formatjson "github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/internal/commit"
	"github.com/gros-lake/gros/internal/pipeline"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// A whole pipeline runs from a seed: lines of JSON, some broken, whose columns change on the way, in splits that come and go,
// through decode and a filter into two places. Its processes crash, sleep, are stopped and overlap; answers are lost, late or
// doubled; the store forgets uploads. In the end both places have each row once, and each broken line once as a reject.
func TestWholePipeline(t *testing.T) {
	n := int64(30)
	if os.Getenv("GROS_SOAK") == "1" {
		n = 1000
	}
	from := int64(0)
	if *onlySeed >= 0 {
		from, n = *onlySeed, 1
	}
	var reference places
	synctest.Test(t, func(t *testing.T) {
		b := mem.New()
		for range 2 { // the second start sweeps
			if err := whole(t.Context(), t, b, nil); err != nil {
				t.Fatal(err)
			}
		}
		reference = look(t, "without faults", b)
	})
	for _, base := range bases {
		if len(reference[base].rows) < 100 || len(reference[base].rejects) < 5 {
			t.Fatalf("%s: %d rows, %d rejects: too few to show anything", base, len(reference[base].rows), len(reference[base].rejects))
		}
	}
	for seed := from; seed < from+n && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed, reference) })
	}
}

var bases = []string{"one/", "two/"}

// places is what is visible, by base.
type places map[string]place

// place is how often each row and each rejected line is there.
type place struct{ rows, rejects map[string]int }

func simulate(t *testing.T, seed int64, want places) {
	what := fmt.Sprintf("seed %d (replay: go test ./test/sim -run Whole -seed %d)", seed, seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	disk := mem.New()
	seeded := faulty.Seeded(uint64(seed), faulty.Rates{
		Before: .01, After: .01, Late: .004, Dup: .004, CrashBefore: .003, CrashAfter: .003, Hide: .3,
		Latency: 50 * time.Millisecond, Delay: settle - time.Minute,
	})
	store := faulty.New(disk, func(op faulty.Op) faulty.Fault {
		if op.Client == "last" {
			return faulty.Fault{}
		}
		return seeded(op)
	})
	store.SettlesAfter = settle
	var lives sync.WaitGroup
	for life := range 3 + rng.IntN(6) {
		client := store.Client(fmt.Sprint("life ", life))
		moves := rand.New(rand.NewPCG(uint64(seed), uint64(life)))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		lives.Go(func() {
			defer close(done)
			err := whole(ctx, t, client.Bucket(), moves)
			if err != nil && !errors.Is(err, faulty.ErrCrashed) && !errors.Is(err, connector.ErrFenced) && !errors.Is(err, bucket.ErrGone) && !fault.Is(err, fault.Unavailable) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: life %d: %v", what, life, err)
			}
		})
		switch rng.IntN(3) {
		case 0: // it is stopped
			time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Second))))
			stop()
		case 1: // it sleeps, and wakes beside the next
			time.Sleep(time.Duration(rng.Int64N(int64(time.Second))))
			client.Pause()
			time.AfterFunc(time.Duration(rng.Int64N(int64(time.Hour))), client.Resume)
			forget(disk, rng)
			lives.Go(func() { <-done; stop() })
			continue
		}
		<-done
		stop()
		forget(disk, rng)
	}
	lives.Wait()
	store.Wait()
	for range 2 {
		if err := whole(t.Context(), t, store.Client("last").Bucket(), nil); err != nil {
			t.Fatalf("%s: the last start: %v", what, err)
		}
	}
	got := look(t, what, disk)
	for _, base := range bases {
		if !maps.Equal(got[base].rows, want[base].rows) || !maps.Equal(got[base].rejects, want[base].rejects) {
			t.Errorf("%s: %s: %s; rejects: %s", what, base, differ(got[base].rows, want[base].rows), differ(got[base].rejects, want[base].rejects))
		}
	}
}

func differ(got, want map[string]int) string {
	missing, twice, strange := 0, 0, 0
	for key := range want {
		if got[key] == 0 {
			missing++
		}
	}
	for key, n := range got {
		switch {
		case want[key] == 0:
			strange++
		case n > want[key]:
			twice++
		}
	}
	return fmt.Sprintf("%d of %d missing, %d more than once, %d that nobody wrote", missing, len(want), twice, strange)
}

// forget lets the store lose some uploads.
func forget(disk *mem.Bucket, rng *rand.Rand) {
	for s, err := range disk.Staged(context.Background(), "", "x/") {
		if err == nil && rng.IntN(4) == 0 {
			disk.Expire(s)
		}
	}
}

// whole runs the pipeline once. Moves says when which splits are assigned, nil for all at once.
func whole(ctx context.Context, t *testing.T, b bucket.Bucket, moves *rand.Rand) error {
	quiet := slog.New(slog.DiscardHandler)
	src, err := generate.Connector.Source.Open(ctx, connector.Env{Name: "generate", Log: quiet}, &generate.Config{
		Rows: events, Rate: 1000, Splits: 3, Seed: 5, Payload: "json", Mess: generate.Mess{BadJSON: .05, Nulls: .02, DriftAfter: 100},
	})
	if err != nil {
		t.Error(err)
		return err
	}
	if moves != nil {
		src = &moving{Source: src, rng: moves}
	}
	env := stage.Env{Pipeline: "p", Formats: format.Registry{formatjson.Format}, Log: quiet}
	p := pipeline.Pipeline{
		Name: "p", Source: src, Every: 100 * time.Millisecond, Log: quiet,
		Stages: func(_, sink string) ([]stage.Stage, error) {
			return []stage.Stage{stage.NewDecode(env, stage.DecodeConfig{}), half(sink)}, nil
		},
	}
	for _, base := range bases {
		encoder, err := formatjson.Format.Encoder(format.EncodeOptions{})
		if err != nil {
			t.Error(err)
			return err
		}
		p.Sinks = append(p.Sinks, pipeline.Sink{Name: base, Sink: chunk.New(chunk.Options{
			Bucket: b, Base: base, Stem: "s", Encoder: encoder, Pipeline: "p", Roll: chunk.Roll{Rows: 40}, Patience: 10 * time.Minute, Log: quiet,
		})})
	}
	return p.Run(ctx)
}

// half keeps, for the second sink, the rows whose id begins with a digit.
func half(sink string) stage.Stage {
	return stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
		if sink == bases[0] {
			return emit(in)
		}
		id := in.Rows.Column(in.Rows.Schema().FieldIndices("event_id")[0])
		var keep []int32
		for i := range id.Len() {
			if c := id.ValueStr(i)[0]; c >= '0' && c <= '9' {
				keep = append(keep, int32(i))
			}
		}
		in.Rows = rows.Take(in.Rows, keep)
		return emit(in)
	})
}

// moving assigns some of the splits of a source, then others, in the end all.
type moving struct {
	connector.Source
	mu  sync.Mutex // every sink asks
	rng *rand.Rand
}

func (m *moving) random(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rng.IntN(n)
}

func (m *moving) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		for all, err := range m.Source.Splits(ctx) {
			for range m.random(6) {
				var some []rows.Split
				for _, s := range all {
					if m.random(3) > 0 {
						some = append(some, s)
					}
				}
				if !yield(some, err) {
					return
				}
				select {
				case <-time.After(time.Duration(m.random(300)) * time.Millisecond):
				case <-ctx.Done():
					return
				}
			}
			if !yield(all, err) {
				return
			}
		}
	}
}

// look reads all that is visible, and says what is there and should not be.
func look(t *testing.T, what string, b *mem.Bucket) places {
	t.Helper()
	all := places{}
	for _, base := range bases {
		all[base] = lookAt(t, what, b, base)
	}
	for s, err := range b.Staged(t.Context(), "", "x/") {
		t.Errorf("%s: staged %s is left behind, %v", what, s.Key, err)
	}
	return all
}

func lookAt(t *testing.T, what string, b *mem.Bucket, base string) place {
	t.Helper()
	p := place{map[string]int{}, map[string]int{}}
	l := commit.Open(commit.Options{Bucket: b, Base: base, Stem: "s", Log: slog.New(slog.DiscardHandler)})
	c, err := l.Contents(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	states := map[string]bool{}
	for _, s := range c.Head.Splits {
		if s.State != nil {
			states[s.State.Key] = true
		}
	}
	for _, pend := range c.Head.Pend { // a void would go back to them
		for _, s := range pend.Starts {
			if s.State != nil {
				states[s.State.Key] = true
			}
		}
	}
	for o, err := range b.List(t.Context(), base) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if strings.HasPrefix(o.Key, base+"_gros/s/state/") && !states[o.Key] {
			t.Errorf("%s: %s is left behind", what, o.Key)
		}
		if !l.Owns(o.Key) {
			continue
		}
		f, listed := c.Files[o.Key]
		raw, err := bucket.ReadAll(t.Context(), b, o.Key)
		if err != nil || !listed || commit.Sum(raw) != f.SHA256 {
			t.Errorf("%s: %s: listed: %v, or other bytes than committed, %v", what, o.Key, listed, err)
		}
		delete(c.Files, o.Key)
		if n := p.add(t, f, string(raw)); n != f.Rows {
			t.Errorf("%s: %s has %d rows, its commit says %d", what, o.Key, n, f.Rows)
		}
	}
	for key := range c.Files {
		t.Errorf("%s: %s is listed by a commit and not there", what, key)
	}
	for r, err := range l.Records(t.Context()) {
		if err != nil || !r.Rows.Balanced() {
			t.Errorf("%s: %s: record %+v does not balance, %v", what, base, r, err)
			break
		}
	}
	return p
}

// add counts the rows of a file.
func (p place) add(t *testing.T, f connector.File, text string) (n int64) {
	t.Helper()
	if f.Reject {
		d, err := zstd.NewReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		raw, err := io.ReadAll(d)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	for line := range strings.Lines(text) {
		n++
		var row struct {
			ID  string `json:"event_id"`
			Raw string `json:"raw"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.ID+row.Raw == "" {
			t.Fatalf("%s: %q: %v", f.Key, line, err)
		}
		if f.Reject {
			p.rejects[row.Raw]++
		} else {
			p.rows[row.ID]++
		}
	}
	return n
}
