package e2e

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// One bad line among good ones: it is a row, or a reject with its place, and what is around it is untouched.
func TestEachBadLineIsARowOrAReject(t *testing.T) {
	lines := []struct {
		name, line string
		kind       string // of the reject, "" for a row
		column     string // that it names
	}{
		{"invalid UTF-8", "{\"id\":2,\"s\":\"\xff\xfe\"}", "encoding", ""},
		{"a cut character", "{\"id\":2,\"s\":\"\xe2\x82\"}", "encoding", ""},
		{"an overlong character", "{\"id\":2,\"s\":\"\xc0\xaf\"}", "encoding", ""},
		{"a surrogate in UTF-8", "{\"id\":2,\"s\":\"\xed\xa0\x80\"}", "encoding", ""},
		{"invalid UTF-8 in a key", "{\"id\":2,\"\xff\":1}", "encoding", ""},
		{"a NUL byte in a string", "{\"id\":2,\"s\":\"a\x00b\"}", "malformed", "s"},
		{"a NUL byte alone", "\x00", "malformed", ""},
		{"a NUL byte behind the row", "{\"id\":2}\x00", "malformed", ""},
		{"NaN", `{"id":2,"f":NaN}`, "malformed", "f"},
		{"Infinity", `{"id":2,"f":-Infinity}`, "malformed", "f"},
		{"a lone high surrogate", `{"id":2,"s":"\ud83d"}`, "malformed", "s"},
		{"a lone low surrogate", `{"id":2,"s":"\ude00x"}`, "malformed", "s"},
		{"a number", `7`, "malformed", ""},
		{"a string", `"x"`, "malformed", ""},
		{"a list", `[{"id":2}]`, "malformed", ""},
		{"null", `null`, "malformed", ""},
		{"true", `true`, "malformed", ""},
		{"two objects", `{"id":2}{"id":4}`, "malformed", ""},
		{"a comma too many", `{"id":2,}`, "malformed", ""},
		{"a leading zero", `{"id":02}`, "malformed", "id"},
		{"a plus", `{"id":+2}`, "malformed", "id"},
		{"a bad escape", `{"id":2,"s":"\x41"}`, "malformed", "s"},
		{"a single quote", `{'id':2}`, "malformed", ""},
		{"a comment", `{"id":2} // two`, "malformed", ""},
		{"10,000 lists deep", `{"id":2,"s":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}", "type", "s"},
		{"10,000 objects deep", `{"id":2,"s":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + "}", "type", "s"},
		{"10,000 open lists", `{"id":2,"s":` + strings.Repeat("[", 10_000), "type", "s"},
	}
	for _, c := range lines {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before, after := `{"id":1,"s":"one","f":0.5}`+"\n", `{"id":3,"s":"three","f":1.5}`+"\n"
			r := egress(t, dir, before+c.line+"\n"+after, "out.jsonl")
			if !strings.Contains(r.stderr, "rejected and kept") {
				t.Errorf("stderr does not tell of the reject: %s", r.stderr)
			}
			_, sum := records(t, dir, "out")
			if sum != (counts{Read: 3, Written: 2, Rejected: 1}) {
				t.Errorf("counts %+v", sum)
			}
			all := rejects(t, dir, "out")
			if len(all) != 1 {
				t.Fatalf("rejects %v", all)
			}
			got := all[0]
			if got.Kind != c.kind || got.Offset != int64(len(before)) || got.bytes() != c.line || got.Source != "stdin" || got.Message == "" {
				t.Errorf("kind %s, offset %d, source %s, %d bytes: %s", got.Kind, got.Offset, got.Source, len(got.bytes()), got.Message)
			}
			if c.column != "" && got.Column != c.column && !strings.HasPrefix(got.Column, c.column+".") {
				t.Errorf("column %q, want %q", got.Column, c.column)
			}
			if text := dataOf(t, dir); text != before+after {
				t.Errorf("rows %s", text)
			}
		})
	}
}

// dataOf returns the bytes of all chunks below a place.
func dataOf(t *testing.T, place string) string {
	t.Helper()
	var all strings.Builder
	for _, key := range chunks(t, place) {
		all.WriteString(contents(t, filepath.Join(place, key)))
	}
	return all.String()
}

