package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/format"
)

// FuzzFields: what encoding/csv accepts has the same fields here. Known differences: it takes CRLF inside quotes for LF,
// knows blank lines of one column as no rows, and a quote inside an unquoted field as an error.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"\",\"b\nc\"\r\n,\n", "a\rb,c\r\n\r\n\nd", "\"\r\n\"", "a,\"b\"c\n", "\"a\n", "a\"b,c\n", ",,,\n", "\"\"\n\"\",\"\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := stdcsv.NewReader(bytes.NewReader(data))
		r.FieldsPerRecord = -1
		s := scanner{data: data, delimiter: ','}
		for i := 0; ; {
			want, err := r.Read()
			for i < len(data) && (data[i] == '\n' || bytes.HasPrefix(data[i:], []byte("\r\n")) || string(data[i:]) == "\r") {
				i += 1 + bytes.IndexByte(append(data[i:len(data):len(data)], '\n'), '\n')
			}
			if err == io.EOF && i < len(data) {
				t.Fatalf("%q: rows from %d on are missing there", data, i)
			}
			if err != nil {
				return
			}
			s.fields = s.fields[:0]
			next, why := s.row(i)
			if why != "" {
				t.Fatalf("%q: row at %d: %s; there it is %q", data, i, why, want)
			}
			i = next
			if len(s.fields) != len(want) {
				t.Fatalf("%q: %d fields, there %q", data, len(s.fields), want)
			}
			for j, f := range s.fields {
				got := strings.ReplaceAll(string(s.text(f)), "\r\n", "\n")
				if !f.quoted {
					got = string(s.text(f))
				}
				if got != want[j] {
					t.Fatalf("%q: field %d is %q, there %q", data, j, got, want[j])
				}
			}
		}
	})
}

// FuzzDecode: whatever a payload holds, each row is a row or a reject, and what was inferred decodes it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("1,2\n\"x\",\n\xff,\n,,\n"), "a,b", byte(0))
	f.Add([]byte("2024-01-01,1e5\n2024-01-01T00:00:00Z,007\n"), "a,a", byte(1))
	f.Add([]byte("a;b\na;b\n\n"), "a;b", byte(2))
	f.Fuzz(func(t *testing.T, data []byte, line string, how byte) {
		o := format.DecodeOptions{MaxRow: 1000}
		if how&1 != 0 {
			o.Encoding = "latin-1"
		}
		opts, err := optionsOf(o)
		if err != nil {
			t.Fatal(err)
		}
		head := ""
		if h, err := headerOf([]byte(line), opts); err == nil && how&4 == 0 {
			head = h.String()
		}
		p := payload(head, how&2 == 0, string(data), "", string(data))
		d, err := NewDecoder(o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Infer(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.Decode(p, s)
		if err != nil || out.Drift {
			t.Fatalf("drift %v, %v", out.Drift, err)
		}
		n := out.Rows.NumRows() + int64(len(out.Rejects)) + out.Headers
		if !p.Blocks && n != 3 {
			t.Fatalf("3 payloads are %d rows and rejects", n)
		}
		if p.Blocks && n%2 != 0 {
			t.Fatalf("the same block twice is %d rows and rejects", n)
		}
	})
}

// FuzzRoundTrip: texts come back as they were, and null is not the empty string.
func FuzzRoundTrip(f *testing.F) {
	f.Add("a", "b\"", "\r\n,;", byte(0))
	f.Add("", "\ufeff", "007", byte(3))
	f.Fuzz(func(t *testing.T, a, b, c string, null byte) {
		values := []string{strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?"), strings.ToValidUTF8(c, "?")}
		var cols []arrow.Array
		var fields []arrow.Field
		for i, v := range values {
			col := array.NewStringBuilder(memory.DefaultAllocator)
			col.AppendValues([]string{v, v}, []bool{null>>i&1 == 0, true})
			cols = append(cols, col.NewArray())
			fields = append(fields, arrow.Field{Name: string(rune('a' + i)), Type: arrow.BinaryTypes.String, Nullable: true})
		}
		rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, 2)
		e, err := NewEncoder(format.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := e.Encode(t.Context(), rec.Schema(), []arrow.RecordBatch{rec})
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder(format.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.Decode(payload(`{"columns":["a","b","c"],"delimiter":","}`, true, string(run.Bytes)), rec.Schema())
		if err != nil || out.Drift || out.Rows.NumRows() != 2 || len(out.Rejects) > 0 {
			t.Fatalf("%q: %v, %v", run.Bytes, out, err)
		}
		for i, v := range values {
			got := out.Rows.Column(i)
			if got.IsNull(0) != (null>>i&1 != 0) || got.ValueStr(1) != v || got.IsValid(0) && got.ValueStr(0) != v {
				t.Fatalf("%q: column %d is %v, want %q", run.Bytes, i, got, v)
			}
		}
	})
}

// FuzzNumbers: numbers are those of strconv, and no digit is lost.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"1", "-0", "007", "9223372036854775808", "0.1", "1e5", "1e400", "123456789012345678", "9007199254740993", "1.7976931348623157e308", "4.9e-324", "0.30000000000000004", "00.1", "1.e1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := []byte(s)
		if v, ok := parseInt(b); ok {
			if want, err := strconv.ParseInt(s, 10, 64); err != nil || want != v || strconv.FormatInt(v, 10) != s {
				t.Fatalf("%q is %d, want %d, %v", s, v, want, err)
			}
		} else if v, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(v, 10) == s {
			t.Fatalf("%q is an integer", s)
		}
		var x number
		f, ok := parseFloat(b, 64, &x)
		if q, quick := quickFloat(b); quick && (!ok || math.Float64bits(q) != math.Float64bits(f)) {
			t.Fatalf("%q is quickly %v, else %v, %v", s, q, f, ok)
		}
		if ok && x.parse(b) {
			if want, err := strconv.ParseFloat(s, 64); err != nil || math.Float64bits(want) != math.Float64bits(f) {
				t.Fatalf("%q is %v, want %v", s, f, want)
			}
		}
	})
}

var isoTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$`)

// FuzzTime: times are those of package time.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2024-02-29", "2024-02-29T12:34:56.123456Z", "1900-02-29", "0001-01-01T00:00:00+23:59", "2024-01-01 10:00", "9999-12-31T23:59:59-01:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, e := parseTime([]byte(s))
		if !isoTime.MatchString(s) { // package time takes more than that
			if e != noTime {
				back := time.UnixMicro(got).UTC().Format("2006-01-02T15:04:05.999999")
				if again, _ := parseTime([]byte(back)); again != got {
					t.Fatalf("%q is %s, which is %d", s, back, again)
				}
			}
			return
		}
		for _, c := range []struct {
			layout string
			e      era
		}{{"2006-01-02", dayOnly}, {"2006-01-02T15:04:05.999999", naive}, {"2006-01-02 15:04:05.999999", naive}, {"2006-01-02T15:04:05.999999Z07:00", zoned}} {
			want, err := time.Parse(c.layout, s)
			if err != nil || want.Nanosecond()%1000 != 0 || want.UTC().Year() < 1 || want.UTC().Year() > 9999 {
				continue
			}
			if strings.Contains(s, "+24:") || strings.Contains(s, "-24:") {
				continue // the zone of a whole day
			}
			if e != c.e || got != want.UnixMicro() {
				t.Fatalf("%q is %d (%d), want %d (%d)", s, got, e, want.UnixMicro(), c.e)
			}
		}
	})
}
