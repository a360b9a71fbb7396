package all

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gros-lake/gros/setting"
)

var rewrite = flag.Bool("rewrite", false, "write the tables of settings anew")

const (
	begin = "<!-- settings -->\n"
	end   = "<!-- /settings -->"
)

func TestReadmesHaveTheSettings(t *testing.T) {
	for _, c := range Connectors() {
		path := filepath.Join("..", c.Name, "README.md")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		before, rest, ok := strings.Cut(string(text), begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Errorf("%s: has no %s … %s", path, strings.TrimSpace(begin), end)
			continue
		}
		var b strings.Builder
		if s := c.Source; s != nil {
			table(&b, "source", s.Name, setting.Describe(s.Config()))
		}
		if s := c.Sink; s != nil {
			table(&b, "sink", s.Name, setting.Describe(s.Config()))
		}
		want := before + begin + b.String() + end + after
		if want == string(text) {
			continue
		}
		if !*rewrite {
			t.Errorf("%s: the settings have changed: go test ./connector/all -rewrite", path)
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func table(b *strings.Builder, kind, name string, fields []setting.Field) {
	if len(fields) == 0 {
		fmt.Fprintf(b, "The %s `%s` has no settings.\n\n", kind, name)
		return
	}
	fmt.Fprintf(b, "The %s `%s`:\n\n| setting | type | default | meaning | example |\n|---|---|---|---|---|\n", kind, name)
	for _, f := range fields {
		fallback := quote(f.Default)
		if f.Required {
			fallback = "required"
		}
		doc := f.Doc
		if len(f.OneOf) > 0 {
			doc += " (one of " + strings.Join(f.OneOf, ", ") + ")"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", quote(f.Name), f.Type, fallback, escape(doc), quote(f.Example))
	}
	b.WriteByte('\n')
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

func escape(s string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;").Replace(s)
}
