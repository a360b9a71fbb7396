package csv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/gros-lake/gros/fault"
)

const defaultMaxColumns = 10_000

// header is what a decoder must know of a file's beginning. As JSON it is the Header of payloads.
type header struct {
	Columns   []string `json:"columns"`
	Delimiter string   `json:"delimiter"`
	Line      string   `json:"line,omitempty"` // as it stands in the file, in UTF-8: what repeats it is no row
}

func (h *header) String() string {
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings are always JSON
	}
	return string(text)
}

func parseHeader(text string) (*header, error) {
	h := new(header)
	if err := json.Unmarshal([]byte(text), h); err != nil {
		return nil, fault.Errorf(fault.Invalid, "csv: header of payloads %.100q: %w", text, err)
	}
	if len(h.Delimiter) != 1 || len(h.Columns) == 0 {
		return nil, fault.Errorf(fault.Invalid, "csv: header of payloads %.100q: no columns, or no delimiter", text)
	}
	return h, nil
}

// headerOf reads the header line.
func headerOf(line []byte, o options) (*header, error) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if o.latin1 {
		line = fromLatin1(nil, line)
	}
	if !utf8.Valid(line) {
		return nil, fault.Hint(fault.Errorf(fault.Invalid, "header is not UTF-8"), "if the file is in Latin-1, set encoding: latin-1")
	}
	delimiter := o.delimiter
	if delimiter == 0 {
		delimiter = sniffDelimiter(line)
	}
	s := scanner{data: line, delimiter: delimiter}
	if _, why := s.row(0); why != "" {
		return nil, fault.Errorf(fault.Invalid, "header: %s", why)
	}
	if len(s.fields) > o.maxColumns {
		return nil, fault.Errorf(fault.Invalid, "header has %d columns, at most %d are allowed", len(s.fields), o.maxColumns)
	}
	h := &header{Delimiter: string(rune(delimiter)), Line: string(line)}
	names := make([]string, len(s.fields))
	taken := make(map[string]bool, len(names))
	for i, f := range s.fields {
		names[i] = string(s.text(f))
		taken[names[i]] = true
	}
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if name == "" {
			name = free(fmt.Sprintf("column_%d", i+1), "_%d", taken)
		} else if seen[name] {
			name = free("", name+"_%d", taken)
		}
		seen[name], taken[name] = true, true
		h.Columns = append(h.Columns, name)
	}
	return h, nil
}

// free returns name, or the first name of the pattern, that is not taken.
func free(name, pattern string, taken map[string]bool) string {
	if name != "" && !taken[name] {
		return name
	}
	for n := 2; ; n++ {
		if next := fmt.Sprintf(name+pattern, n); !taken[next] {
			return next
		}
	}
}

var delimiters = []byte(",;\t|")

// sniffDelimiter returns the delimiter that line has most of outside of quotes, a comma if it has none.
func sniffDelimiter(line []byte) byte {
	var counts [256]int
	quoted := false
	for _, b := range line {
		if b == '"' {
			quoted = !quoted
		} else if !quoted {
			counts[b]++
		}
	}
	best := delimiters[0]
	for _, d := range delimiters {
		if counts[d] > counts[best] {
			best = d
		}
	}
	return best
}

// fromLatin1 appends text, each of whose bytes is a character, as UTF-8.
func fromLatin1(dst, text []byte) []byte {
	for _, b := range text {
		dst = utf8.AppendRune(dst, rune(b))
	}
	return dst
}

// toLatin1 is the inverse of fromLatin1.
func toLatin1(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		out = append(out, byte(r))
		text = text[n:]
	}
	return out
}
