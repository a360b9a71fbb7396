// Package test holds what is tested across packages.
package test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gros-lake/gros"

// floors lists the rooms from the ground up. An import may only point down; rooms of one floor do not import each other.
var floors = [][]string{
	{"fault"},
	{"rows", "dataset", "setting"},
	{"expr"},
	{"bucket", "format"},
	{"connector"},
	{"stage"},
	{"bucket/*", "format/*", "internal/registry", "internal/commit"},
	{"internal/chunk", "internal/asset", "internal/table", "internal/governance/*"},
	{"connector/*", "stage/*"},
	{"internal/pipeline", "internal/job"},
	{"*/all", "*/*test", "internal/config", "internal/query"},
	{""}, // the root package
	{"internal/server"},
	{"internal/cli"},
	{"cmd/*", "test", "test/*", "examples/*"},
}

// floor is where a room stands, and the room itself: subfolders of a driver belong to it. -1: the room has no floor.
func floor(pkg string) (int, string) {
	best, room := -1, ""
	for i, names := range floors {
		for _, name := range names {
			if r, ok := match(name, pkg); ok && (best < 0 || !strings.Contains(name, "*") || strings.HasPrefix(name, "*/")) {
				best, room = i, r
			}
		}
	}
	return best, room
}

func match(name, pkg string) (string, bool) {
	parts, want := strings.Split(pkg, "/"), strings.Split(name, "/")
	if len(parts) < len(want) {
		return "", false
	}
	if len(parts) > len(want) && !strings.HasSuffix(name, "*") { // bucket is not bucket/file, internal/cli holds internal/cli/x
		if !strings.HasPrefix(name, "internal/") {
			return "", false
		}
	}
	for i, w := range want {
		if ok, _ := filepath.Match(w, parts[i]); !ok {
			return "", false
		}
	}
	return strings.Join(parts[:len(want)], "/"), true
}

func TestImportsPointDown(t *testing.T) {
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "clients" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			check(t, root, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, root, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	rel, _ := filepath.Rel(root, filepath.Dir(path))
	pkg := filepath.ToSlash(rel)
	if pkg == "." {
		pkg = ""
	}
	from, fromRoom := floor(pkg)
	if from < 0 {
		t.Errorf("%s: the room has no floor", path)
		return
	}
	for _, imp := range file.Imports {
		target, _ := strconv.Unquote(imp.Path.Value)
		if target != module && !strings.HasPrefix(target, module+"/") {
			continue
		}
		pkg := strings.TrimPrefix(strings.TrimPrefix(target, module), "/")
		to, toRoom := floor(pkg)
		switch {
		case to < 0:
			t.Errorf("%s: imports %s, a room without a floor", path, target)
		case to > from:
			t.Errorf("%s: imports %s, which stands above", path, target)
		case to == from && toRoom != fromRoom && !strings.HasPrefix(fromRoom, "test"):
			t.Errorf("%s: imports %s of the same floor", path, target)
		}
	}
}

func TestFloorsAreWhereOneExpects(t *testing.T) {
	for low, high := range map[string]string{
		"fault": "rows", "rows": "bucket", "bucket": "connector", "connector": "stage", "stage": "bucket/file", "format/json": "internal/chunk",
		"internal/chunk": "connector/files", "connector/files": "internal/pipeline", "internal/pipeline": "connector/all",
		"bucket/all": "", "": "internal/cli", "internal/cli": "cmd/gros", "bucket/file": "bucket/buckettest",
	} {
		l, _ := floor(low)
		h, _ := floor(high)
		if l < 0 || h <= l {
			t.Errorf("%q on %d, %q on %d", low, l, high, h)
		}
	}
}
