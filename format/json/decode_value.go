package json

import (
	"encoding/base64"
	"math/bits"
	"unicode/utf8"
)

// value decodes the value at i into slot r of c, which has room for it and no value beyond r.
func (s *scanner) value(c *column, r, i int) int {
	p := s.p
	first := load1(p, i)
	if first == 'n' && load4(p, i) == isNull {
		c.pad(r + 1)
		return i + 4
	}
	switch c.kind {
	case words:
		if first == '"' {
			if c.dict != nil {
				return s.coded(c, r, i+1)
			}
			return s.plain(c, r, i+1)
		}
	case integer:
		if v, end := quickInt(p, i); end > 0 && v >= c.low && v <= c.high {
			c.ints[r] = v
			c.n = r + 1
			return end
		}
		if numeric(first) {
			return s.integer(c, r, i)
		}
	case floating:
		if v, end, whole := quickFloat(p, i); end > 0 && c.width == 64 {
			c.floats[r] = v
			c.n = r + 1
			if whole {
				s.note(c, r, coerced)
			}
			return end
		}
		if numeric(first) {
			return s.float(c, r, i)
		}
	case stamp:
		if first == '"' {
			return s.stamp(c, r, i)
		}
	case boolean:
		if end := s.boolean(c, r, i); end > 0 {
			return end
		}
	case object:
		if first == '{' {
			c.n = r + 1
			return s.object(c, r, i+1)
		}
	case list:
		if first == '[' {
			return s.list(c, r, i)
		}
	case mapping:
		if first == '{' {
			return s.mapping(c, r, i)
		}
	case decimal:
		if numeric(first) {
			return s.decimal(c, r, i)
		}
	case undecided:
		return s.undecided(c, r, i)
	case day, clock, octets:
		if first == '"' {
			return s.spelled(c, r, i)
		}
	}
	return s.misfit(c, r, i)
}

func numeric(c byte) bool { return c-'0' < 10 || c == '-' }

// coded decodes the string behind the quote at i-1 as an id in c's dictionary.
func (s *scanner) coded(c *column, r, i int) int {
	p, d := s.p, c.dict
	a := load8(p, i)
	var b, h uint64
	n := 0
	if m := stops(a); m != 0 {
		n = bits.TrailingZeros64(m) >> 3
		a &= 1<<uint(8*n) - 1
		h = d.short(a, 0, n)
	} else if b = load8(p, i+8); stops(b) != 0 {
		n = bits.TrailingZeros64(stops(b)) >> 3
		b &= 1<<uint(8*n) - 1
		n += 8
		h = d.short(a, b, n)
	} else {
		for n = 16; ; n += 8 {
			if m := stops(load8(p, i+n)); m != 0 {
				n += bits.TrailingZeros64(m) >> 3
				break
			}
		}
		a, b, h = d.long(p, i, n)
	}
	end := i + n
	if load1(p, end) != '"' {
		v, end := s.stringAt(i)
		if end > 0 {
			s.putText(c, r, v)
		}
		return end
	}
	if e := &d.slots[h&uint64(len(d.slots)-1)]; e.a == a && e.b == b && int(e.size) == n && e.id != 0 && (n < 16 || d.is(e.id-1, p, i, n)) {
		c.offsets[r] = e.id - 1
		c.n = r + 1
		return end + 1
	}
	v := s.buf[i:end]
	id, at := d.find(v, a, b, h)
	if id < 0 {
		if !utf8.Valid(v) {
			return s.badText(i, end)
		}
		return s.enter(c, r, v, a, b, at, end+1)
	}
	c.offsets[r] = id
	c.n = r + 1
	return end + 1
}

// enter adds a text to c's dictionary, unless it gives that up.
func (s *scanner) enter(c *column, r int, v []byte, a, b, at uint64, end int) int {
	if len(v) > longText {
		c.spell()
		s.putText(c, r, v)
		return end
	}
	id, full := c.dict.add(v, a, b, at, r)
	c.offsets[r] = id
	c.n = r + 1
	if full {
		if n := c.dict.len(); n >= fewTexts && 2*n > r {
			c.spell()
		} else {
			c.dict.grow()
		}
	}
	return end
}

// longText is the length above which texts hardly repeat, and cost too much to be copied once more.
const longText = 64 << 10

// fewTexts is what a dictionary may always hold, all different or not, before its batch ends.
const fewTexts = 2048

// plain decodes the string behind the quote at i-1 as text.
func (s *scanner) plain(c *column, r, i int) int {
	v, end := s.stringAt(i)
	if end > 0 {
		c.data = append(c.data, v...)
		c.offsets[r+1] = int32(len(c.data))
		c.n = r + 1
	}
	return end
}

// putText writes a text that stands anywhere, with slack behind it.
func (s *scanner) putText(c *column, r int, v []byte) {
	if c.dict == nil {
		c.data = append(c.data, v...)
		c.offsets[r+1] = int32(len(c.data))
		c.n = r + 1
		return
	}
	a, b, h := c.dict.key(base(v), 0, len(v))
	id, at := c.dict.find(v, a, b, h)
	if id < 0 {
		s.enter(c, r, v, a, b, at, 0)
		return
	}
	c.offsets[r] = id
	c.n = r + 1
}

