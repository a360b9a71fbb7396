package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/fault"
)

func newApp(stdin string, env map[string]string) (a *app, out, errs *bytes.Buffer) {
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	return &app{stdin: strings.NewReader(stdin), stdout: out, stderr: errs, env: lookup}, out, errs
}

func TestEveryCommandSaysHowItIsUsed(t *testing.T) {
	a, _, _ := newApp("", nil)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() != "completion" {
			for _, sub := range c.Commands() {
				visit(sub)
			}
		}
		if c.HasParent() && strings.Count(c.Example, "gros ") < 2 {
			t.Errorf("%s: has not two examples:\n%s", c.CommandPath(), c.Example)
		}
		first, _, _ := strings.Cut(c.Short, " ")
		if strings.HasSuffix(first, "s") || strings.HasSuffix(c.Short, ".") || first == strings.ToLower(first) {
			t.Errorf("%s: %q is no imperative line", c.CommandPath(), c.Short)
		}
	}
	visit(a.root())
}

func TestExitStatusIsThatOfTheFault(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want fault.Kind
	}{
		{[]string{"ls", dir + "/nosuch/"}, fault.NotFound},
		{[]string{"ls", "a", "b"}, fault.Invalid},
		{[]string{"nosuch"}, fault.Invalid},
		{[]string{"ls", "--nosuch"}, fault.Invalid},
		{[]string{"run", dir + "/nosuch.yaml"}, fault.NotFound},
		{[]string{"connector", "show", "nosuch"}, fault.NotFound},
		{[]string{"verify", dir}, fault.NotFound},
	} {
		a, out, errs := newApp("", nil)
		if got := a.run(t.Context(), c.args); got != c.want.ExitCode() {
			t.Errorf("%q ends with %d, want %d: %s", c.args, got, c.want.ExitCode(), errs)
		}
		if out.Len() > 0 || !strings.HasPrefix(errs.String(), "gros: ") {
			t.Errorf("%q says %q and %q", c.args, out, errs)
		}
	}
}

func TestWrongFlagsAreSaid(t *testing.T) {
	for args, want := range map[string]string{
		"egress out/ --partiton-by a": "unknown flag: --partiton-by\n  → did you mean --partition-by?",
		"cat out/ -q":                 "unknown shorthand flag: 'q' in -q\n  → gros cat --help lists the flags",
		"cat out/ -n many":            "\"many\" is no number\n  → gros cat --help lists the flags",
		"run p.yaml --until-idle 5":   "--until-idle: 5 is no duration\n  → durations are written as 5s, 1m30s, 2h or 7d",
		"lint --schema p.yaml":        "--schema p.yaml: is the name of a pipeline, and this writes a JSON Schema\n  → gros lint p.yaml checks it; gros lint --schema gros.schema.json writes the schema",
		"run .":                       ".: is a folder\n  → name the file in it",
	} {
		a, _, errs := newApp("", nil)
		if got := a.run(t.Context(), strings.Fields(args)); got != fault.Invalid.ExitCode() || errs.String() != "gros: "+want+"\n" {
			t.Errorf("gros %s ends with %d and says\n%swant\ngros: %s", args, got, errs, want)
		}
	}
}

func TestTheVersionIsSaidByAFlag(t *testing.T) {
	a, out, errs := newApp("", nil)
	if got := a.run(t.Context(), []string{"--version"}); got != 0 || out.String() != "gros "+gros.Version+"\n" {
		t.Errorf("ends with %d: %q %q", got, out, errs)
	}
}

func TestHelpMayBeLeftUnread(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	a, _, errs := newApp("", nil)
	a.stdout = w
	if got := a.run(t.Context(), []string{"run", "--help"}); got != 0 || errs.Len() > 0 {
		t.Errorf("ends with %d: %s", got, errs)
	}
}

func TestEachPlaceOfRejectsHasItsCommand(t *testing.T) {
	a, _, errs := newApp("", nil)
	s := new(gros.Stats)
	s.Rejected.Store(3)
	a.tellRejects([]string{"a/", "b/"}, s)
	if want := "3 rows were rejected and kept: gros rejects show a/; gros rejects show b/\n"; errs.String() != want {
		t.Errorf("got  %swant %s", errs, want)
	}
}

func TestNumbersAreForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 12345678: "12,345,678", -123: "-123"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10189: "10 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB", 128 << 20: "128 MiB", 5 << 40: "5.0 TiB"} {
		if got := byteSize(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestNamesWithNumbersSortByValue(t *testing.T) {
	sorted := []string{"day=1/", "day=02/", "day=2/", "day=10/", "day=10a/", "month=1/", "x"}
	for i, x := range sorted {
		for j, y := range sorted {
			c := compareNatural(x, y)
			if i < j && c > 0 || i > j && c < 0 || i == j && c != 0 {
				t.Errorf("%s against %s: %d", x, y, c)
			}
		}
	}
}

func TestTextsAreCutByWhatTheyTakeOnTheScreen(t *testing.T) {
	for _, c := range []struct {
		text, want string
		n          int
	}{{"abc", "abc", 3}, {"abcd", "ab…", 3}, {"漢字漢字", "漢字…", 5}, {"漢字漢字", "漢…", 4}, {"e\u0301e\u0301", "e\u0301e\u0301", 2}, {"", "", 0}} {
		if got := cut(c.text, c.n); got != c.want || cells(got) > c.n {
			t.Errorf("%q cut to %d is %q of %d cells, want %q", c.text, c.n, got, cells(got), c.want)
		}
	}
	if got := visible("a\x1b[31mb\n\t\x00"); got != `a\x1b[31mb\n\t\x00` {
		t.Errorf("shown as %s", got)
	}
}

func TestATableFitsTheTerminal(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "note", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 12345}, nil)
	b.Field(1).(*array.StringBuilder).AppendValues([]string{"漢字", "a\x1b[2Jb"}, nil)
	b.Field(2).(*array.StringBuilder).AppendValues([]string{strings.Repeat("long ", 20), ""}, []bool{true, false})
	b.Field(3).(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil)
	rec := b.NewRecordBatch()
	for width, want := range map[int]string{
		0: "", 60: `
    id  name       note                  ok
bigint  varchar    varchar               boolean
──────  ─────────  ────────────────────  ───────
     1  漢字       long long long long…  true
 12345  a\x1b[2Jb  NULL                  false
`, 24: `
    id  name       …
bigint  varchar    …
──────  ─────────  …
     1  漢字       …
 12345  a\x1b[2Jb  …
2 columns more; --columns chooses, --format jsonl shows all
`,
	} {
		var out bytes.Buffer
		table := &table{out: &out, note: &out, width: width, ctx: t.Context()}
		if err := table.write(rec); err != nil {
			t.Fatal(err)
		}
		if err := table.end(); err != nil {
			t.Fatal(err)
		}
		if width == 0 {
			if !strings.Contains(out.String(), strings.Repeat("long ", 20)) {
				t.Errorf("without a terminal, values are cut:\n%s", &out)
			}
			continue
		}
		if got := "\n" + out.String(); got != want {
			t.Errorf("%d columns wide:%s\nwant:%s", width, got, want)
		}
		for line := range strings.Lines(out.String()) {
			if cells(strings.TrimSuffix(line, "\n")) > width && !strings.Contains(line, "--columns") {
				t.Errorf("%d columns wide, and a line of %d", width, cells(line))
			}
		}
	}
}
