// Package connectortest is the suite that every connector passes.
package connectortest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// Case is one set of settings to test a connector with: a source, which then has rows and ends, or a sink.
type Case struct {
	Name   string
	Source any  // settings of the source, a pointer; nil: the case is one of the sink
	Sink   any  // settings of the sink, a pointer
	Paced  bool // the source keeps a pace: it is tested on a clock of its own, so that the test need not wait
	// Env makes what the connector is given, nil for hardly anything. Each call is a new world: what was written in another
	// is not there, and what can be read is the same.
	Env func(t testing.TB) connector.Env
	// Visible returns what those outside see of what the sink wrote, nil if nothing ever is seen. The rows of the suite hold the words first, second, third.
	Visible func(t testing.TB, env connector.Env) string
}

// Run runs the suite. The test stands in the connector's folder.
func Run(t *testing.T, spec connector.Spec, cases ...Case) {
	t.Run("is documented", func(t *testing.T) { documented(t, spec) })
	if len(cases) == 0 {
		t.Fatal("there are no cases")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			switch {
			case c.Source != nil && spec.Source != nil:
				runSource(t, spec.Source, c)
			case c.Sink != nil && spec.Sink != nil:
				runSink(t, spec.Sink, c)
			default:
				t.Fatal("the case names no half that the connector has")
			}
		})
	}
}

func documented(t *testing.T, spec connector.Spec) {
	if spec.Name == "" || spec.Doc == "" || strings.HasSuffix(spec.Doc, ".") {
		t.Errorf("the connector needs a name, and a line of doc without a full stop: %q, %q", spec.Name, spec.Doc)
	}
	var configs []any
	if spec.Source != nil {
		configs = append(configs, spec.Source.Config())
	}
	if spec.Sink != nil {
		configs = append(configs, spec.Sink.Config())
	}
	if len(configs) == 0 {
		t.Error("it neither reads nor writes")
	}
	for _, c := range configs {
		for _, f := range setting.Describe(c) {
			if f.Doc == "" {
				t.Errorf("the setting %s has no doc", f.Name)
			}
		}
		n := &setting.Node{Kind: setting.Map}
		for _, e := range setting.Errors(setting.Decode(n, c)) {
			if !strings.Contains(e.Message, "is missing") && !strings.HasPrefix(e.Place.Path, "columns") {
				t.Errorf("the defaults do not decode: %v", e)
			}
		}
	}
	for file, want := range map[string]string{"README.md": "<!-- settings -->", "example.yaml": "name:"} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s with %q is missing: %v", file, want, err)
		}
	}
}

// env is a new world for c.
func (c Case) env(t testing.TB) connector.Env {
	var e connector.Env
	if c.Env != nil {
		e = c.Env(t)
	}
	if e.Name == "" {
		e.Name = "tested"
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	return e
}

// batch is a batch with its rows as text.
type batch struct {
	rows.Batch
	text string
}

// text writes payloads as they are and columns as JSON, so that equal rows have equal texts however they are batched.
func text(t testing.TB, b rows.Batch) string {
	t.Helper()
	if b.Rows == nil {
		return ""
	}
	if p, ok := rows.PayloadOf(b.Rows); ok {
		var all []byte
		for i := range p.Values.Len() {
			all = append(all, p.Values.Value(i)...)
			if !p.Blocks {
				all = append(all, '\n')
			}
		}
		return p.Header + string(all)
	}
	var out bytes.Buffer
	if err := array.RecordToJSON(b.Rows, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// read reads a split from pos to its end.
func read(t testing.TB, ctx context.Context, s connector.Source, split rows.Split, pos rows.Position) []batch {
	t.Helper()
	var all []batch
	for b, err := range s.Read(ctx, split, pos) {
		if err != nil {
			t.Fatalf("%v from %q: %v", split, pos, err)
		}
		if b.Split != split {
			t.Fatalf("a batch of %v says it is of %v", split, b.Split)
		}
		all = append(all, batch{b, text(t, b)})
	}
	return all
}

// join is the text of all rows.
func join(all []batch) string {
	var b strings.Builder
	for _, x := range all {
		b.WriteString(x.text)
	}
	return b.String()
}

// differ returns where two texts part, "" if they do not.
func differ(got, want string) string {
	if got == want {
		return ""
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	cut := func(s string) string { return s[min(len(s), max(0, at-40)):min(len(s), at+80)] }
	return "after " + cut(got[:at]) + " came " + cut(got) + ", want " + cut(want)
}