// integer decodes numbers that quickInt leaves: 100.0, 1e2, and those of many digits.
func (s *scanner) integer(c *column, r, i int) int {
	end, whole := s.number(i)
	if end < 0 {
		return end
	}
	s.lit.parse(s.buf[i:end])
	v, ok := s.lit.int64()
	if !ok || v < c.low || v > c.high {
		return s.misfit(c, r, i)
	}
	c.ints[r] = v
	c.n = r + 1
	if !whole {
		s.note(c, r, coerced)
	}
	return end
}

func (s *scanner) float(c *column, r, i int) int {
	end, whole := s.number(i)
	if end < 0 {
		return end
	}
	v, ok := s.lit.float(s.buf[i:end], whole, c.width)
	if !ok {
		return s.misfit(c, r, i)
	}
	c.floats[r] = v
	c.n = r + 1
	if whole {
		s.note(c, r, coerced)
	}
	return end
}

func (s *scanner) decimal(c *column, r, i int) int {
	end, _ := s.number(i)
	if end < 0 {
		return end
	}
	s.lit.parse(s.buf[i:end])
	v, ok := s.lit.decimal(c.precision, c.scale)
	if !ok {
		return s.misfit(c, r, i)
	}
	c.decs[r] = v
	c.n = r + 1
	return end
}

func (s *scanner) boolean(c *column, r, i int) int {
	bit := byte(1) << (r & 7)
	switch load4(s.p, i) {
	case isTrue:
		c.bits[r>>3] |= bit
		c.n = r + 1
		return i + 4
	case isFals:
		if load1(s.p, i+4) == 'e' {
			c.bits[r>>3] &^= bit
			c.n = r + 1
			return i + 5
		}
	}
	return 0
}

// stamp decodes the timestamp in quotes at i.
func (s *scanner) stamp(c *column, r, i int) int {
	v, n := c.dates.parseFast(load32(s.p, i+1))
	if n > 0 {
		end := i + 1 + n
		is := naive
		if load1(s.p, end) == 'Z' {
			is = zoned
			end++
		}
		if is == c.zone && load1(s.p, end) == '"' {
			c.ints[r] = v
			c.n = r + 1
			return end + 1
		}
	}
	text, end := s.stringAt(i + 1)
	if end < 0 {
		return end
	}
	v, is := parseTime(text)
	if is != c.zone && is != dayOnly {
		return s.misfit(c, r, i)
	}
	c.ints[r] = v
	c.n = r + 1
	if is == dayOnly {
		s.note(c, r, coerced)
	}
	return end
}

// spelled decodes what else stands in quotes: dates, times of day, and bytes in base64.
func (s *scanner) spelled(c *column, r, i int) int {
	v, end := s.stringAt(i + 1)
	if end < 0 {
		return end
	}
	switch c.kind {
	case day:
		micros, is := parseTime(v)
		if is != dayOnly {
			return s.misfit(c, r, i)
		}
		c.ints[r] = micros / (daySeconds * million)
	case clock:
		micros, n := parseClock(v)
		if n == 0 || n != len(v) {
			return s.misfit(c, r, i)
		}
		c.ints[r] = micros
	case octets:
		for _, b := range v {
			if b == '\n' || b == '\r' { // which the decoder would pass over
				return s.misfit(c, r, i)
			}
		}
		out, err := base64.StdEncoding.AppendDecode(c.data, v)
		if err != nil {
			return s.misfit(c, r, i)
		}
		c.data = out
		c.offsets[r+1] = int32(len(out))
	}
	c.n = r + 1
	return end
}

// undecided meets the first value of a column without a type. One that tells none, as [] or {"a":null}, is kept as text.
func (s *scanner) undecided(c *column, r, i int) int {
	end, hollow := s.skip(i)
	if end < 0 {
		return end
	}
	if hollow && c.element {
		return misfit
	}
	c.pad(r + 1)
	if hollow {
		return s.divert(c, r, i, end)
	}
	s.note(c, r, unknown)
	return end
}

// list decodes the array at i. An element that does not fit sends all of it to the column's companion.
func (s *scanner) list(c *column, r, i int) int {
	if s.depth >= maxDepth {
		return s.tooDeep(i)
	}
	start, depth, duplicates, mark := i, s.depth, s.duplicates, len(s.notes)
	s.depth++
	c.n = r + 1
	e := c.item()
	at := int(c.offsets[r])
	i = s.space(i + 1)
	for fresh := true; ; fresh = false {
		sep := load1(s.p, i)
		if sep == ']' {
			break
		}
		if !fresh {
			if sep != ',' {
				return s.want(i, closing(false))
			}
			i = s.space(i + 1)
		}
		if at >= e.room {
			e.grow(at)
		}
		i = s.value(e, at, i)
		if i == misfit {
			s.depth, s.duplicates = depth, duplicates
			s.retract(c, r, mark)
			return s.misfit(c, r, start)
		}
		if i < 0 {
			return i
		}
		at++
		i = s.space(i)
	}
	s.depth--
	c.offsets[r+1] = int32(at)
	return i + 1
}
