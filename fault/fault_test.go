package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

var errGone = New(NotFound, "gone")

func TestKindIsTheOutermostOne(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, Internal},
		{io.EOF, Internal},
		{errGone, NotFound},
		{fmt.Errorf("a: %w", errGone), NotFound},
		{Errorf(Corrupt, "a: %w", errGone), Corrupt},
		{Hint(As(Denied, io.EOF), "ask"), Denied},
		{errors.Join(io.EOF, errGone), NotFound},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

func TestWrappingKeepsIdentityAndHint(t *testing.T) {
	err := fmt.Errorf("reading x: %w", Hint(Errorf(Corrupt, "y: %w", errGone), "restore %s", "it"))
	if !errors.Is(err, errGone) {
		t.Error("the sentinel is lost")
	}
	if got := HintOf(err); got != "restore it" {
		t.Errorf("hint = %q", got)
	}
	if err.Error() != "reading x: y: gone" {
		t.Errorf("text = %q", err)
	}
	if Hint(nil, "x") != nil || As(Denied, nil) != nil {
		t.Error("nil became an error")
	}
}

func TestNearestFindsTyposOnly(t *testing.T) {
	known := []string{"partition_by", "path", "roll", "where"}
	for name, want := range map[string]string{"partiton_by": "partition_by", "Path": "path", "rlol": "roll", "zzz": "", "": ""} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
