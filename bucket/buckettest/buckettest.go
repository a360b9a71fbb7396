// Package buckettest holds the suite that every bucket passes.
package buckettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
	"golang.org/x/sync/errgroup"
)

// Run tests the buckets that open returns. Each must be empty.
func Run(t *testing.T, open func(*testing.T) bucket.Bucket) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, bucket.Bucket)
	}{
		{"AnObjectIsReadBack", readBack},
		{"RangesAreCut", ranges},
		{"WhatIsAbsentIsNotFound", absent},
		{"DeleteIsIdempotent", deleteTwice},
		{"IfAbsentNeverOverwrites", ifAbsent},
		{"OneOfManyCreatorsWins", creators},
		{"IfVersionHoldsForTheVersionItNames", ifVersion},
		{"IfVersionLosesNoUpdate", updates},
		{"EachPutChangesTheVersion", versions},
		{"KeysAreStoredAsTheyAre", oddKeys},
		{"KeysThatLeadElsewhereAreInvalid", badKeys},
		{"ListIsInByteOrder", listOrder},
		{"ListIsCutByPrefix", listPrefix},
		{"ListGoesPastAThousandKeys", listLong},
		{"ListMayBeStopped", listStop},
		{"ReadersNeverSeeHalfAPut", wholePuts},
		{"BigObjectsAreWhole", big},
		{"AReaderMayBeClosedEarly", closeEarly},
		{"ACancelledContextEndsEverything", cancelled},
		{"ShortBodiesAreRefused", shortBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
	t.Run("Staging", func(t *testing.T) { runStaging(t, open) })
}

func put(t *testing.T, b bucket.Bucket, key, data string, c bucket.Condition) bucket.Object {
	t.Helper()
	o, err := bucket.PutBytes(t.Context(), b, key, []byte(data), c)
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return o
}

func want(t *testing.T, b bucket.Bucket, key, data string) {
	t.Helper()
	got, err := bucket.ReadAll(t.Context(), b, key)
	if err != nil || string(got) != data {
		t.Errorf("%q holds %q, %v; want %q", key, shorten(got), err, shorten([]byte(data)))
	}
}

func shorten(p []byte) []byte { return p[:min(len(p), 80)] }

func wantError(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
}

func keys(t *testing.T, b bucket.Bucket, prefix string) []string {
	t.Helper()
	list := []string{}
	for o, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		list = append(list, o.Key)
	}
	return list
}

func readBack(t *testing.T, b bucket.Bucket) {
	for _, data := range []string{"", "a", strings.Repeat("rows ", 100_000)} {
		o := put(t, b, "data/x.parquet", data, bucket.Condition{})
		want(t, b, "data/x.parquet", data)
		s, err := b.Stat(t.Context(), "data/x.parquet")
		if err != nil || s.Key != "data/x.parquet" || s.Size != int64(len(data)) || s.Version != o.Version || s.Time.IsZero() {
			t.Errorf("Stat = %+v, %v; Put said %+v", s, err, o)
		}
		for l, err := range b.List(t.Context(), "data/") {
			if err != nil || l.Key != s.Key || l.Size != s.Size || l.Version != s.Version {
				t.Errorf("List = %+v, %v; Stat said %+v", l, err, s)
			}
		}
	}
}

