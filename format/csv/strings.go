package csv

import (
	"hash/maphash"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// trial is the number of rows after which a column shows whether its texts repeat.
	trial = 512
	// maxDistinct is the size of the largest dictionary.
	maxDistinct = 1 << 16
)

var dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// slot is a place in a hash table of texts.
type slot struct {
	hash uint32
	code int32 // + 1; 0: free
}

// texts collects a column of strings: numbered as long as they repeat, else one after the other.
type texts struct {
	valid bitmap
	n     int // rows
	nulls int

	plain   bool
	offsets []int32 // of the texts in data, and the end; plain: one a row
	data    []byte
	codes   []int32 // one a row
	slots   []slot
	seed    maphash.Seed
}

// reset makes t ready for at most n rows; slots are the only memory that it keeps.
func (t *texts) reset(n int) {
	*t = texts{valid: newBitmap(n), offsets: append(make([]int32, 0, 64), 0), codes: make([]int32, 0, n), slots: t.slots, seed: t.seed}
	if t.slots == nil {
		t.slots, t.seed = make([]slot, 256), maphash.MakeSeed()
	}
	clear(t.slots)
}

// add appends a text.
func (t *texts) add(b []byte) {
	t.valid.set(t.n)
	t.n++
	if t.plain {
		t.data = append(t.data, b...)
		t.offsets = append(t.offsets, int32(len(t.data)))
		return
	}
	t.codes = append(t.codes, t.code(b))
}

// null appends a null.
func (t *texts) null() {
	t.n++
	t.nulls++
	if t.plain {
		t.offsets = append(t.offsets, int32(len(t.data)))
		return
	}
	t.codes = append(t.codes, 0)
}

func (t *texts) distinct() int { return len(t.offsets) - 1 }

func (t *texts) code(b []byte) int32 {
	hash := uint32(maphash.Bytes(t.seed, b))
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.code == 0 {
			t.data = append(t.data, b...)
			t.offsets = append(t.offsets, int32(len(t.data)))
			s.hash, s.code = hash, int32(t.distinct())
			if 2*t.distinct() > len(t.slots) {
				t.grow()
			}
			return int32(t.distinct() - 1)
		}
		if s.hash == hash && string(t.data[t.offsets[s.code-1]:t.offsets[s.code]]) == string(b) {
			return s.code - 1
		}
	}
}

func (t *texts) grow() {
	old := t.slots
	t.slots = make([]slot, 4*len(old))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		i := s.hash & mask
		for t.slots[i].code != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// judge gives the dictionary up if it does not pay; size is how many bytes of text may still come for each so far.
func (t *texts) judge(rows int, share float64) {
	if t.plain || t.n < trial || 2*t.distinct() <= t.n-t.nulls && t.distinct() <= maxDistinct {
		return
	}
	plain := texts{valid: t.valid, n: t.n, nulls: t.nulls, plain: true, slots: t.slots, seed: t.seed, offsets: append(make([]int32, 0, rows+1), 0)}
	size := 0
	for _, code := range t.codes {
		size += int(t.offsets[code+1] - t.offsets[code])
	}
	plain.data = make([]byte, 0, int(float64(size)*share)+len(t.data))
	for i, code := range t.codes {
		if t.valid.get(i) {
			plain.data = append(plain.data, t.data[t.offsets[code]:t.offsets[code+1]]...)
		}
		plain.offsets = append(plain.offsets, int32(len(plain.data)))
	}
	*t = plain
}

// array returns the column and forgets its memory.
func (t *texts) array() arrow.Array {
	var validity *memory.Buffer
	if t.nulls > 0 {
		validity = memory.NewBufferBytes(t.valid.bytes(t.n))
	}
	offsets := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(t.offsets))
	body := memory.NewBufferBytes(t.data)
	if t.plain {
		return array.NewStringData(array.NewData(arrow.BinaryTypes.String, t.n, []*memory.Buffer{validity, offsets, body}, nil, t.nulls, 0))
	}
	if t.distinct() == 0 { // codes of nulls point to it
		offsets = memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 0}))
	}
	entries := array.NewData(arrow.BinaryTypes.String, max(t.distinct(), 1), []*memory.Buffer{nil, offsets, body}, nil, 0, 0)
	codes := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(t.codes))
	return array.NewDictionaryData(array.NewDataWithDictionary(dictionaryType, t.n, []*memory.Buffer{validity, codes}, t.nulls, 0, entries))
}

// bitmap is the validity of rows, lowest bit first.
type bitmap []byte

func newBitmap(n int) bitmap { return make(bitmap, (n+7)/8) }

func (b bitmap) set(i int)      { b[i>>3] |= 1 << (i & 7) }
func (b bitmap) get(i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }

func (b bitmap) bytes(n int) []byte { return b[:(n+7)/8] }
