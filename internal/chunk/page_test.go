package chunk

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const formats = "../../docs/formats"

// docs/formats/rejects.md has the fields of a reject in the order in which they are written, and no others.
func TestThePageOfRejectsHasEveryField(t *testing.T) {
	page, err := os.ReadFile(formats + "/rejects.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(page), "| kind | the row |")
	var documented, written []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(table, -1) {
		documented = append(documented, m[1])
	}
	line := reflect.TypeFor[RejectLine]()
	for i := range line.NumField() {
		name, _, _ := strings.Cut(line.Field(i).Tag.Get("json"), ",")
		written = append(written, name)
	}
	if !slices.Equal(documented, written) {
		t.Errorf("the page has %q, a line has %q", documented, written)
	}
}

func TestTheRejectsOfTheFixtureAreReadAndWrittenByteForByte(t *testing.T) {
	names, err := filepath.Glob(formats + "/testdata/commit-record/_gros/events/rejects/*.rejects.zst")
	if err != nil || len(names) != 1 {
		t.Fatalf("fixtures: %q, %v", names, err)
	}
	raw, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := d.DecodeAll(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		strict := json.NewDecoder(bytes.NewReader(line))
		strict.DisallowUnknownFields()
		var l RejectLine
		if err := strict.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(l); err != nil || string(again)+"\n" != string(line) {
			t.Errorf("is written again as\n%s, %v\nnot\n%s", again, err, line)
		}
	}
}