func TestLinesOfEveryKindAreRows(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"an unfinished last line", "{\"id\":1}\n{\"id\":2}", "{\"id\":1}\n{\"id\":2}\n"},
		{"a byte order mark", "\xef\xbb\xbf{\"id\":1}\n", "{\"id\":1}\n"},
		{"CRLF", "{\"id\":1}\r\n{\"id\":2}\r\n", "{\"id\":1}\n{\"id\":2}\n"},
		{"blank lines", "\n{\"id\":1}\n\n  \n\t\r\n{\"id\":2}\n\n", "{\"id\":1}\n{\"id\":2}\n"},
		{"an escaped NUL", `{"s":"a\u0000b"}` + "\n", `{"s":"a\u0000b"}` + "\n"},
		{"a surrogate pair", `{"s":"\ud83d\ude00"}` + "\n", `{"s":"😀"}` + "\n"},
		{"an empty object", "{\"id\":1}\n{}\n", "{\"id\":1}\n{\"id\":null}\n"},
		{"an empty key", `{"":1,"id":2}` + "\n", `{"":1,"id":2}` + "\n"},
		{"keys that differ by case", `{"Id":1,"id":2,"ID":3}` + "\n", `{"Id":1,"id":2,"ID":3}` + "\n"},
		{"the last of two keys", `{"id":1,"x":5,"id":2}` + "\n", `{"id":2,"x":5}` + "\n"},
		{"the last of two keys, of another type", `{"id":"one","id":2}` + "\n", `{"id":2}` + "\n"},
		{"2^63-1 and -2^63", "{\"x\":9223372036854775807}\n{\"x\":-9223372036854775808}\n", "{\"x\":9223372036854775807}\n{\"x\":-9223372036854775808}\n"},
		{"one array of objects", `[{"id":1}, {"id":2}]`, "{\"id\":1}\n{\"id\":2}\n"},
		{"nothing", "", ""},
		{"only blank lines", "\n\n\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			egress(t, dir, c.in, "out.jsonl")
			if got := dataOf(t, dir); got != c.want {
				t.Errorf("rows %q, want %q", got, c.want)
			}
			if all := rejects(t, dir, "out"); len(all) > 0 {
				t.Errorf("rejects %v", all)
			}
		})
	}
}