func ranges(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "0123456789", bucket.Condition{})
	for _, c := range []struct {
		off, n int64
		want   string
	}{
		{0, -1, "0123456789"}, {0, 0, ""}, {0, 3, "012"}, {3, 4, "3456"}, {8, 10, "89"}, {8, -1, "89"}, {9, 1, "9"},
		{10, 5, ""}, {10, -1, ""}, {1000, 5, ""}, {1000, -1, ""},
	} {
		r, err := b.Get(t.Context(), "k", c.off, c.n)
		if err != nil {
			t.Errorf("Get(%d, %d): %v", c.off, c.n, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != c.want {
			t.Errorf("Get(%d, %d) = %q, %v; want %q", c.off, c.n, got, err, c.want)
		}
	}
	if _, err := b.Get(t.Context(), "k", -1, 1); !fault.Is(err, fault.Invalid) {
		t.Errorf("Get from -1: %v, want an invalid one", err)
	}
}

func absent(t *testing.T, b bucket.Bucket) {
	put(t, b, "a/b/c", "x", bucket.Condition{})
	for _, key := range []string{"no", "a", "a/b", "a/b/c/d", "a/b/cc", "no/such/folder"} {
		_, err := b.Stat(t.Context(), key)
		wantError(t, "Stat of "+key, err, bucket.ErrNotFound)
		_, err = b.Get(t.Context(), key, 0, -1)
		wantError(t, "Get of "+key, err, bucket.ErrNotFound)
	}
	if got := keys(t, b, "no/"); len(got) > 0 {
		t.Errorf("List of nothing = %q", got)
	}
}

func deleteTwice(t *testing.T, b bucket.Bucket) {
	put(t, b, "a/b", "x", bucket.Condition{})
	put(t, b, "a/c", "y", bucket.Condition{})
	for range 2 {
		if err := b.Delete(t.Context(), "a/b"); err != nil {
			t.Error(err)
		}
	}
	if err := b.Delete(t.Context(), "a"); err != nil {
		t.Errorf("Delete of what is no object: %v", err)
	}
	if err := b.Delete(t.Context(), "not/there"); err != nil {
		t.Error(err)
	}
	want(t, b, "a/c", "y")
	if got := keys(t, b, ""); !slices.Equal(got, []string{"a/c"}) {
		t.Errorf("left: %q", got)
	}
	put(t, b, "a/b", "again", bucket.Condition{IfAbsent: true})
	want(t, b, "a/b", "again")
}

func ifAbsent(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "first", bucket.Condition{IfAbsent: true})
	_, err := bucket.PutBytes(t.Context(), b, "k", []byte("second"), bucket.Condition{IfAbsent: true})
	wantError(t, "second Put", err, bucket.ErrCondition)
	want(t, b, "k", "first")
	put(t, b, "k", "third", bucket.Condition{})
	want(t, b, "k", "third")
}

func creators(t *testing.T, b bucket.Bucket) {
	const writers, rounds = 16, 8
	for round := range rounds {
		key := fmt.Sprintf("log/%020d.json", round)
		bodies := make([]string, writers)
		errs := make([]error, writers)
		var g errgroup.Group
		for w := range writers {
			bodies[w] = strings.Repeat(fmt.Sprint(w, " "), 1000)
			g.Go(func() error {
				body := yielding{strings.NewReader(bodies[w])}
				_, errs[w] = b.Put(t.Context(), key, body, int64(len(bodies[w])), bucket.Condition{IfAbsent: true})
				return nil
			})
		}
		_ = g.Wait()
		var winners []int
		for w, err := range errs {
			if err == nil {
				winners = append(winners, w)
			} else if !errors.Is(err, bucket.ErrCondition) {
				t.Errorf("writer %d: %v", w, err)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("winners: %v", winners)
		}
		want(t, b, key, bodies[winners[0]])
	}
	if got := keys(t, b, ""); len(got) != rounds {
		t.Errorf("left: %q", got)
	}
}

// yielding lets others run when it is read: by then they have all found that the key is free.
type yielding struct{ io.ReaderAt }

func (y yielding) ReadAt(p []byte, off int64) (int, error) {
	for range 100 {
		runtime.Gosched()
	}
	return y.ReaderAt.ReadAt(p, off)
}

func ifVersion(t *testing.T, b bucket.Bucket) {
	_, err := bucket.PutBytes(t.Context(), b, "k", nil, bucket.Condition{IfVersion: "none"})
	wantError(t, "Put over nothing", err, bucket.ErrCondition)
	one := put(t, b, "k", "one", bucket.Condition{})
	two := put(t, b, "k", "two", bucket.Condition{IfVersion: one.Version})
	_, err = bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{IfVersion: one.Version})
	wantError(t, "Put over an old version", err, bucket.ErrCondition)
	want(t, b, "k", "two")
	put(t, b, "k", "three", bucket.Condition{IfVersion: two.Version})
	want(t, b, "k", "three")
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	_, err = bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{IfVersion: two.Version})
	wantError(t, "Put over a deleted object", err, bucket.ErrCondition)
}

