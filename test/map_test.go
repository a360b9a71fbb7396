package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The file map of ARCHITECTURE.md has every folder with Go files, and no folder that is not there.
func TestTheFileMapHasEveryRoom(t *testing.T) {
	page, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "\n## Where things are\n")
	table, _, _ := strings.Cut(rest, "\n## ")
	if !found {
		t.Fatal("ARCHITECTURE.md has no file map")
	}
	mapped := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z0-9/_]+/)`").FindAllStringSubmatch(table, -1) {
		mapped[m[1]] = true
		if info, err := os.Stat(filepath.Join("..", m[1])); err != nil || !info.IsDir() {
			t.Errorf("the map has %s, which is no folder: %v", m[1], err)
		}
	}
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != "..") {
			return filepath.SkipDir
		}
		room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../") + "/"
		if !d.IsDir() && strings.HasSuffix(path, ".go") && room != "../" && !within(mapped, room) {
			t.Errorf("the map does not have %s", room)
			mapped[room] = true // once is enough
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// within says whether a folder is in the map, or belongs to a driver or a command that is.
func within(mapped map[string]bool, room string) bool {
	if mapped[room] {
		return true
	}
	parts := strings.Split(room, "/")
	return len(parts) > 3 && mapped[strings.Join(parts[:2], "/")+"/"]
}
