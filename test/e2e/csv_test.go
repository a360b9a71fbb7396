package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// CSV as people send it: what comes out as JSON lines, and what is refused.
func TestCSVOfEveryKind(t *testing.T) {
	for _, c := range []struct {
		name, in string
		args     []string
		want     []string
		refused  []string // kind and offset of the rejects
	}{
		{name: "quotes", in: "id,s\n1,\"a,b\"\n2,\"say \"\"hi\"\"\"\n3,a\"b\n",
			want: []string{`{"id":1,"s":"a,b"}`, `{"id":2,"s":"say \"hi\""}`, `{"id":3,"s":"a\"b"}`}},
		{name: "embedded newlines", in: "id,s\n1,\"two\nlines\"\n2,\"a\r\nb\"\n",
			want: []string{`{"id":1,"s":"two\nlines"}`, `{"id":2,"s":"a\r\nb"}`}},
		{name: "ragged rows", in: "id,s\n1,a\n2\n3,b,c\n4,d\n",
			want: []string{`{"id":1,"s":"a"}`, `{"id":4,"s":"d"}`}, refused: []string{"malformed at 9", "malformed at 11"}},
		{name: "a header twice", in: "id,s\n1,a\nid,s\n2,b\n", want: []string{`{"id":1,"s":"a"}`, `{"id":2,"s":"b"}`}},
		{name: "semicolons", in: "id;s\n1;a,b\n2;c\n", want: []string{`{"id":1,"s":"a,b"}`, `{"id":2,"s":"c"}`}},
		{name: "tabs", in: "id\ts\n1\ta,b\n", want: []string{`{"id":1,"s":"a,b"}`}},
		{name: "a delimiter that is said", in: "id|s\n1|a,b\n", args: []string{"--delimiter", "|"}, want: []string{`{"id":1,"s":"a,b"}`}},
		{name: "Latin-1", in: "id,s\n1,caf\xe9\n2,b\n", want: []string{`{"id":2,"s":"b"}`}, refused: []string{"encoding at 5"}},
		{name: "Latin-1 that is said", in: "id,s\n1,caf\xe9\n2,b\n", args: []string{"--encoding", "latin-1"}, want: []string{`{"id":1,"s":"café"}`, `{"id":2,"s":"b"}`}},
		{name: "nothing", in: "", args: []string{"--from", "csv"}},
		{name: "a header alone", in: "id,s\n"},
		{name: "CRLF and an unfinished last line", in: "id,s\r\n1,a\r\n2,b", want: []string{`{"id":1,"s":"a"}`, `{"id":2,"s":"b"}`}},
		{name: "a byte order mark", in: "\xef\xbb\xbfid,s\n1,a\n", want: []string{`{"id":1,"s":"a"}`}},
		{name: "a quote that is not closed", in: "id,s\n1,a\n2,\"open\n3,b\n", want: []string{`{"id":1,"s":"a"}`}, refused: []string{"malformed at 9"}},
		{name: "text behind a quote", in: "id,s\n1,\"x\"y\n2,b\n", want: []string{`{"id":2,"s":"b"}`}, refused: []string{"malformed at 5"}},
		{name: "two columns of one name", in: "id,id\n1,2\n", want: []string{`{"id":1,"id_2":2}`}},
		{name: "a column without a name", in: "id,\n1,2\n", want: []string{`{"id":1,"column_2":2}`}},
		{name: "the empty field and the empty text", in: "id,s\n1,\n2,\"\"\n", want: []string{`{"id":1,"s":null}`, `{"id":2,"s":""}`}},
		{name: "numbers with leading zeros are text", in: "id,zip\n1,01234\n2,99999\n", want: []string{`{"id":1,"zip":"01234"}`, `{"id":2,"zip":"99999"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			egress(t, dir, c.in, append([]string{"out.jsonl"}, c.args...)...)
			_, sum := records(t, dir, "out")
			if sum.Written != int64(len(c.want)) || sum.Rejected != int64(len(c.refused)) {
				t.Errorf("counts %+v", sum)
			}
			if got := strings.Split(strings.TrimSuffix(dataOf(t, dir), "\n"), "\n"); !slices.Equal(got, c.want) && len(c.want) > 0 {
				t.Errorf("rows\n%q\nwant\n%q", got, c.want)
			}
			var refused []string
			for _, r := range rejects(t, dir, "out") {
				refused = append(refused, fmt.Sprintf("%s at %d", r.Kind, r.Offset))
			}
			if !slices.Equal(refused, c.refused) {
				t.Errorf("refused %q, want %q", refused, c.refused)
			}
		})
	}
}

// A reject names the byte of its split at which it begins, however far into it.
func TestRejectsSayWhereTheyStand(t *testing.T) {
	for _, c := range []struct{ name, header, good, bad string }{
		{"NDJSON", "", `{"id":1,"s":"` + strings.Repeat("x", 100) + `"}`, `{"id":`},
		{"CSV", "id,s\n", "1," + strings.Repeat("x", 100), "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			text.WriteString(c.header)
			var want []string
			for i := range 200_000 { // 20 MB, some blocks
				if i%60_000 == 59_999 {
					want = append(want, fmt.Sprint(text.Len()))
					text.WriteString(c.bad + "\n")
				}
				text.WriteString(c.good + "\n")
			}
			dir := t.TempDir()
			egress(t, dir, text.String(), "out/")
			var got []string
			for _, r := range rejects(t, dir+"/out", "part") {
				if r.bytes() != c.bad {
					t.Errorf("reject %.50q", r.bytes())
				}
				got = append(got, fmt.Sprint(r.Offset))
			}
			if !slices.Equal(got, want) {
				t.Errorf("at %q, want %q", got, want)
			}
		})
	}
}
