package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// field is where a value stands.
type field struct {
	from, to int32
	quoted   bool
	scratch  bool // in scanner.scratch: its doubled quotes were undone
}

// scanner takes rows apart.
type scanner struct {
	data      []byte
	delimiter byte
	fields    []field
	scratch   []byte
}

// text is the value of f.
func (s *scanner) text(f field) []byte {
	if f.scratch {
		return s.scratch[f.from:f.to]
	}
	return s.data[f.from:f.to]
}

const (
	errUnclosed = "a quote is not closed"
	errAfter    = "text after a closing quote"
)

// row appends the fields of the row at i, and returns where the next one begins. If why says what is wrong with it, the
// fields are not to be used.
func (s *scanner) row(i int) (next int, why string) {
	start, data, fields := i, s.data, s.fields
	for {
		var f field
		end := i
		if i < len(data) && data[i] == '"' {
			if f, end, why = s.quoted(i); why != "" {
				return s.rowEnd(start), why
			}
		} else {
			end = find(data, i, s.delimiter)
			f = field{from: int32(i), to: int32(end)}
			if end > i && data[end-1] == '\r' && (end == len(data) || data[end] == '\n') {
				f.to--
			}
		}
		fields = append(fields, f)
		i = end + 1
		if end == len(data) || data[end] == '\n' {
			s.fields = fields
			return min(i, len(data)), ""
		}
	}
}

// quoted returns the field whose quote opens at i, and where its delimiter or line end is.
func (s *scanner) quoted(i int) (f field, end int, why string) {
	data, from, kept := s.data, i+1, -1
	for i = from; ; {
		i = findQuote(data, i)
		if i == len(data) {
			return f, 0, errUnclosed
		}
		if i+1 == len(data) || data[i+1] != '"' {
			break
		}
		if kept < 0 {
			kept = len(s.scratch)
		}
		s.scratch = append(s.scratch, data[from:i+1]...) // one of the two stays
		i += 2
		from = i
	}
	f = field{from: int32(from), to: int32(i), quoted: true}
	if kept >= 0 {
		s.scratch = append(s.scratch, data[from:i]...)
		f = field{from: int32(kept), to: int32(len(s.scratch)), quoted: true, scratch: true}
	}
	end = i + 1
	if end < len(data) && data[end] == '\r' && (end+1 == len(data) || data[end+1] == '\n') {
		end++
	}
	if end < len(data) && data[end] != s.delimiter && data[end] != '\n' {
		return f, 0, errAfter
	}
	return f, end, ""
}

// rowEnd returns where the row after the broken one at start begins.
func (s *scanner) rowEnd(start int) int {
	q := newQuotes(s.delimiter)
	if end, _ := q.Next(s.data, start); end > 0 {
		return end
	}
	return len(s.data)
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// find returns the place of the first delimiter or newline from i on, or of the end.
func find(data []byte, i int, delimiter byte) int {
	delimiters := uint64(delimiter) * lowBits
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		// A byte of x or y that is zero is one of what is looked for; the lowest one found is always a true one.
		x, y := w^delimiters, w^('\n'*lowBits)
		if found := ((x-lowBits)&^x | (y-lowBits)&^y) & highBits; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for ; i < len(data); i++ {
		if data[i] == delimiter || data[i] == '\n' {
			break
		}
	}
	return i
}

// findQuote returns the place of the first quote from i on, or of the end. Most are near.
func findQuote(data []byte, i int) int {
	for near := i + 64; i+8 <= len(data) && i < near; i += 8 {
		x := binary.LittleEndian.Uint64(data[i:]) ^ ('"' * lowBits)
		if found := (x - lowBits) &^ x & highBits; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	if at := bytes.IndexByte(data[i:], '"'); at >= 0 {
		return i + at
	}
	return len(data)
}

// quotes are the row ends of CSV: newlines that are not between quotes. A quote opens only where a field begins.
type quotes struct {
	delimiter byte // 0: any that could be one
	in        bool
	maybe     bool // the last byte closed a quote, unless another one follows
	prev      byte // the last byte
}

func newQuotes(delimiter byte) *quotes { return &quotes{delimiter: delimiter, prev: '\n'} }

// Next is format.RowEnds'.
func (q *quotes) Next(data []byte, from int) (int, error) {
	i, newline := from, -1
	if q.maybe && i < len(data) {
		q.maybe, q.in = false, data[i] == '"'
		if q.in {
			i++
		}
	}
	for i < len(data) {
		if q.in {
			i = q.close(data, i)
			continue
		}
		if newline < i {
			if newline = bytes.IndexByte(data[i:], '\n'); newline < 0 {
				newline = len(data)
			} else {
				newline += i
			}
		}
		at := findQuote(data[:newline], i)
		if at == newline {
			if newline == len(data) {
				break
			}
			q.prev = '\n'
			return newline + 1, nil
		}
		if at > from {
			q.prev = data[at-1]
		}
		q.in = q.opens()
		i = at + 1
	}
	if len(data) > from {
		q.prev = data[len(data)-1]
	}
	return -1, nil
}

// close returns where to go on after the quote that is open at i closes, or doubles.
func (q *quotes) close(data []byte, i int) int {
	if i = findQuote(data, i); i == len(data) {
		return i
	}
	if i++; i == len(data) {
		q.in, q.maybe = false, true
		return i
	}
	if data[i] == '"' {
		return i + 1
	}
	q.in = false
	return i
}

func (q *quotes) opens() bool {
	if q.prev == '\n' {
		return true
	}
	if q.delimiter != 0 {
		return q.prev == q.delimiter
	}
	return bytes.IndexByte(delimiters, q.prev) >= 0
}

// End is format.RowEnds'.
func (q *quotes) End() (bool, error) { return true, nil }
