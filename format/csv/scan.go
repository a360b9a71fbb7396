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
	start, data := i, s.data
	for {
		var end int
		if i < len(data) && data[i] == '"' {
			if end, why = s.quoted(i); why != "" {
				return s.rowEnd(start), why
			}
		} else {
			end = s.find(i)
			to := end
			if (end == len(data) || data[end] == '\n') && to > i && data[to-1] == '\r' {
				to--
			}
			s.fields = append(s.fields, field{from: int32(i), to: int32(to)})
		}
		if end == len(data) {
			return end, ""
		}
		i = end + 1
		if data[end] == '\n' {
			return i, ""
		}
	}
}

// quoted appends the field whose quote opens at i, and returns where its delimiter or line end is.
func (s *scanner) quoted(i int) (end int, why string) {
	data, from, kept := s.data, i+1, -1
	for i = from; ; {
		q := bytes.IndexByte(data[i:], '"')
		if q < 0 {
			return 0, errUnclosed
		}
		i += q
		if i+1 < len(data) && data[i+1] == '"' { // one of the two stays
			if kept < 0 {
				kept = len(s.scratch)
			}
			s.scratch = append(s.scratch, data[from:i+1]...)
			i += 2
			from = i
			continue
		}
		break
	}
	if kept >= 0 {
		s.scratch = append(s.scratch, data[from:i]...)
		s.fields = append(s.fields, field{from: int32(kept), to: int32(len(s.scratch)), quoted: true, scratch: true})
	} else {
		s.fields = append(s.fields, field{from: int32(from), to: int32(i), quoted: true})
	}
	end = i + 1
	if end+1 < len(data) && data[end] == '\r' && data[end+1] == '\n' || end+1 == len(data) && data[end] == '\r' {
		end++
	}
	if end < len(data) && data[end] != s.delimiter && data[end] != '\n' {
		return 0, errAfter
	}
	return end, ""
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
func (s *scanner) find(i int) int {
	data := s.data
	delimiters := uint64(s.delimiter) * lowBits
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		// A byte of x or y that is zero is one of what is looked for; the lowest one found is always a true one.
		x, y := w^delimiters, w^('\n'*lowBits)
		if found := ((x-lowBits)&^x | (y-lowBits)&^y) & highBits; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for ; i < len(data); i++ {
		if data[i] == s.delimiter || data[i] == '\n' {
			break
		}
	}
	return i
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
		at := bytes.IndexByte(data[i:newline], '"')
		if at < 0 {
			if newline == len(data) {
				break
			}
			q.prev = '\n'
			return newline + 1, nil
		}
		at += i
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
	at := bytes.IndexByte(data[i:], '"')
	if at < 0 {
		return len(data)
	}
	i += at + 1
	if i == len(data) {
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
