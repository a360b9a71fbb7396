package json

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

// mode is what a scanner does about values that have no column.
type mode uint8

const (
	decoding mode = iota // stop
	guessing             // guess what columns they need
	closed               // refuse their documents: there may be no more columns
)

// remark is what is noted of a value, to count once its document is accepted.
type remark uint8

const (
	coerced    remark = iota // cast, or in a companion column
	unknown                  // its name has no column, or its column no type
	wantDouble               // its companion column does not exist
	wantText
)

type note struct {
	col  *column
	slot int32
	what remark
}

// scanner decodes payloads under one schema, one after the other.
type scanner struct {
	text
	d      *decoder
	schema *arrow.Schema
	root   *column
	mode   mode
	refuse bool
	pad    []byte
	most   int // rows of one batch
	rest   int // bytes of the block that did not go into it
	lit    literal

	notes      []note
	drift      bool
	duplicates int64
	before     int64 // duplicates, when the document began
	rejects    []rows.Reject
	guesses    *guesses
}

func (s *scanner) note(c *column, r int, what remark) {
	s.notes = append(s.notes, note{c, int32(r), what})
}

// run decodes p.
func (s *scanner) run(p rows.Payload, m mode) {
	s.mode, s.drift, s.duplicates, s.rejects, s.rest = m, false, 0, nil, 0
	if s.most = math.MaxInt; p.Blocks && p.Values != nil && p.Values.Len() == 1 {
		s.most = max(batchBytes/8/max(s.root.leaves(), 1), 64)
	}
	s.root.drop()
	s.root.begin()
	if p.Values == nil {
		return
	}
	at := int64(0)
	for i := 0; i < p.Values.Len() && !s.drift; i++ {
		var v []byte
		if p.Values.IsValid(i) {
			v = p.Values.Value(i)
		}
		if p.Blocks {
			s.block(v, at)
			at += int64(len(v))
		} else {
			s.document(v, int64(i))
		}
	}
}

// batchBytes is about what the values of one batch may take, if all have their eight bytes: a block of short documents would
// take thousands of times its size in a thousand columns.
const batchBytes = 32 << 20

// leaves counts the columns that hold values.
func (c *column) leaves() int {
	if c.leaf() {
		return 1
	}
	n := 0
	for _, k := range c.kids {
		n += k.leaves()
	}
	return n
}

var bom = []byte("\xef\xbb\xbf")

// block decodes a block of lines that begins at an offset. Its last lines are decoded in a copy, with slack behind them.
func (s *scanner) block(v []byte, at int64) {
	s.lines = true
	if rest, ok := bytes.CutPrefix(v, bom); ok {
		at += int64(len(bom))
		v = rest
	}
	cut := bytes.LastIndexByte(v[:max(0, len(v)-slack)], '\n') + 1
	s.set(v[:cut])
	s.eachLine(at)
	if s.rest > 0 {
		s.rest += len(v) - cut
		return
	}
	n := len(v) - cut + 1
	if cap(s.pad) < n+slack {
		s.pad = s.d.padOf(n + slack)
	}
	s.pad = append(append(s.pad[:0], v[cut:]...), '\n')[:n+slack]
	clear(s.pad[n:])
	if s.set(s.pad[:n]); !s.drift {
		if s.eachLine(at + int64(cut)); s.rest > 0 {
			s.rest-- // the newline is ours
		}
	}
}

// eachLine decodes the lines of the buffer, which all end.
func (s *scanner) eachLine(at int64) {
	n := len(s.buf)
	for start := 0; start < n && !s.drift; {
		if s.root.n >= s.most {
			if s.mode != guessing {
				s.rest = n - start
				return
			}
			s.root.drop() // what was guessed is kept
			s.root.begin()
		}
		i := s.space(start)
		if s.buf[i] == '\n' {
			start = i + 1
			continue
		}
		end := s.row(i)
		if end > 0 {
			if end = s.space(end); s.buf[end] != '\n' {
				end = s.want(end, "the end of the line")
			}
		}
		stop := end
		if end < 0 {
			stop = start + bytes.IndexByte(s.buf[start:], '\n')
		}
		s.done(s.buf[start:stop], end > 0, i, start, at+int64(start))
		start = stop + 1
	}
}

