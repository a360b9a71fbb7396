package json

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

func input(name, text string) format.Input {
	return format.Input{Name: name, Size: int64(len(text)), Open: func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		rest := text[off:]
		if n >= 0 {
			rest = rest[:min(int(n), len(rest))]
		}
		return io.NopCloser(strings.NewReader(rest)), nil
	}}
}

// documentsOf returns the lines that are not blank of all blocks after pos, and the positions on the way.
func documentsOf(t *testing.T, in format.Input, pos rows.Position, block int) (docs []string, at []rows.Position, err error) {
	t.Helper()
	r, err := Open(t.Context(), in, format.ReadOptions{Block: block})
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range r.Read(t.Context(), pos) {
		if err != nil {
			return docs, at, err
		}
		p, ok := rows.PayloadOf(b.Rows)
		if !ok || p.Format != "json" || !p.Blocks {
			t.Fatalf("batch is no block of JSON: %v", b.Rows)
		}
		docs = append(docs, documentLines(p.Values)...)
		at = append(at, b.Position)
	}
	return docs, at, nil
}

func documentLines(values *array.Binary) (out []string) {
	for i := range values.Len() {
		for line := range bytes.Lines(values.Value(i)) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				out = append(out, string(line))
			}
		}
	}
	return out
}

func TestShapesOfFiles(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             []string
	}{
		{"lines", "a.jsonl", "{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"byte order mark", "a.json", "\ufeff{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"blank lines first", "a.json", "\n\n {\"a\":1}\n", []string{`{"a":1}`}},
		{"empty", "a.json", "", nil},
		{"blank", "a.json", " \n\n", nil},
		{"array on one line", "a.json", `[{"a":1},{"a":[1,2]},{"a":"],}\"{"}]`, []string{`{"a":1}`, `{"a":[1,2]}`, `{"a":"],}\"{"}`}},
		{"pretty array", "a.json", "\ufeff [\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": {\n      \"b\": []\n    }\n  }\n]\n", []string{`{     "a": 1   }`, `{     "a": {       "b": []     }   }`}},
		{"array in a file of lines", "a.ndjson", "[{\"a\":1}\n,{\"a\":2}]", []string{`{"a":1}`, `{"a":2}`}},
		{"empty array", "a.json", "[ ]\n", nil},
		{"arrays one after the other", "a.json", "[{\"a\":1}]\n[{\"a\":2},3]", []string{`{"a":1}`, `{"a":2}`, `3`}},
		{"array with what is no object", "a.json", "[{\"a\":1}, 2 ,\"x,]\" , null,[3,\n4],true]", []string{`{"a":1}`, `2`, `"x,]"`, `null`, `[3, 4]`, `true`}},
		{"an array of numbers is a line", "a.json", "[1,2]\n[3]\n", []string{"[1,2]", "[3]"}},
		{"one document", "a.json", "{\n  \"a\": 1,\n  \"b\": \"}\"\n}\n", []string{`{   "a": 1,   "b": "}" }`}},
		{"documents", "a.json", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}", []string{`{   "a": 1 }`, `{   "a": 2 }`}},
		{"broken first line of lines", "a.json", "{\"a\":\n{\"a\":2}\n", []string{`{"a":`, `{"a":2}`}},
		{"first line broken in a string", "a.json", "{\"a\":\"x\n\"b\":2}\n", []string{`{"a":"x`, `"b":2}`}},
		{"broken line in a file of lines", "a.jsonl", "{\"a\":1,\n\"b\":2}\n", []string{`{"a":1,`, `"b":2}`}},
		{"unfinished document", "a.json", "{\n  \"a\": 1,\n", []string{`{   "a": 1,`}},
		{"no JSON", "a.json", "hello\nworld\n", []string{"hello", "world"}},
	} {
		for _, block := range []int{0, 10, 40} {
			t.Run(fmt.Sprintf("%s, block %d", c.name, block), func(t *testing.T) {
				in := input(c.file, c.text)
				got, at, err := documentsOf(t, in, "", block)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
					t.Errorf("documents are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
				for _, pos := range at {
					rest, _, err := documentsOf(t, in, pos, block)
					if err != nil {
						t.Fatalf("from %s on: %v", pos, err)
					}
					if !strings.HasSuffix(strings.Join(got, "\n"), strings.Join(rest, "\n")) {
						t.Errorf("from %s on: %q", pos, rest)
					}
				}
				if n := len(at); n > 0 {
					if rest, _, _ := documentsOf(t, in, at[n-1], block); len(rest) > 0 {
						t.Errorf("after the last position comes %q", rest)
					}
				}
			})
		}
	}
}

func TestDamagedArraysNameThePlace(t *testing.T) {
	for text, want := range map[string]string{
		`[{"a":1},{"a":2}`:   "a.json: after byte 16: the text ends inside its array",
		`[{"a":1},{"a":`:     "a.json: after byte 8: the text ends inside its array",
		`[{"a":1}{"a":2}]`:   "a.json: after byte 8: no comma between two elements of the array",
		"[{\"a\":1}]\n{}\n":  "a.json: after byte 8: text after the end of the array",
		"[{\"a\":1}]\x00":    "a.json: after byte 8: text after the end of the array",
		"\xff\xfe{\x00}\x00": "a.json: byte 0: UTF-16 text",
	} {
		docs, _, err := documentsOf(t, input("a.json", text), "", 0)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error is %v, want %s", text, err, want)
		}
		if kind := fault.KindOf(err); kind != fault.Corrupt && kind != fault.Invalid {
			t.Errorf("%q: kind is %v", text, kind)
		}
		if strings.HasPrefix(text, `[{"a":1},{`) && (len(docs) == 0 || docs[0] != `{"a":1}`) {
			t.Errorf("%q: documents before the damage are %q", text, docs)
		}
	}
}

func TestArrayLargerThanABlockKeepsEveryElement(t *testing.T) {
	var b strings.Builder
	b.WriteString("[")
	for i := range 20_000 {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "{\"id\": %d,\n \"s\": \"line\\nbreak ]}\"}", i)
	}
	b.WriteString("\n]\n")
	got, at, err := documentsOf(t, input("a.json", b.String()), "", 10_000)
	if err != nil || len(got) != 20_000 || len(at) < 50 {
		t.Fatalf("%d documents in %d blocks, %v", len(got), len(at), err)
	}
	for i, doc := range got {
		if want := fmt.Sprintf(`{"id": %d,  "s": "line\nbreak ]}"}`, i); doc != want {
			t.Fatalf("document %d is %s, want %s", i, doc, want)
		}
	}
	for _, pos := range at[:20] {
		rest, _, err := documentsOf(t, input("a.json", b.String()), pos, 10_000)
		if err != nil || !strings.HasSuffix(got[len(got)-1], rest[len(rest)-1]) || got[len(got)-len(rest)] != rest[0] {
			t.Fatalf("from %s on: %d documents, %v", pos, len(rest), err)
		}
	}
}

func BenchmarkArray(b *testing.B) {
	text := "[" + strings.Repeat(`{"id":123456,"name":"somebody","url":"http://www.example.com/home","n":1.5},`+"\n", 200_000) + "{}]"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, err := Open(b.Context(), input("a.json", text), format.ReadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Read(b.Context(), "") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
