package config

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

var rewrite = flag.Bool("rewrite", false, "write testdata as it comes out")

type generateConfig struct {
	Kind string  `setting:"kind" oneof:"web_events rows" default:"web_events" doc:"what is simulated"`
	Rows int64   `setting:"rows" doc:"how many" example:"100_000"`
	Rate float64 `setting:"rate"`
	Seed int64   `setting:"seed"`
}

func (c *generateConfig) Schema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "page", Type: arrow.BinaryTypes.String}}, nil)
}

type kafkaConfig struct {
	Topic  string `setting:"topic,required" doc:"what is read"`
	Format string `setting:"format" doc:"of the connector itself"`
}

type filesConfig struct {
	Path        string   `setting:"path,required" doc:"where files go" example:"out/"`
	PartitionBy []string `setting:"partition_by"`
	Roll        struct {
		Size  setting.Bytes `setting:"size" default:"128MiB"`
		Every time.Duration `setting:"every"`
	} `setting:"roll"`
}

type decodeConfig struct {
	Format    string `setting:"format"`
	Delimiter string `setting:"delimiter"`
}

type nothing struct{}

type checkConfig struct {
	NotNull  []string      `setting:"not_null"`
	Accepted setting.Pairs `setting:"accepted_values"`
}

func (c checkConfig) String() string {
	return fmt.Sprint(c.NotNull, plain(&c.Accepted))
}

type condition string

type bound struct {
	stage.Func
	bind func(*arrow.Schema) (*arrow.Schema, error)
}

func (b bound) Bind(in *arrow.Schema) (*arrow.Schema, error) { return b.bind(in) }

type silent struct{ connector.Source }

// fakes are connectors, stages and formats that only have settings.
func fakes() Registry {
	generate := connector.SourceOf("generate", func(context.Context, connector.Env, *generateConfig) (connector.Source, error) { return silent{}, nil })
	kafka := connector.SourceOf("kafka", func(_ context.Context, _ connector.Env, c *kafkaConfig) (connector.Source, error) {
		if c.Topic == "none" {
			return nil, fault.Hint(errors.New("there is no topic none"), "make it")
		}
		return silent{}, nil
	})
	files := connector.SinkOf("files", func(context.Context, connector.Env, *filesConfig) (connector.Sink, error) { return nil, nil })
	stdout := connector.SinkOf("stdout", func(context.Context, connector.Env, *nothing) (connector.Sink, error) { return nil, nil })
	pass := func(stage.Env) (stage.Stage, error) {
		return stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error { return emit(in) }), nil
	}
	return Registry{
		Connectors: []connector.Spec{
			{Name: "generate", Doc: "makes rows", Source: generate}, {Name: "kafka", Doc: "topics", Source: kafka},
			{Name: "files", Doc: "files", Sink: files}, {Name: "stdio", Doc: "standard output", Sink: stdout},
		},
		Stages: []stage.Spec{
			stage.Of("decode", "payloads become columns", func(e stage.Env, c *decodeConfig) (stage.Stage, error) { return pass(e) }),
			stage.Of("derive", "adds columns", func(e stage.Env, c *setting.Pairs) (stage.Stage, error) {
				return bound{bind: func(in *arrow.Schema) (*arrow.Schema, error) {
					fields := in.Fields()
					for _, p := range *c {
						fields = append(fields, arrow.Field{Name: p.Key, Type: arrow.BinaryTypes.String})
					}
					return arrow.NewSchema(fields, nil), nil
				}}, nil
			}),
			stage.Of("check", "refuses rows", func(e stage.Env, c *checkConfig) (stage.Stage, error) { return pass(e) }),
			stage.Of("filter", "keeps rows", func(e stage.Env, c *condition) (stage.Stage, error) {
				if strings.Contains(string(*c), "((") {
					return nil, fault.Hint(fmt.Errorf("%s: a bracket is open", *c), "close it")
				}
				return bound{bind: func(in *arrow.Schema) (*arrow.Schema, error) {
					column, _, _ := strings.Cut(string(*c), " ")
					if !in.HasField(column) {
						return nil, fmt.Errorf("there is no column %s", column)
					}
					return in, nil
				}}, nil
			}),
		},
		Formats: format.Registry{
			{Name: "json", Decoder: func(format.DecodeOptions) (format.Decoder, error) { return nil, nil }},
			{Name: "csv", Decoder: func(format.DecodeOptions) (format.Decoder, error) { return nil, nil }},
			{Name: "parquet"},
		},
	}
}

func environment(name string) (string, bool) {
	v, ok := map[string]string{"ROWS": "1_000", "EMPTY": "", "OUT": "a: [b", "KEY": "s3cret"}[name]
	return v, ok
}