// document decodes the one document that v is.
func (s *scanner) document(v []byte, at int64) {
	s.lines = false
	if int64(len(v)) > s.d.maxRow {
		s.begin()
		s.done(v, false, 0, 0, at)
		return
	}
	s.pad = append(append(s.pad[:0], v...), make([]byte, slack)...)
	s.set(s.pad[:len(v)])
	i := s.space(0)
	end := s.row(i)
	if end > 0 {
		if end = s.space(end); end != len(v) {
			end = s.want(end, "the end of the document")
		}
	}
	s.done(v, end > 0, i, 0, at)
}

// begin opens the next row, and returns its number.
func (s *scanner) begin() int {
	r := s.root.n
	if r >= s.root.room {
		s.root.grow(r)
	}
	s.root.n = r + 1
	s.err, s.depth, s.notes, s.before = failure{}, 0, s.notes[:0], s.duplicates
	return r
}

// row decodes the document at i into the next row.
func (s *scanner) row(i int) int {
	r := s.begin()
	if load1(s.p, i) != '{' {
		return s.want(i, "an object")
	}
	return s.object(s.root, r, i+1)
}

// done ends the row of the document raw, which began at i and whose line at start.
func (s *scanner) done(raw []byte, ok bool, i, start int, at int64) {
	if int64(len(raw)) > s.d.maxRow {
		ok = false
		s.err = failure{kind: rows.Oversize, at: start}
	}
	if ok && len(s.notes) > 0 {
		ok = s.settle(i)
	}
	if ok || s.drift {
		return
	}
	s.reject(raw, start, at)
}

// settle counts what was noted of an accepted document, and reports whether it has become a row.
func (s *scanner) settle(i int) bool {
	drift := false
	for _, n := range s.notes {
		if n.what != coerced {
			drift = true
		}
	}
	if !drift {
		for _, n := range s.notes {
			n.col.coerced++
		}
		return true
	}
	switch s.mode {
	case decoding:
		s.drift = true
		return false
	case guessing:
		s.guesses.take(s, i)
		return true
	}
	s.err = failure{kind: rows.BadType, at: i, what: fmt.Sprintf("needs more columns than the %d there may be", s.d.maxColumns)}
	if s.refuse { // a key that has no column is found twice only here
		if err := newGuesses(s, s.d).check(s, i); err.what != "" {
			s.err = err
		}
	}
	return false
}

// reject refuses the document raw of the line at start, and takes back what its row holds.
func (s *scanner) reject(raw []byte, start int, at int64) {
	s.root.rewind(s.root.n - 1)
	s.duplicates = s.before
	out := rows.Reject{Kind: s.err.kind, Offset: at}
	if s.err.col != nil {
		out.Column = s.err.col.path
	}
	if s.err.kind == rows.Oversize {
		out.Message = fmt.Sprintf("%d bytes, more than the %d a row may have", len(raw), s.d.maxRow)
		if len(raw) > keptRaw {
			out.Message += fmt.Sprintf("; the first %d are kept", keptRaw)
			raw = raw[:keptRaw]
		}
	} else {
		out.Message = "byte " + strconv.Itoa(s.err.at-start) + ": " + s.err.what
		if s.err.kind == rows.Malformed {
			out.Message += ", found " + s.found(s.err.at)
		}
	}
	out.Raw = bytes.Clone(bytes.TrimSuffix(raw, []byte("\r")))
	s.rejects = append(s.rejects, out)
}

// found says what stands at i.
func (s *scanner) found(i int) string {
	if i >= len(s.buf) || s.lines && s.buf[i] == '\n' {
		return "the end"
	}
	switch c := s.buf[i]; {
	case c == '"':
		return "a string"
	case c == '[':
		return "an array"
	case numeric(c):
		return "a number"
	case load4(s.p, i) == isNull:
		return "null"
	case load4(s.p, i) == isTrue, load4(s.p, i) == isFals:
		return "a bool"
	case c < ' ' || c > '~':
		return fmt.Sprintf("byte 0x%02x", c)
	default:
		return strconv.QuoteRune(rune(c))
	}
}

// counted adds how many values of c and below were coerced to m.
func (c *column) counted(m map[string]int64) {
	if c.coerced > 0 {
		m[c.path] += c.coerced
	}
	for _, k := range c.kids {
		k.counted(m)
	}
}
