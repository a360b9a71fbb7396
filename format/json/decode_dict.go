package json

import (
	"math/bits"
	"unsafe"
)

// dictionary numbers texts in the order of their first appearance.
type dictionary struct {
	seed  uint64 // so that nobody can choose texts that collide
	slots []slot // open addressing, a power of two
	ends  []int32
	data  []byte
	born  []int32 // where in its column an entry was first used

	expect, expectData int // entries and bytes of the last batch
}

// slot holds a text of less than 16 bytes whole, else its hash.
type slot struct {
	a, b uint64
	id   int32 // + 1, 0 = free
	size int32
}

const (
	mixA = 0x9E3779B97F4A7C15
	mixB = 0xC2B2AE3D27D4EB4F
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// short is the hash of a text of less than 16 bytes, a and b being its bytes with zeros behind.
func (d *dictionary) short(a, b uint64, n int) uint64 { return mix(a^d.seed, b^mixB^uint64(n)) }

// key is what slots hold of the n bytes at p + i, and their hash. Up to 16 bytes more than there are may be read.
func (d *dictionary) key(p unsafe.Pointer, i, n int) (a, b, h uint64) {
	switch {
	case n < 8:
		a = load8(p, i) & (1<<uint(8*n) - 1)
	case n < 16:
		a, b = load8(p, i), load8(p, i+8)&(1<<uint(8*n-64)-1)
	default:
		return d.long(p, i, n)
	}
	return a, b, d.short(a, b, n)
}

func (d *dictionary) long(p unsafe.Pointer, i, n int) (a, b, h uint64) {
	h = mix(load8(p, i)^d.seed, load8(p, i+8)^mixB)
	end := i + n - 16
	for j := i + 16; j < end; j += 16 {
		h = mix(h^load8(p, j), load8(p, j+8)^mixB)
	}
	h = mix(h^load8(p, end), load8(p, end+8)^mixA^uint64(n))
	return h, 0, h
}

// find returns the number of the text v whose key is a, b, h, or -1 and the free slot where it belongs.
func (d *dictionary) find(v []byte, a, b, h uint64) (id int32, at uint64) {
	mask := uint64(len(d.slots) - 1)
	for at = h & mask; ; at = (at + 1) & mask {
		s := &d.slots[at]
		if s.id == 0 {
			return -1, at
		}
		if s.a == a && s.b == b && int(s.size) == len(v) && (len(v) < 16 || string(d.text(s.id-1)) == string(v)) {
			return s.id - 1, at
		}
	}
}

// is reports whether entry id, which is known to have as many bytes, is the n bytes at p + i; n ≥ 16.
func (d *dictionary) is(id int32, p unsafe.Pointer, i, n int) bool {
	q, at := base(d.data), int(d.ends[id])
	for k := 0; k < n-16; k += 16 {
		if load8(p, i+k) != load8(q, at+k) || load8(p, i+k+8) != load8(q, at+k+8) {
			return false
		}
	}
	return load8(p, i+n-16) == load8(q, at+n-16) && load8(p, i+n-8) == load8(q, at+n-8)
}

func (d *dictionary) text(id int32) []byte { return d.data[d.ends[id]:d.ends[id+1]] }

func (d *dictionary) len() int { return len(d.born) }

// add enters a text that find did not find. full says that the table has to grow before the next one.
func (d *dictionary) add(v []byte, a, b, at uint64, row int) (id int32, full bool) {
	id = int32(len(d.born))
	d.data = append(d.data, v...)
	d.ends = append(d.ends, int32(len(d.data)))
	d.born = append(d.born, int32(row))
	d.slots[at] = slot{a: a, b: b, id: id + 1, size: int32(len(v))}
	return id, len(d.born)*8 > len(d.slots)*5
}

// grow doubles the table. Entries keep the order in which they were added, so that the last is still the one that no other
// had to step over.
func (d *dictionary) grow() {
	old := d.slots
	d.slots = make([]slot, 2*len(old))
	byID := make([]slot, len(d.born))
	for _, s := range old {
		if s.id != 0 {
			byID[s.id-1] = s
		}
	}
	mask := uint64(len(d.slots) - 1)
	for _, s := range byID {
		h := s.a
		if s.size < 16 {
			h = d.short(s.a, s.b, int(s.size))
		}
		at := h & mask
		for d.slots[at].id != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = s
	}
}

// forget removes the entries that were first used at row or later.
func (d *dictionary) forget(row int) {
	for n := len(d.born); n > 0 && int(d.born[n-1]) >= row; n-- {
		v := append(append([]byte(nil), d.text(int32(n-1))...), make([]byte, 16)...)
		size := len(v) - 16
		a, b, h := d.key(unsafe.Pointer(unsafe.SliceData(v)), 0, size)
		_, at := d.find(v[:size], a, b, h)
		d.slots[at] = slot{}
		d.born = d.born[:n-1]
		d.data = d.data[:d.ends[n-1]]
		d.ends = d.ends[:n]
	}
}

// begin empties d for texts that will be given away. Its table is kept.
func (d *dictionary) begin() {
	d.reset()
	d.ends = append(make([]int32, 0, d.expect+d.expect/8+4), 0)
	d.data = make([]byte, 0, d.expectData+d.expectData/8+32)
}

// reset empties d for texts of its own.
func (d *dictionary) reset() {
	if d.slots == nil {
		d.slots = make([]slot, 256)
	} else {
		clear(d.slots)
	}
	d.born, d.ends, d.data = d.born[:0], append(d.ends[:0], 0), d.data[:0]
}

// drop lets go of the texts, which were given away.
func (d *dictionary) drop() {
	if d.ends != nil {
		d.expect, d.expectData = len(d.born), min(len(d.data), keptText)
	}
	d.ends, d.data = nil, nil
}