func options() Options { return Options{Registry: fakes(), Env: environment} }

// golden compares got with a file of testdata, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

func listing(problems []*setting.Error) string {
	var b strings.Builder
	for _, e := range problems {
		fmt.Fprintln(&b, e)
		if e.Hint != "" {
			fmt.Fprintln(&b, "    "+e.Hint)
		}
	}
	return b.String()
}

func TestWhatIsWrongWithAFileIsSaidInItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		p, problems := Lint(t.Context(), filepath.ToSlash(file), options(), connector.Env{})
		if len(problems) == 0 {
			t.Errorf("%s is all right: %+v", file, p)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".txt", listing(problems))
	}
}

func TestGoodFilesLoad(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		p, problems := Lint(t.Context(), filepath.ToSlash(file), options(), connector.Env{})
		if len(problems) > 0 {
			t.Errorf("%s", listing(problems))
			continue
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".txt", dump(p))
	}
}

// dump writes what matters of p.
func dump(p *Pipeline) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("name %s", p.Name)
	for _, s := range p.Sources {
		line("source %s = %s %+v at %s", s.Name, s.Kind, plain(s.Config), s.Place)
		if s.Decode != nil {
			line("  decode %+v", plain(s.Decode.Config))
		}
	}
	for _, s := range p.Stages {
		line("stage %s %+v from %v at %s", s.Name, plain(s.Config), s.From, s.Place)
	}
	for _, s := range p.Sinks {
		line("sink %s = %s %+v where %q contract %v at %s", s.Name, s.Kind, plain(s.Config), s.Where.Text, s.Contract, s.Place)
	}
	line("commit %v %d %v, memory %v, shutdown %v", p.Commit.Every, p.Commit.Rows, p.Commit.Bytes, p.Memory, p.Shutdown)
	line("max_rejects %v, duplicate_keys %s, timestamps %s", p.MaxRejects, p.DuplicateKeys, p.Infer.Timestamps)
	line("schema %v", p.Schema)
	return b.String()
}

func plain(config any) any {
	if pairs, ok := config.(*setting.Pairs); ok {
		var texts []string
		for _, p := range *pairs {
			texts = append(texts, p.Key+": "+p.Value.Shown())
		}
		return texts
	}
	return reflect.ValueOf(config).Elem().Interface()
}

func TestAMissingFileIsNotFoundAndTheNearestIsNamed(t *testing.T) {
	_, err := Load("testdata/good/web-event.yaml", options())
	if !fault.Is(err, fault.NotFound) || fault.HintOf(err) != "did you mean "+filepath.Join("testdata/good/web-events.yaml")+"?" {
		t.Errorf("%v, %q", err, fault.HintOf(err))
	}
	if _, err := Load("testdata", options()); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestErrorsAreInvalidAndHinted(t *testing.T) {
	_, err := Load("testdata/bad/unknown-key.yaml", options())
	if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.HintOf(err), "did you mean") {
		t.Errorf("%v %q", fault.KindOf(err), fault.HintOf(err))
	}
}

const small = "source: {generate: {rows: 5}}\nsink: {files: {path: out/}}\n"

func TestSettingsAreOverridden(t *testing.T) {
	o := options()
	o.Set = []string{"source.generate.rows=1_000", "sink.files.roll.size=1MiB", "commit={every: 1s, rows: 7}", "name=a=b", "sink.files.partition_by=[a, b]", "memory=${EMPTY:-2MiB}"}
	p, err := Parse("p.yaml", []byte(small), o)
	if err != nil {
		t.Fatal(err)
	}
	sink := p.Sinks[0].Config.(*filesConfig)
	if p.Sources[0].Config.(*generateConfig).Rows != 1000 || sink.Roll.Size != 1<<20 || p.Commit != (Commit{Every: time.Second, Rows: 7}) ||
		p.Name != "a=b" || len(sink.PartitionBy) != 2 || p.Memory != 2<<20 {
		t.Errorf("%s", dump(p))
	}
	o.Set = []string{"sinks[1].files.path=b/"}
	p, err = Parse("p.yaml", []byte("source: generate\nsinks:\n- stdout\n- files: {path: a/}\n"), o)
	if err != nil || p.Sinks[1].Config.(*filesConfig).Path != "b/" {
		t.Error(err)
	}
}

