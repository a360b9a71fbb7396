package json

import "github.com/gros-lake/gros/rows"

// mapping decodes the object at i as a map. A value that does not fit sends all of it to the column's companion.
func (s *scanner) mapping(c *column, r, i int) int {
	depth, duplicates, mark := s.depth, s.duplicates, len(s.notes)
	end, twice := s.entries(c, r, i, false)
	if end > 0 && twice > 0 {
		s.retract(c, r, mark)
		end, _ = s.entries(c, r, i, true)
		s.duplicates += twice
	}
	if end == misfit {
		s.depth, s.duplicates = depth, duplicates
		s.retract(c, r, mark)
		return s.misfit(c, r, i)
	}
	return end
}

// entries decodes the entries of a map, all or only the last of each key, which an earlier call found out. twice counts
// the keys that are overwritten later.
func (s *scanner) entries(c *column, r, i int, last bool) (end int, twice int64) {
	if s.depth >= maxDepth {
		return s.tooDeep(i), 0
	}
	s.depth++
	c.n = r + 1
	if !last {
		c.seen.reset()
		c.last = c.last[:0]
	}
	keys, items := c.kids[0], c.kids[1]
	at := int(c.offsets[r])
	i = s.space(i + 1)
	for fresh := true; ; fresh = false {
		sep := load1(s.p, i)
		if sep == '}' {
			break
		}
		if !fresh {
			if sep != ',' {
				return s.want(i, closing(true)), 0
			}
			i = s.space(i + 1)
		}
		if load1(s.p, i) != '"' {
			return s.want(i, "a key in quotes"), 0
		}
		start := i
		v, next := s.stringAt(i + 1)
		if next < 0 {
			return next, 0
		}
		known, final := c.see(v, start, last)
		if known && !last {
			if s.refuse {
				return s.fail(rows.Duplicate, start, "the key stands twice in one object"), 0
			}
			twice++
		}
		if final {
			if at >= keys.room {
				keys.grow(at)
			}
			s.putText(keys, at, v)
		}
		if i = s.colon(next); i < 0 {
			return i, 0
		}
		if !final {
			if i, _ = s.skip(i); i < 0 {
				return i, 0
			}
			i = s.space(i)
			continue
		}
		if at >= items.room {
			items.grow(at)
		}
		if i = s.value(items, at, i); i < 0 {
			return i, 0
		}
		at++
		i = s.space(i)
	}
	s.depth--
	c.offsets[r+1] = int32(at)
	return i + 1, twice
}

// see looks up a key that stands at a place. known says that it stood before; final that this is its last place.
func (c *column) see(v []byte, place int, last bool) (known, final bool) {
	// The text may stand in the scanner's scratch, which has slack, or in its buffer.
	a, b, h := c.seen.key(base(v), 0, len(v))
	id, at := c.seen.find(v, a, b, h)
	if last {
		return true, c.last[id] == place
	}
	if id >= 0 {
		c.last[id] = place
		return true, true
	}
	if _, full := c.seen.add(v, a, b, at, 0); full {
		c.seen.grow()
	}
	c.last = append(c.last, place)
	return false, true
}
