package json

import (
	"math/bits"
	"unsafe"

	"github.com/gros-lake/gros/rows"
)

// token is how a key is written up to its value, `"name": `, as words to compare.
type token struct {
	words [4]uint64
	size  int
	form  uint8 // of the comparison, 0 = none
	text  []byte
}

const longestToken = 64

// learn remembers how a key was written.
func (k *token) learn(v []byte) {
	k.form = 0
	if len(v) > longestToken || len(v) < 4 {
		return
	}
	for _, c := range v {
		if c == '\n' { // it must not be jumped over where lines are documents
			return
		}
	}
	k.text = append(append(k.text[:0], v...), make([]byte, slack)...)
	p, n := base(k.text), len(v)
	k.size = n
	switch {
	case n < 8:
		k.form = 1
		k.words = [4]uint64{uint64(load4(p, 0)), uint64(load4(p, n-4))}
	case n <= 16:
		k.form = 2
		k.words = [4]uint64{load8(p, 0), load8(p, n-8)}
	case n <= 32:
		k.form = 3
		k.words = [4]uint64{load8(p, 0), load8(p, 8), load8(p, n-16), load8(p, n-8)}
	default:
		k.form = 4
	}
}

// at reports whether the key stands at i.
func (k *token) at(p unsafe.Pointer, i int) bool {
	n, w := k.size, &k.words
	switch k.form {
	case 1:
		return uint64(load4(p, i)) == w[0] && uint64(load4(p, i+n-4)) == w[1]
	case 2:
		return load8(p, i) == w[0] && load8(p, i+n-8) == w[1]
	case 3:
		return load8(p, i) == w[0] && load8(p, i+8) == w[1] && load8(p, i+n-16) == w[2] && load8(p, i+n-8) == w[3]
	case 4:
		return string(unsafe.Slice((*byte)(unsafe.Add(p, i)), n)) == string(k.text[:n])
	}
	return false
}

// object decodes the object whose first byte behind the brace is at i into slot r of the fields of o.
func (s *scanner) object(o *column, r, i int) int {
	if s.depth >= maxDepth {
		return s.tooDeep(i - 1)
	}
	s.depth++
	p, mark := s.p, len(s.notes)
	link := &o.first
	for fresh := true; ; fresh = false {
		if load1(p, i) == ' ' {
			i++
		}
		var c *column
		if link != nil {
			c = *link
		}
		if c != nil && c.token.at(p, i) {
			if i += c.token.size; load1(p, i) <= ' ' {
				i = s.space(i)
			}
		} else {
			if i = s.space(i); fresh && load1(p, i) == '}' {
				s.depth--
				return i + 1
			}
			if c, i = s.key(o, i); i < 0 {
				return i
			}
			if link != nil && c != nil {
				*link = c
			}
		}
		if c != nil {
			if c.n != r {
				if c.n < r {
					c.pad(r)
				} else if !s.again(c, r, i, mark) {
					return s.in(c)
				}
			}
			if r >= c.room {
				c.grow(r)
			}
			if i = s.value(c, r, i); i < 0 {
				return s.in(c)
			}
			link = &c.next
		} else {
			s.note(o, r, unknown)
			if i, _ = s.skip(i); i < 0 {
				return i
			}
			link = nil
		}
		sep := load1(p, i)
		if sep != ',' && sep != '}' {
			i = s.space(i)
			sep = load1(p, i)
		}
		i++
		if sep == '}' {
			s.depth--
			return i
		}
		if sep != ',' {
			return s.want(i-1, closing(true))
		}
	}
}

// in says in which column the document is refused.
func (s *scanner) in(c *column) int {
	if s.err.col == nil {
		s.err.col = c
	}
	return failed
}

// key reads the key at i and returns its field of o, nil if there is none, and the place of its value.
func (s *scanner) key(o *column, i int) (*column, int) {
	p := s.p
	if load1(p, i) != '"' {
		return nil, s.want(i, "a key in quotes")
	}
	start := i
	i++
	for {
		m := stops(load8(p, i))
		if m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			break
		}
		i += 8
	}
	if load1(p, i) != '"' {
		return s.oddKey(o, start)
	}
	v := s.buf[start+1 : i]
	a, b, h := o.names.key(p, start+1, len(v))
	if id, _ := o.names.find(v, a, b, h); id >= 0 {
		c := o.kids[id]
		if c.token.at(p, start) {
			return c, s.space(start + c.token.size)
		}
		if i = s.colon(i + 1); i > 0 {
			c.token.learn(s.buf[start:i])
		}
		return c, i
	}
	return s.oddKey(o, start)
}

// oddKey is key for one that is unknown, or holds escapes, or is broken.
func (s *scanner) oddKey(o *column, i int) (*column, int) {
	v, i := s.stringAt(i + 1)
	if i < 0 {
		return nil, i
	}
	a, b, h := o.names.key(base(v), 0, len(v))
	id, _ := o.names.find(v, a, b, h)
	i = s.colon(i)
	if id < 0 {
		return nil, i
	}
	return o.kids[id], i
}

// again takes back what an earlier key of the same name left in slot r of c, since mark notes were taken.
func (s *scanner) again(c *column, r, i, mark int) bool {
	if c.bound == r+1 {
		s.fail(rows.BadType, i, "the companion column holds a value of this row already, which did not fit")
		return false
	}
	if s.refuse {
		s.fail(rows.Duplicate, i, "the key stands twice in one object")
		return false
	}
	s.duplicates++
	s.retract(c, r, mark)
	return true
}

// retract empties c from slot r on, and its companions where they stand in for it. Nothing was noted of the slot before
// there were mark notes.
func (s *scanner) retract(c *column, r, mark int) {
	c.rewind(r)
	for _, k := range [...]*column{c.double, c.text} {
		if k != nil && k.bound == r+1 {
			k.rewind(r)
		}
	}
	kept := s.notes[:mark]
	for _, n := range s.notes[mark:] {
		if int(n.slot) < n.col.n {
			kept = append(kept, n)
		}
	}
	s.notes = kept
}
