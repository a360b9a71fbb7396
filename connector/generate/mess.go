package generate

import (
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// mess decides row by row what is wrong.
type mess struct {
	seed             uint64
	nulls, late, bad uint64 // thresholds of random numbers
}

func newMess(m Mess, seed uint64) mess {
	return mess{mix(seed ^ 0x6d657373), chance(m.Nulls), chance(m.Late), chance(m.BadJSON)}
}

// isNull reports whether a field of a row is null.
func (m *mess) isNull(row int64, field int) bool {
	return at(m.seed^uint64(field+1)<<40, uint64(row)) < m.nulls
}

// nullFields returns a bit for each field of a web event that is null. Its id and its stamp never are.
func (m *mess) nullFields(row int64) uint64 {
	if m.nulls == 0 {
		return 0
	}
	bits := uint64(0)
	for f := 2; f < fieldCount; f++ {
		if m.isNull(row, f) {
			bits |= 1 << f
		}
	}
	return bits
}

// lateness is how much too early a row is stamped, in microseconds: 0, or between a minute and an hour.
func (m *mess) lateness(row int64) int64 {
	r := at(m.seed^0x6c617465, uint64(row))
	if r >= m.late {
		return 0
	}
	return 60_000_000 + int64(mix(r)%3_540_000_001)
}

func (m *mess) isBad(row int64) bool {
	return m.bad > 0 && at(m.seed^0x626164, uint64(row)) < m.bad
}

// breakOff cuts the line that begins at from somewhere before its last brace.
func (m *mess) breakOff(block []byte, from int, row int64) []byte {
	inside := len(block) - from - len("{}\n")
	cut := from + 1 + int(mix(m.seed^uint64(row))%uint64(inside+1))
	return append(block[:cut], '\n')
}

// validity is the bitmap of n values, nil if none is null.
func validity(n int, null func(i int) bool) (*memory.Buffer, int) {
	bits, nulls := make([]byte, bitutil.BytesForBits(int64(n))), 0
	for i := range n {
		if null(i) {
			nulls++
		} else {
			bitutil.SetBit(bits, i)
		}
	}
	if nulls == 0 {
		return nil, 0
	}
	return memory.NewBufferBytes(bits), nulls
}
