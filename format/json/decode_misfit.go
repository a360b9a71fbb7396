package json

import (
	"math"

	"github.com/gros-lake/gros/rows"
)

// misfit keeps the value at i, which is none of c's type, in a companion of c.
func (s *scanner) misfit(c *column, r, i int) int {
	if c.element {
		return misfit
	}
	c.pad(r + 1)
	if !numeric(load1(s.p, i)) || c.noDouble {
		end, _ := s.skip(i)
		if end < 0 {
			return end
		}
		return s.divert(c, r, i, end)
	}
	end, whole := s.number(i)
	if end < 0 {
		return end
	}
	f, exact := s.lit.float(s.buf[i:end], whole, 64)
	if !exact || !s.lit.printed(f, -1, 64) {
		return s.divert(c, r, i, end)
	}
	k := c.double
	if got := s.ready(c, k, r, i, wantDouble); got != here {
		return min(got, end)
	}
	k.floats[r] = f
	k.n = r + 1
	return end
}

// divert keeps the JSON from i to end in the text companion of c.
func (s *scanner) divert(c *column, r, i, end int) int {
	k := c.text
	if k == nil && c.noText {
		return s.fail(rows.BadType, i, "does not fit, and the name of the companion column is taken by another")
	}
	if got := s.ready(c, k, r, i, wantText); got != here {
		return min(got, end)
	}
	k.data = append(k.data, s.buf[i:end]...)
	k.offsets[r+1] = int32(len(k.data))
	k.n = r + 1
	return end
}

// What ready returns beside failed.
const (
	here   = math.MaxInt - 1 // the companion waits for a value
	absent = math.MaxInt     // there is none yet: that is noted
)

// ready makes slot r of the companion k of c ready for a value.
func (s *scanner) ready(c, k *column, r, i int, want remark) int {
	if k == nil {
		s.note(c, r, want)
		return absent
	}
	if k.n > r {
		return s.fail(rows.BadType, i, "does not fit, and its companion column holds a value of this row already")
	}
	if k.n < r {
		k.pad(r)
	}
	if r >= k.room {
		k.grow(r)
	}
	k.bound = r + 1
	s.note(c, r, coerced)
	return here
}
