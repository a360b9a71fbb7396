package mem_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/fault"
)

func stage(t *testing.T, b *mem.Bucket, key string) bucket.Staged {
	t.Helper()
	w, err := b.Stage(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "rows"); err != nil {
		t.Fatal(err)
	}
	s, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnExpiredUploadIsGone(t *testing.T) {
	b := mem.New()
	s := stage(t, b, "x")
	b.Expire(s)
	if err := b.Complete(t.Context(), s); !errors.Is(err, bucket.ErrGone) {
		t.Errorf("Complete = %v", err)
	}
	w, err := b.Stage(t.Context(), "y", "")
	if err != nil {
		t.Fatal(err)
	}
	for s := range b.Staged(t.Context(), "y", "") {
		b.Expire(s)
	}
	if _, err := io.WriteString(w, "rows"); !errors.Is(err, bucket.ErrGone) {
		t.Errorf("Write = %v", err)
	}
	if _, err := w.Finish(t.Context()); !errors.Is(err, bucket.ErrGone) {
		t.Errorf("Finish = %v", err)
	}
}

func TestASlowCompletionHidesBothUploadAndObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New()
		b.CompleteDelay = func(string) time.Duration { return time.Minute }
		s := stage(t, b, "x")
		if err := b.Complete(t.Context(), s); !fault.Is(err, fault.Unavailable) {
			t.Errorf("first Complete = %v", err)
		}
		if err := b.Complete(t.Context(), s); !errors.Is(err, bucket.ErrGone) {
			t.Errorf("second Complete = %v", err)
		}
		if _, err := b.Stat(t.Context(), "x"); !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("Stat = %v", err)
		}
		time.Sleep(time.Minute)
		if err := b.Complete(t.Context(), s); err != nil {
			t.Errorf("Complete after the delay = %v", err)
		}
		if got, err := bucket.ReadAll(t.Context(), b, "x"); err != nil || string(got) != "rows" {
			t.Errorf("%q, %v", got, err)
		}
	})
}
