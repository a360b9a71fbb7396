package commit

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
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

const (
	formats = "../../docs/formats"
	fixture = formats + "/testdata/commit-record"
)

// fixtures are the records that docs/formats shows.
func fixtures(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(fixture + "/_gros/events/log/*.json")
	if err != nil || len(names) != 5 {
		t.Fatalf("fixtures: %q, %v", names, err)
	}
	return append(names, formats+"/testdata/multipart.json")
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// strict decodes JSON that has no field which v has not, and says v again in the same bytes.
func strict(t *testing.T, name string, raw []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if again, err := json.Marshal(v); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("%s: is written again as\n%s, %v\nnot\n%s", name, again, err, raw)
	}
}

func TestRecordsOfTheFormatPageAreReadAndWrittenByteForByte(t *testing.T) {
	for _, name := range fixtures(t) {
		r := new(connector.Record)
		strict(t, name, readFile(t, name), r)
		if r.Schema != nil {
			if _, err := rows.UnmarshalSchema(r.Schema); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !r.Rows.Balanced() {
			t.Errorf("%s: %+v does not add up", name, r.Rows)
		}
	}
}

// Every field that the program writes stands in a table of the page, and every field there is one of the program.
func TestTheFormatPageDocumentsEveryField(t *testing.T) {
	page := string(readFile(t, formats+"/commit-record.md"))
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(page, -1) {
		documented[m[1]] = true
	}
	written := map[string]bool{}
	fieldsOf(reflect.TypeFor[connector.Record](), written)
	for field := range written {
		if !strings.Contains(page, "`"+field+"`") {
			t.Errorf("the page does not mention the field %s", field)
		}
	}
	for _, kind := range []string{connector.KindOwn, connector.KindData, connector.KindVoid, connector.KindReplace} {
		if !documented[kind] {
			t.Errorf("the page does not tell the kind %s", kind)
		}
		delete(documented, kind)
	}
	for field := range documented {
		if !written[field] {
			t.Errorf("the page tells of %s, which no record has", field)
		}
	}
	top := reflect.TypeFor[connector.Record]()
	for i := range top.NumField() {
		if name, _, _ := strings.Cut(top.Field(i).Tag.Get("json"), ","); !documented[name] {
			t.Errorf("the field %s has no row in a table", name)
		}
	}
}

// The fixtures show every field that this version writes.
func TestTheFixturesShowEveryField(t *testing.T) {
	page := string(readFile(t, formats+"/commit-record.md"))
	shown := map[string]bool{}
	for _, name := range fixtures(t) {
		var v any
		if err := json.Unmarshal(readFile(t, name), &v); err != nil {
			t.Fatal(err)
		}
		keysOf(v, shown)
	}
	written := map[string]bool{}
	fieldsOf(reflect.TypeFor[connector.Record](), written)
	for field := range written {
		reserved := regexp.MustCompile("(?m)^\\| `" + field + "` \\|.*Not written by this version").MatchString(page)
		if shown[field] == reserved {
			t.Errorf("field %s: shown %v, not written by this version %v", field, shown[field], reserved)
		}
	}
}

// fieldsOf collects the JSON names of the fields of a type and of those below it.
func fieldsOf(t reflect.Type, into map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case name != "":
			into[name] = true
		}
		fieldsOf(f.Type, into)
	}
}

func keysOf(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			into[key] = true
			keysOf(value, into)
		}
	case []any:
		for _, value := range v {
			keysOf(value, into)
		}
	}
}

// The folder of the fixture is what its log says, and the story that the page tells.
func TestTheFixtureIsAPlace(t *testing.T) {
	b, err := file.Open(fixture)
	if err != nil {
		t.Fatal(err)
	}
	l := Open(Options{Bucket: b, Stem: "events"})
	c, err := l.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for r, err := range l.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, r.Kind)
	}
	if want := []string{"data", "void", "own", "data", "own"}; !slices.Equal(kinds, want) {
		t.Errorf("kinds, newest first: %q, want %q", kinds, want)
	}
	var written, rejected int64
	for key, f := range c.Files {
		raw := readFile(t, filepath.Join(fixture, key))
		if int64(len(raw)) != f.Size || Sum(raw) != f.SHA256 {
			t.Errorf("%s: has %d bytes of %s, the record says %d of %s", key, len(raw), Sum(raw), f.Size, f.SHA256)
		}
		if f.Reject {
			rejected += f.Rows
			raw = decompressed(t, raw)
		} else {
			written += f.Rows
		}
		if n := int64(bytes.Count(raw, []byte("\n"))); n != f.Rows {
			t.Errorf("%s: has %d lines, the record says %d rows", key, n, f.Rows)
		}
	}
	if c.Head.Rows.Written != written || c.Head.Rows.Rejected != rejected || written == 0 || rejected == 0 {
		t.Errorf("%d rows and %d rejects, the record says %+v", written, rejected, c.Head.Rows)
	}
	if len(c.Voided) == 0 {
		t.Error("nothing was voided")
	}
}

func decompressed(t *testing.T, raw []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(nil) // a stream would hold the decoders that DecodeAll waits for
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := d.DecodeAll(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// docs/formats/state.md: the state of stages is their input schema, by source.
func TestTheStateOfTheFixtureIsWhatThePageSays(t *testing.T) {
	b, err := file.Open(fixture)
	if err != nil {
		t.Fatal(err)
	}
	l := Open(Options{Bucket: b, Stem: "events"})
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, split := range head.Splits {
		raw := readFile(t, filepath.Join(fixture, split.State.Key))
		if Sum(raw) != split.State.SHA256 {
			t.Errorf("%s: has the checksum %s, the record says %s", split.State.Key, Sum(raw), split.State.SHA256)
		}
		var state map[string][]json.RawMessage
		strict(t, split.State.Key, raw, &state)
		source := state[rows.ParseSplit(name).Source]
		if len(source) != 1 {
			t.Fatalf("%s: %s", split.State.Key, raw)
		}
		if s, err := rows.UnmarshalSchema(source[0]); err != nil || s.NumFields() != 4 {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}
