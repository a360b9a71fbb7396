package bucket_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/mem"
)

const beside = "_gros/events/staged/"

func TestStagerOfPrefersTheBucketItself(t *testing.T) {
	b := mem.New()
	if bucket.StagerOf(b) != bucket.Stager(b) || bucket.CopiesOnComplete(b) {
		t.Error("a bucket that stages was wrapped")
	}
	if !bucket.CopiesOnComplete(mem.Plain(b)) {
		t.Error("a bucket that does not stage must copy")
	}
}

// stageBig stages four parts of a bucket without staging.
func stageBig(t *testing.T, b bucket.Bucket, key string) bucket.Staged {
	t.Helper()
	w, err := bucket.StagerOf(b).Stage(t.Context(), key, beside)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"a", "b", "c", "d"} {
		if _, err := io.WriteString(w, strings.Repeat(p, 300_000)); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := w.Finish(t.Context())
	if err != nil || len(staged.Parts) != 4 {
		t.Fatalf("%d parts, %v", len(staged.Parts), err)
	}
	return staged
}

func TestPartsAreReadInAnyPieces(t *testing.T) {
	b := mem.Plain(mem.New())
	staged := stageBig(t, b, "x")
	if err := bucket.StagerOf(b).Complete(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	got, err := bucket.ReadAll(t.Context(), b, "x")
	want := strings.Repeat("a", 300_000) + strings.Repeat("b", 300_000) + strings.Repeat("c", 300_000) + strings.Repeat("d", 300_000)
	if err != nil || string(got) != want {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestALostPartIsGoneAndShowsNothing(t *testing.T) {
	b := mem.Plain(mem.New())
	staged := stageBig(t, b, "x")
	if err := b.Delete(t.Context(), bucket.PartKey(staged.Upload, 3)); err != nil {
		t.Fatal(err)
	}
	if err := bucket.StagerOf(b).Complete(t.Context(), staged); !errors.Is(err, bucket.ErrGone) {
		t.Errorf("Complete = %v", err)
	}
	if _, err := b.Stat(t.Context(), "x"); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Stat = %v", err)
	}
}

func TestAnEmptyFileUnderTheNameStopsACompletion(t *testing.T) {
	b := mem.Plain(mem.New())
	staged := stageBig(t, b, "x")
	if _, err := bucket.PutBytes(t.Context(), b, "x", nil, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := bucket.StagerOf(b).Complete(t.Context(), staged); !errors.Is(err, bucket.ErrCondition) {
		t.Errorf("Complete = %v", err)
	}
}

// blind is a bucket that another writer reaches just after the first Stat.
type blind struct {
	bucket.Bucket
	seen bool
}

func (b *blind) Stat(ctx context.Context, key string) (bucket.Object, error) {
	if key == "x" && !b.seen {
		b.seen = true
		return bucket.Object{}, bucket.ErrNotFound
	}
	return b.Bucket.Stat(ctx, key)
}

func TestACompletionOverwritesNobodyWhoCameBetween(t *testing.T) {
	b := mem.Plain(mem.New())
	staged := stageBig(t, b, "x")
	if _, err := bucket.PutBytes(t.Context(), b, "x", []byte("another's"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := bucket.StagerOf(&blind{Bucket: b}).Complete(t.Context(), staged); !errors.Is(err, bucket.ErrCondition) {
		t.Errorf("Complete = %v", err)
	}
	if got, err := bucket.ReadAll(t.Context(), b, "x"); err != nil || string(got) != "another's" {
		t.Errorf("x holds %d bytes, %v", len(got), err)
	}
}

func TestAbortDropsPartsThatTheListDidNotShow(t *testing.T) {
	b := mem.Plain(mem.New())
	staged := stageBig(t, b, "x")
	staged.Parts = staged.Parts[:1] // what a dead writer's list showed
	if err := bucket.StagerOf(b).Abort(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	for o := range b.List(t.Context(), "") {
		t.Errorf("left: %s", o.Key)
	}
}

// careless ignores conditions, as some stores do.
type careless struct{ bucket.Bucket }

func (c careless) Put(ctx context.Context, key string, body io.ReaderAt, size int64, _ bucket.Condition) (bucket.Object, error) {
	return c.Bucket.Put(ctx, key, body, size, bucket.Condition{})
}

func TestProbeFindsBucketsThatIgnoreIfAbsent(t *testing.T) {
	b := mem.New()
	for _, c := range []struct {
		b    bucket.Bucket
		want bool
	}{{b, true}, {careless{b}, false}} {
		if got, err := bucket.Probe(t.Context(), c.b, "_gros/events/probe-"); got != c.want || err != nil {
			t.Errorf("Probe = %v, %v; want %v", got, err, c.want)
		}
	}
	for o := range b.List(t.Context(), "") {
		t.Errorf("left: %s", o.Key)
	}
}

func TestUnknownBucketsSettleLate(t *testing.T) {
	if got := bucket.Settles(careless{mem.New()}); got != 15*time.Minute {
		t.Errorf("Settles = %v", got)
	}
	if got := bucket.Settles(mem.New()); got != 0 {
		t.Errorf("Settles = %v", got)
	}
}
