package connectortest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

func openSource(t testing.TB, spec *connector.SourceSpec, c Case) connector.Source {
	t.Helper()
	s, err := spec.Open(t.Context(), c.env(t), c.Source)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// splits returns what the source yields first.
func splits(t testing.TB, s connector.Source) []rows.Split {
	t.Helper()
	for all, err := range s.Splits(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(all)
	}
	t.Fatal("there are no splits")
	return nil
}

func runSource(t *testing.T, spec *connector.SourceSpec, c Case) {
	run := func(name string, test func(t *testing.T, spec *connector.SourceSpec, c Case)) {
		t.Run(name, func(t *testing.T) {
			if !c.Paced {
				test(t, spec, c)
				return
			}
			synctest.Test(t, func(t *testing.T) { test(t, spec, c) })
		})
	}
	run("names its splits after itself", named)
	run("ends at once when it is cancelled", func(t *testing.T, spec *connector.SourceSpec, c Case) {
		cancelled(t, spec, c, 0)
		cancelled(t, spec, c, 1)
	})
	run("leaves nothing running when nobody reads on", stopped)
	if _, once := openSource(t, spec, c).(connector.Transient); once {
		return
	}
	run("reads the same each time", repeats)
	run("resumes at every position", resumes)
	run("refuses splits and positions of others", refuses)
}

func named(t *testing.T, spec *connector.SourceSpec, c Case) {
	seen := map[rows.Split]bool{}
	for _, s := range splits(t, openSource(t, spec, c)) {
		if s.Source != c.env(t).Name || strings.Contains(s.Source, "/") || s.ID == "" || seen[s] || rows.ParseSplit(s.String()) != s {
			t.Errorf("split %v", s)
		}
		seen[s] = true
	}
}

func repeats(t *testing.T, spec *connector.SourceSpec, c Case) {
	one, two := openSource(t, spec, c), openSource(t, spec, c)
	all := splits(t, one)
	if again := splits(t, two); !slices.Equal(again, all) {
		t.Fatalf("splits %v, then %v", all, again)
	}
	for _, s := range all {
		want := join(read(t, t.Context(), one, s, ""))
		if want == "" {
			t.Errorf("%v has no rows to test with", s)
		}
		if d := differ(join(read(t, t.Context(), two, s, "")), want); d != "" {
			t.Errorf("%v: %s", s, d)
		}
	}
}

// mostPositions bounds how many positions of a split are tried.
const mostPositions = 12

func resumes(t *testing.T, spec *connector.SourceSpec, c Case) {
	tried := 0
	for _, split := range splits(t, openSource(t, spec, c)) {
		whole := read(t, t.Context(), openSource(t, spec, c), split, "")
		step := max(1, len(whole)/mostPositions)
		for i := 0; i < len(whole); i++ {
			pos := whole[i].Position
			if pos == "" || i%step != 0 && i < len(whole)-2 {
				continue
			}
			if !utf8.ValidString(string(pos)) || strings.ContainsFunc(string(pos), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("position %q is no text", pos)
			}
			tried++
			got := read(t, t.Context(), openSource(t, spec, c), split, pos)
			if d := differ(withoutHeader(got, whole), withoutHeader(whole[i+1:], whole)); d != "" {
				t.Fatalf("%v from %q: %s", split, pos, d)
			}
		}
	}
	if tried < 3 {
		t.Errorf("only %d positions to try: take a case with more batches", tried)
	}
}

// withoutHeader is the text of rows alone: blocks carry what the beginning of their file said.
func withoutHeader(all, whole []batch) string {
	var b strings.Builder
	for _, x := range all {
		p, _ := rows.PayloadOf(x.Rows)
		b.WriteString(strings.TrimPrefix(x.text, p.Header))
	}
	return b.String()
}

func refuses(t *testing.T, spec *connector.SourceSpec, c Case) {
	s := openSource(t, spec, c)
	known := splits(t, s)[0]
	end := func(split rows.Split, pos rows.Position) error {
		for _, err := range s.Read(t.Context(), split, pos) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := end(rows.Split{Source: known.Source, ID: "no such split"}, ""); err == nil || fault.KindOf(err) == fault.Internal {
		t.Errorf("a split that does not exist: %v", err)
	}
	if err := end(known, "}no position{"); err == nil || fault.KindOf(err) == fault.Internal {
		t.Errorf("a position that is none: %v", err)
	}
}

// cancelled cancels the reading after some batches.
func cancelled(t *testing.T, spec *connector.SourceSpec, c Case, after int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := openSource(t, spec, c)
	split := splits(t, s)[0]
	if after == 0 {
		cancel()
	}
	n := 0
	var last error
	quiet(t, func() {
		for _, err := range s.Read(ctx, split, "") {
			if last = err; err != nil {
				break
			}
			if n++; n == after {
				cancel()
			}
		}
	})
	if n > after+1 {
		t.Errorf("%d batches came after the cancel", n-after)
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled after %d batches, it ended with %v: without an error the split has ended for good", after, last)
	}
}

func stopped(t *testing.T, spec *connector.SourceSpec, c Case) {
	s := openSource(t, spec, c)
	split := splits(t, s)[0]
	quiet(t, func() {
		for range s.Splits(t.Context()) {
			break
		}
		for _, err := range s.Read(t.Context(), split, "") {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	})
}

// patience is how long goroutines may take to end. They have been waited for, so this is for their last instructions.
const patience = 2 * time.Second

// quiet fails when f leaves goroutines running.
func quiet(t *testing.T, f func()) {
	t.Helper()
	before := runtime.NumGoroutine()
	f()
	for range 1_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	for end := time.After(patience); runtime.NumGoroutine() > before; {
		select {
		case <-end:
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left:\n%s", runtime.NumGoroutine()-before, stacks[:runtime.Stack(stacks, true)])
		case <-time.After(time.Millisecond):
		}
	}
}