// updates counts in one object with many writers, none of whom may overwrite another.
func updates(t *testing.T, b bucket.Bucket) {
	const writers, each = 8, 5
	put(t, b, "count", "", bucket.Condition{})
	var g errgroup.Group
	for range writers {
		g.Go(func() error {
			for done := 0; done < each; {
				switch err := addOne(t.Context(), b); {
				case err == nil:
					done++
				case !errors.Is(err, bucket.ErrCondition):
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	want(t, b, "count", strings.Repeat("+", writers*each))
}

func addOne(ctx context.Context, b bucket.Bucket) error {
	before, err := b.Stat(ctx, "count")
	if err != nil {
		return err
	}
	data, err := bucket.ReadAll(ctx, b, "count")
	if err != nil {
		return err
	}
	_, err = bucket.PutBytes(ctx, b, "count", append(data, '+'), bucket.Condition{IfVersion: before.Version})
	return err
}

func versions(t *testing.T, b bucket.Bucket) {
	seen := map[string]bool{}
	for i := range 50 {
		o := put(t, b, "k", "same", bucket.Condition{})
		if o.Version == "" || seen[o.Version] {
			t.Fatalf("Put %d: version %q again", i, o.Version)
		}
		seen[o.Version] = true
	}
}

func wholePuts(t *testing.T, b bucket.Bucket) {
	bodies := []string{strings.Repeat("a", 300_000), strings.Repeat("b", 500_000)}
	put(t, b, "k", bodies[0], bucket.Condition{})
	stop := make(chan struct{})
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			for {
				select {
				case <-stop:
					return nil
				default:
				}
				got, err := bucket.ReadAll(t.Context(), b, "k")
				if err != nil {
					return err
				}
				if !slices.Contains(bodies, string(got)) {
					return fmt.Errorf("read %d bytes that nobody put", len(got))
				}
			}
		})
	}
	for i := range 20 {
		put(t, b, "k", bodies[i%2], bucket.Condition{})
	}
	close(stop)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func shortBody(t *testing.T, b bucket.Bucket) {
	if _, err := b.Put(t.Context(), "k", strings.NewReader("four"), 5, bucket.Condition{}); err == nil {
		t.Error("a body of 4 bytes was stored as 5")
	}
	_, err := b.Stat(t.Context(), "k")
	wantError(t, "Stat", err, bucket.ErrNotFound)
	o, err := b.Put(t.Context(), "k", strings.NewReader("longer"), 4, bucket.Condition{})
	if err != nil || o.Size != 4 {
		t.Errorf("Put of 4 bytes of a longer body = %+v, %v", o, err)
	}
	want(t, b, "k", "long")
}

// pattern is a body of any size that is kept nowhere: it repeats after a prime number of bytes, so that no part of a round size
// equals another.
type pattern struct{}

var period = func() []byte {
	p := make([]byte, 1_000_003)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p) // never fails
	return p
}()

func (pattern) ReadAt(p []byte, off int64) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], period[(off+int64(n))%int64(len(period)):])
	}
	return len(p), nil
}

func big(t *testing.T, b bucket.Bucket) {
	const size = 64 << 20
	if _, err := b.Put(t.Context(), "big", pattern{}, size, bucket.Condition{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	samePattern(t, b, "big", size)
}

func samePattern(t *testing.T, b bucket.Bucket, key string, size int64) {
	t.Helper()
	r, err := b.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, expect := make([]byte, 1<<20), make([]byte, 1<<20)
	var at int64
	for {
		n, err := io.ReadFull(r, got)
		_, _ = pattern{}.ReadAt(expect[:n], at)
		if !bytes.Equal(got[:n], expect[:n]) {
			t.Fatalf("the bytes from %d on differ", at)
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if at != size {
		t.Errorf("read %d bytes of %d", at, size)
	}
}

func closeEarly(t *testing.T, b bucket.Bucket) {
	if _, err := b.Put(t.Context(), "k", pattern{}, 1<<20, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 1000} {
		r, err := b.Get(t.Context(), "k", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, n)); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
}

func cancelled(t *testing.T, b bucket.Bucket) {
	put(t, b, "k", "x", bucket.Condition{})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := b.Get(ctx, "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	_, err = b.Get(ctx, "k", 0, -1)
	wantError(t, "Get", err, context.Canceled)
	_, err = b.Stat(ctx, "k")
	wantError(t, "Stat", err, context.Canceled)
	_, err = bucket.PutBytes(ctx, b, "k", []byte("y"), bucket.Condition{})
	wantError(t, "Put", err, context.Canceled)
	wantError(t, "Delete", b.Delete(ctx, "k"), context.Canceled)
	err = nil
	for _, err = range b.List(ctx, "") {
		if err != nil {
			break
		}
	}
	wantError(t, "List", err, context.Canceled)
	want(t, b, "k", "x")
}
