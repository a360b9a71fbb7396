package csv

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

func countLines(b []byte) int { return bytes.Count(b, []byte("\n")) }

// rawPlace turns places in text that was transcoded from Latin-1 into places in what it was.
type rawPlace struct{ to, from int }

func (r *rawPlace) offset(data []byte, at int, transcoded bool) int64 {
	if !transcoded {
		return int64(at)
	}
	r.from += utf8.RuneCount(data[r.to:at]) // places are asked for in order
	r.to = at
	return int64(r.from)
}

// headOf returns the header of the payload, or one made of the schema, or of its first row.
func (t *pass) headOf(s *arrow.Schema) (*header, error) {
	if t.payload.Header != "" {
		return parseHeader(t.payload.Header)
	}
	h := &header{Delimiter: ","}
	if t.options.delimiter != 0 {
		h.Delimiter = string(rune(t.options.delimiter))
	}
	if s != nil {
		for _, f := range s.Fields() {
			if rows.CompanionOf(f) == "" {
				h.Columns = append(h.Columns, f.Name)
			}
		}
	}
	if len(h.Columns) > 0 {
		return h, nil
	}
	for i := range t.firstWidth(h.Delimiter[0]) {
		h.Columns = append(h.Columns, fmt.Sprintf("column_%d", i+1))
	}
	return h, nil
}

// firstWidth is the number of fields of the first good row that is not blank.
func (t *pass) firstWidth(delimiter byte) int {
	for v := range t.payload.Values.Len() {
		s := scanner{data: t.payload.Values.Value(v), delimiter: delimiter}
		for i := 0; i < len(s.data); {
			next, why := s.row(i)
			if why == "" && !blank(s.data[i:next]) {
				return min(len(s.fields), t.maxColumns)
			}
			i, s.fields = next, s.fields[:0]
		}
	}
	return 1
}

// nextValue goes to the next value of the payload. It returns false after the last one.
func (t *pass) nextValue() bool {
	for t.value < t.payload.Values.Len() {
		null := t.payload.Values.IsNull(t.value)
		t.data, t.at, t.raw = t.payload.Values.Value(t.value), 0, rawPlace{}
		t.value++
		if t.latin1 {
			t.data = fromLatin1(make([]byte, 0, len(t.data)+len(t.data)/8), t.data)
		}
		t.clean = t.latin1 || utf8.Valid(t.data)
		switch {
		case t.payload.Blocks && len(t.data) == 0:
		case null, len(t.data) == 0 && len(t.head.Columns) > 1:
			t.reject(rows.Malformed, "", 0, 0, ragged(0, len(t.head.Columns)))
		case len(t.data) == 0: // one column, whose value is null
			t.data = []byte("\n")
			return true
		default:
			return true
		}
	}
	return false
}

// takeRow takes the row at t.at apart, or rejects it.
func (t *pass) takeRow() {
	begin, had := t.at, len(t.fields)
	width := len(t.head.Columns)
	if width > 1 && t.payload.Blocks && t.blankLine() {
		return
	}
	next, why := t.row(begin)
	end := next
	if !t.payload.Blocks && next < len(t.data) && why == "" {
		why, next, end = "payload holds more than one row", len(t.data), len(t.data)
	} else {
		end = begin + len(bytes.TrimSuffix(bytes.TrimSuffix(t.data[begin:next], []byte("\n")), []byte("\r")))
	}
	t.at = next
	kind, column := "", ""
	switch {
	case int64(end-begin) > t.maxRow:
		kind, why = rows.Oversize, fmt.Sprintf("row is longer than %d bytes; these are its first %d", t.maxRow, min(end-begin, keptRaw))
	case !t.clean && !utf8.Valid(t.data[begin:end]):
		kind, column = rows.Encoding, t.unclean(had, why)
		why = "bytes that are not UTF-8"
	case why != "":
		kind = rows.Malformed
	case len(t.fields)-had != width:
		kind, why = rows.Malformed, ragged(len(t.fields)-had, width)
	case t.head.Line != "" && end-begin == len(t.head.Line) && string(t.data[begin:end]) == t.head.Line:
		t.fields = t.fields[:had]
		t.headers++
		return
	default:
		t.count++
		return
	}
	t.fields = t.fields[:had]
	t.reject(kind, column, begin, end, why)
}

// blankLine skips a blank line.
func (t *pass) blankLine() bool {
	rest := t.data[t.at:]
	switch {
	case rest[0] == '\n':
		t.at++
	case rest[0] == '\r' && len(rest) == 1:
		t.at++
	case rest[0] == '\r' && rest[1] == '\n':
		t.at += 2
	default:
		return false
	}
	return true
}

// unclean names the first column of the row, whose fields begin at had, that is not UTF-8.
func (t *pass) unclean(had int, why string) string {
	if why != "" {
		return ""
	}
	for j, f := range t.fields[had:] {
		if j < len(t.head.Columns) && !utf8.Valid(t.text(f)) {
			return t.head.Columns[j]
		}
	}
	return ""
}
