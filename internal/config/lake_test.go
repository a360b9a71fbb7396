package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
)

const lakeText = `lake:
  root: ${ROOT:-./data}
  catalog: sqlite:lake/catalog.db
  state: sqlite:lake/state.db
server: {listen: 127.0.0.1:8090}
pipelines: [pipelines/*.yaml]
jobs: jobs/*.yaml
policies: []
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheNearestLakeUpwardsIsFound(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, LakeFile), lakeText)
	write(t, filepath.Join(dir, "a", "b", "x"), "")
	l, err := LoadLake(filepath.Join(dir, "a", "b"), environment)
	if err != nil {
		t.Fatal(err)
	}
	if l.Dir != dir || l.File != filepath.Join(dir, LakeFile) || l.Lake.Root != "./data" || l.Lake.Catalog != "sqlite:lake/catalog.db" ||
		!slices.Equal(l.Pipelines, []string{"pipelines/*.yaml"}) || !slices.Equal(l.Jobs, []string{"jobs/*.yaml"}) || l.Server.Get("listen").Text != "127.0.0.1:8090" {
		t.Errorf("%+v", l)
	}
	write(t, filepath.Join(dir, "a", LakeFile), "pipelines: p.yaml\n")
	if l, err = LoadLake(filepath.Join(dir, "a", "b"), nil); err != nil || l.Dir != filepath.Join(dir, "a") || l.Lake.Root != "./lake" {
		t.Errorf("%v %+v", err, l)
	}
}

func TestALakeFileIsStrict(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, LakeFile), "lake: {rot: x}\npipeline: x\n")
	_, err := LoadLake(dir, nil)
	got := strings.ReplaceAll(listing(setting.Errors(err)), dir, "")
	want := "/gros.yaml:1:8: lake.rot: unknown key\n    did you mean \"root\"?\n/gros.yaml:2:1: pipeline: unknown key\n    did you mean \"pipelines\"?\n"
	if got != want || !fault.Is(err, fault.Invalid) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestNoLakeIsNotFoundWithAHint(t *testing.T) {
	_, err := LoadLake(t.TempDir(), nil)
	if !fault.Is(err, fault.NotFound) || !strings.Contains(fault.HintOf(err), "gros init") {
		t.Errorf("%v %q", err, fault.HintOf(err))
	}
}
