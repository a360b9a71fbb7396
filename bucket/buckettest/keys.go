package buckettest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
	"golang.org/x/sync/errgroup"
)

var odd = []string{
	" leading", "trailing ", "a b/c d", "page_url_path=%2Fhome/part.parquet", "%", "%25", "%zz", "1+1=2", "a\\b", "a&b?c=d#e", "a~b",
	"café/naïve", "日本/語", "emoji 🦆", "quote'\"`", "tab\there", "new\nline", "star*[x]{y}?", ".hidden", "..dots", "a/.../b", "~", "-rf",
	"__HIVE_DEFAULT_PARTITION__/x", "key=value/other=", strings.Repeat("l", 250), strings.Repeat("deep/", 60) + "x",
}

func oddKeys(t *testing.T, b bucket.Bucket) {
	for _, key := range odd {
		put(t, b, key, "body of "+key, bucket.Condition{IfAbsent: true})
	}
	for _, key := range odd {
		want(t, b, key, "body of "+key)
		if got := keys(t, b, key); !slices.Contains(got, key) {
			t.Errorf("List(%q) = %q", key, got)
		}
	}
	if got := keys(t, b, ""); !slices.Equal(got, slices.Sorted(slices.Values(odd))) {
		t.Errorf("List = %q", got)
	}
	for _, key := range odd {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if got := keys(t, b, ""); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}

func badKeys(t *testing.T, b bucket.Bucket) {
	stager := bucket.StagerOf(b)
	for _, key := range []string{"", "/", "/etc/passwd", "..", ".", "a/../b", "../x", "a//b", "a/", "a/.", "a/..", "nul\x00"} {
		_, err := b.Stat(t.Context(), key)
		wantInvalid(t, "Stat", key, err)
		_, err = b.Get(t.Context(), key, 0, -1)
		wantInvalid(t, "Get", key, err)
		_, err = bucket.PutBytes(t.Context(), b, key, nil, bucket.Condition{})
		wantInvalid(t, "Put", key, err)
		wantInvalid(t, "Delete", key, b.Delete(t.Context(), key))
		_, err = stager.Stage(t.Context(), key, "beside")
		wantInvalid(t, "Stage", key, err)
	}
	if got := keys(t, b, ""); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}

func wantInvalid(t *testing.T, what, key string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("%s of %q: error %v, want an invalid one", what, key, err)
	}
}

func listOrder(t *testing.T, b bucket.Bucket) {
	// A folder must sort by its slash, not by its name.
	list := []string{"a", "b/c", "b!", "b-", "b.parquet", "b0", "b/c!", "b/d/e", "b/d.x", "b/d-x", "Z", "é", "b/é", "_gros/events/log/1", "year=2024/month=10/x", "year=2024/month=9/x", "year=2024/month=1/x", "year=2024-x"}
	for i, key := range list {
		put(t, b, key, strings.Repeat("x", i), bucket.Condition{})
	}
	if got := keys(t, b, ""); !slices.Equal(got, slices.Sorted(slices.Values(list))) {
		t.Errorf("List = %q", got)
	}
}

func listPrefix(t *testing.T, b bucket.Bucket) {
	for _, key := range []string{"data/events_1", "data/events_2", "data/eventual", "data/x/events_3", "data2/events_4", "dat"} {
		put(t, b, key, "x", bucket.Condition{})
	}
	for prefix, want := range map[string][]string{
		"data/events_":  {"data/events_1", "data/events_2"},
		"data/":         {"data/events_1", "data/events_2", "data/eventual", "data/x/events_3"},
		"data":          {"data/events_1", "data/events_2", "data/eventual", "data/x/events_3", "data2/events_4"},
		"dat":           {"dat", "data/events_1", "data/events_2", "data/eventual", "data/x/events_3", "data2/events_4"},
		"data/x":        {"data/x/events_3"},
		"data/events_1": {"data/events_1"},
		"data/y/":       {},
		"dat/":          {},
	} {
		if got := keys(t, b, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func listLong(t *testing.T, b bucket.Bucket) {
	const n = 1200
	var g errgroup.Group
	g.SetLimit(32)
	var all []string
	for i := range n {
		key := fmt.Sprintf("f%d/%04d", i%3, i)
		all = append(all, key)
		g.Go(func() error {
			_, err := bucket.PutBytes(t.Context(), b, key, []byte(key), bucket.Condition{})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	if got := keys(t, b, ""); !slices.Equal(got, all) {
		t.Errorf("List yields %d keys of %d", len(got), len(all))
	}
}

func listStop(t *testing.T, b bucket.Bucket) {
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		put(t, b, key, "x", bucket.Condition{})
	}
	for o, err := range b.List(t.Context(), "") {
		if err != nil || o.Key != "a/1" {
			t.Errorf("first = %v, %v", o.Key, err)
		}
		break // an iterator that goes on panics
	}
}