// Numbers that no int64 and no double holds are kept to the last digit.
func TestNumbersAreNeverRounded(t *testing.T) {
	for _, c := range []struct{ name, in, kind, want string }{
		{"2^63 behind an integer", "{\"x\":1}\n{\"x\":9223372036854775808}\n", "BIGINT", `[null,"9223372036854775808"]`},
		{"2^63 first", "{\"x\":9223372036854775808}\n{\"x\":1}\n", "DECIMAL(20,0)", `["1",null]`},
		{"2^64 first", "{\"x\":18446744073709551616}\n", "DECIMAL(20,0)", `["18446744073709551616",null]`},
		{"1e400", "{\"x\":0.5}\n{\"x\":1e400}\n", "DOUBLE", `[null,"1e400"]`},
		{"1e400 first", "{\"x\":1e400}\n{\"x\":0.5}\n", "DOUBLE", `[0.5,null]`},
		{"30 digits", "{\"x\":0.5}\n{\"x\":123456789012345678901234567890}\n", "DOUBLE", `[null,"123456789012345678901234567890"]`},
		{"2^53+1 in a column of doubles", "{\"x\":0.5}\n{\"x\":9007199254740993}\n", "DOUBLE", `[null,"9007199254740993"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			// Each line is a process of its own: the first decides.
			for line := range strings.Lines(c.in) {
				egress(t, dir, line, "out/")
			}
			out := filepath.Join(dir, "out")
			answers(t, out, `select any_value(typeof(x)) from read_parquet(@, union_by_name = true)`, fmt.Sprintf("[%q]", c.kind))
			if c.name == "2^64 first" {
				answers(t, out, `select x::varchar, null from read_parquet(@, union_by_name = true)`, c.want)
				return
			}
			query := `select x, x__v_text from (select *, null::varchar as x__v_text from read_parquet(@, union_by_name = true)) limit 1 offset 1`
			if len(chunks(t, out)) > 0 && strings.Contains(strings.Join(queried(t, out, `describe select * from read_parquet(@, union_by_name = true)`), " "), "x__v_text") {
				query = `select x, x__v_text from read_parquet(@, union_by_name = true) limit 1 offset 1`
			}
			answers(t, out, query, c.want)
		})
	}
}

func TestDuplicateKeysCanBeRefused(t *testing.T) {
	dir := t.TempDir()
	egress(t, dir, "{\"id\":1,\"id\":2}\n{\"id\":3}\n{\"o\":{\"a\":1,\"a\":2}}\n", "out.jsonl", "--duplicate-keys", "reject")
	_, sum := records(t, dir, "out")
	if sum != (counts{Read: 3, Written: 1, Rejected: 2}) {
		t.Errorf("counts %+v", sum)
	}
	for _, r := range rejects(t, dir, "out") {
		if r.Kind != "duplicate" {
			t.Errorf("kind %s: %s", r.Kind, r.Message)
		}
	}
	egress(t, dir, "{\"id\":1,\"id\":2}\n{\"id\":3}\n{\"o\":{\"a\":1,\"a\":2}}\n", "last.jsonl")
	log, _ := records(t, dir, "last")
	if n := log[len(log)-1].Duplicates; n != 2 {
		t.Errorf("%d duplicate keys counted, want 2", n)
	}
}

// repeated is the text that a function makes, piece by piece.
func repeated(n int, piece func(i int) string) io.Reader {
	r, w := io.Pipe()
	go func() {
		var buf bytes.Buffer
		for i := range n {
			buf.WriteString(piece(i))
			if buf.Len() > 1<<16 || i == n-1 {
				if _, err := w.Write(buf.Bytes()); err != nil {
					return
				}
				buf.Reset()
			}
		}
		w.Close()
	}()
	return r
}

// A line is as long as this or a reject; either way memory stays inside the bound.
func TestLongLines(t *testing.T) {
	const limit, memory = 64 << 20, 256 << 20
	line := func(size int) func(int) string {
		const piece = 1 << 16
		return func(i int) string { // of size bytes, the newline aside
			const head, tail = `{"id":2,"s":"`, `"}`
			n := (size - len(head) - len(tail))
			switch last := (n - 1) / piece; {
			case i == 0:
				return `{"id":1,"s":"a"}` + "\n" + head
			case i <= last:
				return strings.Repeat("x", piece)
			case i == last+1:
				return strings.Repeat("x", n-last*piece) + tail + "\n" + `{"id":3,"s":"b"}` + "\n"
			}
			return ""
		}
	}
	for _, c := range []struct {
		name     string
		size     int
		rejected int64
	}{
		{"64 MiB", limit, 0},
		{"one byte more", limit + 1, 1},
		{"three times as long", 3 * limit, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			bound := int64(memory)
			if c.rejected == 0 {
				bound += 16 << 20 // such a row is there some times at once, as text, as a column and as a page
			}
			fed(t, dir, repeated(c.size/(1<<16)+3, line(c.size)), "egress", "out/").well(t).inside(t, bound)
			out := filepath.Join(dir, "out")
			if _, sum := records(t, out, "part"); sum != (counts{Read: 3, Written: 3 - c.rejected, Rejected: c.rejected}) {
				t.Errorf("counts %+v", sum)
			}
			if c.rejected > 0 {
				if all := rejects(t, out, "part"); all[0].Kind != "size" || len(all[0].Raw) == 0 {
					t.Errorf("%s: %s", all[0].Kind, all[0].Message)
				}
				answers(t, out, "select list(id order by id) from read_parquet(@)", "[[1,3]]")
			} else {
				answers(t, out, "select id, length(s) from read_parquet(@) order by id", "[1,1]", fmt.Sprintf("[2,%d]", limit-len(`{"id":2,"s":""}`)), "[3,1]")
			}
		})
	}
}

func TestFiveThousandColumns(t *testing.T) {
	const columns, memory = 5000, 256 << 20
	wide := func(i int) string {
		var b strings.Builder
		fmt.Fprintf(&b, `{"id":%d`, i)
		for c := range columns {
			if c%2 == 0 {
				fmt.Fprintf(&b, `,"c%d":"v%d-%d"`, c, i, c)
			} else {
				fmt.Fprintf(&b, `,"c%d":%d`, c, i*c)
			}
		}
		b.WriteString("}\n")
		return b.String()
	}
	check := `select count(*), count(c0), count(c4999), count_if(c4998 is distinct from 'v' || id || '-4998'), sum(c4999) from read_parquet(@, union_by_name = true)`
	t.Run("in every row", func(t *testing.T) {
		dir := t.TempDir()
		rows := 300
		fed(t, dir, repeated(rows, wide), "egress", "out/").well(t).inside(t, memory)
		answers(t, filepath.Join(dir, "out"), check, fmt.Sprintf("[%d,%d,%d,0,%d]", rows, rows, rows, 4999*rows*(rows-1)/2))
	})
	t.Run("in one row", func(t *testing.T) {
		dir := t.TempDir()
		rows := 20_000
		fed(t, dir, repeated(rows, func(i int) string {
			if i == rows/2 {
				return wide(i)
			}
			return fmt.Sprintf(`{"id":%d}`+"\n", i)
		}), "egress", "out/").well(t).inside(t, memory)
		answers(t, filepath.Join(dir, "out"), `select count(*), count(distinct id), count(c0), count(c4999), max(c4999) from read_parquet(@, union_by_name = true)`,
			fmt.Sprintf("[%d,%d,1,1,%d]", rows, rows, 4999*rows/2))
	})
}
