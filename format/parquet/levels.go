package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
)

// runs of equal values that are shorter than this are packed with their neighbours.
const shortestRun = 24

// appendHybrid writes values of width bits each in Parquet's hybrid of runs and packed groups of eight.
func appendHybrid(out []byte, values []uint32, width int) []byte {
	packed := 0 // values before it are written
	for i := 0; i < len(values); {
		n := equalFrom(values[i:])
		if n < shortestRun {
			i += 8
			continue
		}
		out = appendPackedGroups(out, values[packed:i], width)
		out = binary.AppendUvarint(out, uint64(n)<<1)
		for v, left := values[i], width; left > 0; left -= 8 {
			out, v = append(out, byte(v)), v>>8
		}
		i += n
		packed = i
	}
	return appendPackedGroups(out, values[packed:], width)
}

// equalFrom counts the values that equal the first.
func equalFrom(values []uint32) int {
	n := 1
	for n < len(values) && values[n] == values[0] {
		n++
	}
	return n
}

// appendPackedGroups writes values as one run of packed groups. Only at the end of a page may they be no multiple of eight.
func appendPackedGroups(out []byte, values []uint32, width int) []byte {
	if len(values) == 0 {
		return out
	}
	groups := (len(values) + 7) / 8
	out = binary.AppendUvarint(out, uint64(groups)<<1|1)
	end := len(out) + groups*width
	out = appendPacked(out, values, width)
	for len(out) < end {
		out = append(out, 0)
	}
	return out
}

// appendPacked writes values of width bits each, the lowest bits first, and fills the last byte up with zeros.
func appendPacked[T uint32 | uint64](out []byte, values []T, width int) []byte {
	if width == 0 {
		return out
	}
	var acc uint64
	var n int // bits in acc
	for _, v := range values {
		acc |= uint64(v) << n
		if n += width; n >= 64 {
			out = binary.LittleEndian.AppendUint64(out, acc)
			n -= 64
			acc = uint64(v) >> (width - n) // all bits of v are written when n is 0
		}
	}
	for ; n > 0; n -= 8 {
		out, acc = append(out, byte(acc)), acc>>8
	}
	return out
}

// appendLevels writes which of the rows from a to b of chunks have a value: the definition levels of a page of an optional
// column. nulls is how many have none.
func appendLevels(out []byte, chunks []arrow.ArrayData, a, b, nulls int) []byte {
	at := len(out)
	out = append(out, 0, 0, 0, 0)
	switch rows := b - a; nulls {
	case 0:
		out = append(binary.AppendUvarint(out, uint64(rows)<<1), 1)
	case rows:
		out = append(binary.AppendUvarint(out, uint64(rows)<<1), 0)
	default:
		groups := (rows + 7) / 8
		out = binary.AppendUvarint(out, uint64(groups)<<1|1)
		out = append(out, make([]byte, groups)...)
		to, done := out[len(out)-groups:], 0
		spans(chunks, a, b, func(k, from, to2 int) {
			n := to2 - from
			if bitmap := validity(chunks[k]); bitmap == nil {
				bitutil.SetBitsTo(to, int64(done), int64(n), true)
			} else {
				bitutil.CopyBitmap(bitmap, chunks[k].Offset()+from, n, to, done)
			}
			done += n
		})
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	return out
}

// validity is the bitmap of c, whose first bit is that of the offset of c; nil if every value is there.
func validity(c arrow.ArrayData) []byte {
	b := c.Buffers()[0]
	if b == nil || b.Len() == 0 {
		return nil
	}
	return b.Bytes()
}

// spans calls do for each chunk that has rows between a and b, with those of the chunk.
func spans(chunks []arrow.ArrayData, a, b int, do func(k, from, to int)) {
	for k, c := range chunks {
		n := c.Len()
		if from, to := max(a, 0), min(b, n); from < to {
			do(k, from, to)
		}
		if a, b = a-n, b-n; b <= 0 {
			return
		}
	}
}

// valid calls do for each stretch of values that are there, in the rows from a to b of chunks.
func valid(chunks []arrow.ArrayData, a, b int, do func(k, from, to int)) {
	spans(chunks, a, b, func(k, from, to int) {
		bitmap, offset := validity(chunks[k]), chunks[k].Offset()
		if bitmap == nil {
			do(k, from, to)
			return
		}
		for from < to {
			for from < to && !bitutil.BitIsSet(bitmap, offset+from) {
				from++
			}
			end := from
			for end < to && bitutil.BitIsSet(bitmap, offset+end) {
				end++
			}
			if from < end {
				do(k, from, end)
			}
			from = end
		}
	})
}

// countNulls counts the rows from a to b of chunks that have no value.
func countNulls(chunks []arrow.ArrayData, a, b int) int {
	nulls := 0
	spans(chunks, a, b, func(k, from, to int) {
		if bitmap := validity(chunks[k]); bitmap != nil {
			nulls += to - from - bitutil.CountSetBits(bitmap, chunks[k].Offset()+from, to-from)
		}
	})
	return nulls
}

const (
	deltaBlock = 128
	deltaMini  = 32
)

// appendDelta writes values as DELTA_BINARY_PACKED, of 32 or 64 bits: differences wrap around as those of that type do.
func appendDelta(out []byte, values []int64, size int) []byte {
	out = binary.AppendUvarint(out, deltaBlock)
	out = binary.AppendUvarint(out, deltaBlock/deltaMini)
	out = binary.AppendUvarint(out, uint64(len(values)))
	if len(values) == 0 {
		return append(out, 0)
	}
	out = binary.AppendVarint(out, values[0])
	last := values[0]
	var deltas [deltaBlock]int64
	for rest := values[1:]; len(rest) > 0; {
		n := min(len(rest), deltaBlock)
		least := int64(1<<63 - 1)
		for i, v := range rest[:n] {
			d := v - last
			if size == 32 {
				d = int64(int32(d))
			}
			deltas[i], last = d, v
			least = min(least, d)
		}
		out = appendDeltaBlock(out, deltas[:n], least, size)
		rest = rest[n:]
	}
	return out
}

func appendDeltaBlock(out []byte, deltas []int64, least int64, size int) []byte {
	out = binary.AppendVarint(out, least)
	widths := len(out)
	out = append(out, make([]byte, deltaBlock/deltaMini)...)
	for mini := 0; mini*deltaMini < len(deltas); mini++ {
		var over [deltaMini]uint64 // zeros beyond the last value
		all := uint64(0)
		for i, d := range deltas[mini*deltaMini : min((mini+1)*deltaMini, len(deltas))] {
			over[i] = uint64(d - least)
			if size == 32 {
				over[i] = uint64(uint32(over[i]))
			}
			all |= over[i]
		}
		width := bits.Len64(all)
		out[widths+mini] = byte(width)
		out = appendPacked(out, over[:], width)
	}
	return out
}