func TestWrongOverridesAreSaid(t *testing.T) {
	for set, want := range map[string]string{
		"source.genrate.rows=5":         "--set: source.genrate: unknown key | did you mean \"generate\"?",
		"source.generate.row=5":         "--set: source.generate.row: unknown key | did you mean \"rows\"?",
		"source.generate.rows=many":     "--set: source.generate.rows: many is no whole number | numbers are written as 5, 1_000_000 or, with a fraction, 0.25",
		"comit.every=5s":                "--set: comit: unknown key | did you mean \"commit\"?",
		"source.generate.rows.x=5":      "--set: source.generate.rows.x: 5 has no key x | ",
		"sinks[3].files.path=x":         "--set: sinks: there is no item [3] | it is nothing",
		"stages[1].filter=x":            "--set: stages: there is no item [1] | the list has 1 items, counted from 0",
		"rows":                          "--set: \"rows\" is no assignment | write --set source.generate.rows=1000",
		"source.generate.rows=[1":       "--set source.generate.rows:1:1: sequence end token ']' not found | ",
		"source.generate.rows=${NO_NO}": "--set: source.generate.rows: the environment variable NO_NO is not set | set it, or give a default: ${NO_NO:-…}",
	} {
		o := options()
		o.Set = []string{set}
		_, err := Parse("p.yaml", []byte(small+"stages: [filter: id > 1]\n"), o)
		all := setting.Errors(err)
		if len(all) == 0 || all[0].Error()+" | "+all[0].Hint != want {
			t.Errorf("--set %s\ngot  %s\nwant %s", set, listing(all), want)
		}
	}
}

func TestVariablesAreTextAndCannotInjectStructure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("out/${ROWS}\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"${OUT}":               "a: [b",
		"${NONE:-x}":           "x",
		"${EMPTY:-x}":          "x",
		"a${EMPTY}b":           "ab",
		"$${ROWS}":             "${ROWS}",
		"${ROWS}$${X}${ROWS}":  "1_000${X}1_000",
		"$ROWS $":              "$ROWS $",
		"${file:" + file + "}": "out/${ROWS}",
	} {
		p, err := Parse("p.yaml", []byte("source: {generate: {rows: '${ROWS}'}}\nsink:\n  files:\n    path: \""+text+"\"\n"), options())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.Sinks[0].Config.(*filesConfig).Path; got != want || p.Sources[0].Config.(*generateConfig).Rows != 1000 {
			t.Errorf("%s = %q, want %q", text, got, want)
		}
	}
}

func TestValuesOfVariablesAreNotInErrors(t *testing.T) {
	text := `
source: {generate: {rows: "${KEY}", kind: "${KEY}"}}
stages: ["${KEY}"]
sinks:
- files: {path: x, roll: {size: "${KEY}", every: "${KEY}"}}
  name: "${KEY}/"
  where: "(${KEY}"
max_rejects: ${KEY}
infer: {timestamps: "${KEY}"}
memory: ${KEY}
schema: {a: "${KEY}"}
contract: ${KEY}
`
	_, err := Parse("p.yaml", []byte(text), options())
	if n := len(setting.Errors(err)); n != 12 || strings.Contains(err.Error(), "s3cret") {
		t.Error(n, err)
	}
}

func TestFilesOfOtherEditorsAreRead(t *testing.T) {
	p, err := Parse("p.yaml", []byte("\ufeff"+strings.ReplaceAll(small+"name: x # y\n...\n", "\n", "\r\n")), options())
	if err != nil || p.Name != "x" || p.Sinks[0].Config.(*filesConfig).Path != "out/" {
		t.Error(err)
	}
}

func TestManyAliasesAreRefused(t *testing.T) {
	text := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'k'; c++ {
		text += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	_, err := Parse("p.yaml", []byte(text), options())
	if err == nil || !strings.Contains(err.Error(), "too many values") {
		t.Errorf("%.300v", err)
	}
	for _, deep := range []string{strings.Repeat("[", 1_000_000), strings.Repeat("{a: ", 1_000_000), strings.Repeat("[\n", 100_000), strings.Repeat("- ", 1_000_000), strings.Repeat("? ", 100_000), strings.Repeat("a", maxFile+1)} {
		if _, err := Parse("p.yaml", []byte(deep), options()); err == nil || len(err.Error()) > 300 {
			t.Errorf("%.20s: %.300v", deep, err)
		}
	}
}

func FuzzAnyFileIsReadOrRefused(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		p, err := Parse("p.yaml", []byte(text), options())
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if err == nil && (len(p.Sources) == 0 || len(p.Sinks) == 0) {
			t.Errorf("%+v", p)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", fault.KindOf(err), err)
		}
	})
}

func TestTheSchemaOfFilesIsWhatLoadReads(t *testing.T) {
	schema := JSONSchema(fakes())
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", string(text)+"\n")
}
