package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gros-lake/gros/test/services"
)

// The examples of the docs are run. The words behind a block's language say how:
//
//	yaml file=p.yaml   the block is a file of this name, pipelines are linted
//	sh test            a shell runs it; python test and go test likewise
//	text output        is exactly what the block before printed
//
// Each page has a folder of its own, with the testdata that stand beside the page.
func TestTheExamplesOfTheDocsRun(t *testing.T) {
	root := filepath.Dir(example(t, ""))
	pages, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		blocks := blocksOf(string(page))
		if len(blocks) == 0 {
			continue
		}
		ran++
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { runPage(t, filepath.Dir(path), blocks) })
	}
	if ran < 5 {
		t.Errorf("only %d pages have examples that run", ran)
	}
}

// Every command that the binary has is told of.
func TestThePageOfCommandsHasAll(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(filepath.Dir(example(t, "")), "docs/commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, listed, _ := strings.Cut(must(t, t.TempDir(), "", "--help"), "Commands:\n")
	listed, _, _ = strings.Cut(listed, "\n\n")
	commands := regexp.MustCompile(`(?m)^  ([a-z]+) `).FindAllStringSubmatch(listed, -1)
	if len(commands) < 10 {
		t.Fatalf("only %d commands in the help", len(commands))
	}
	for _, c := range commands {
		if !strings.Contains(string(page), "`gros "+c[1]) {
			t.Errorf("docs/commands.md does not tell of gros %s", c[1])
		}
	}
}

// block is a fenced block of a page that a test has to do with.
type block struct{ language, action, body string }

var fence = regexp.MustCompile("(?ms)^```([a-z]+) (test|output|file=[^\\s`]+)\n(.*?)^```$")

func blocksOf(page string) []block {
	var all []block
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		all = append(all, block{m[1], m[2], m[3]})
	}
	return all
}

func runPage(t *testing.T, beside string, blocks []block) {
	dir := t.TempDir()
	if _, err := os.Stat(filepath.Join(beside, "testdata")); err == nil {
		if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS(filepath.Join(beside, "testdata"))); err != nil {
			t.Fatal(err)
		}
	}
	printed := ""
	for _, b := range blocks {
		name, isFile := strings.CutPrefix(b.action, "file=")
		switch {
		case isFile:
			writeExample(t, filepath.Join(dir, name), b.body)
			if strings.Contains(b.body, "sink") && strings.HasSuffix(name, ".yaml") {
				must(t, dir, "", "lint", name)
			}
		case b.action == "output":
			if printed != b.body {
				t.Errorf("the page says\n%s\nprinted was\n%s", b.body, printed)
			}
		default:
			printed = runExample(t, dir, b)
		}
	}
}

func writeExample(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o666); err != nil {
		t.Fatal(err)
	}
}

// runExample returns what a block printed on standard output.
func runExample(t *testing.T, dir string, b block) string {
	t.Helper()
	var c *exec.Cmd
	switch b.language {
	case "sh":
		c = exec.Command("sh", "-euc", b.body)
	case "go":
		c = exec.Command(buildExample(t, b.body))
	case "python":
		c = exec.Command(services.Python(t), "-c", b.body)
	default:
		t.Fatalf("nobody runs %s", b.language)
	}
	var out, errs bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = dir, &out, &errs
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if err := c.Run(); err != nil {
		t.Fatalf("%s\n%v\n%s%s", b.body, err, out.String(), errs.String())
	}
	return out.String()
}

// buildExample returns a binary of a Go program.
func buildExample(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	writeExample(t, filepath.Join(dir, "main.go"), program)
	c := exec.Command("go", "build", "-o", filepath.Join(dir, "program"), filepath.Join(dir, "main.go"))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "program")
}
