package parquet

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
)

// textValues are BYTE_ARRAY without a dictionary.
type textValues struct {
	chunks []arrow.ArrayData
	arrays []array.BinaryLike
}

func newTextValues(chunks []arrow.ArrayData) textValues {
	v := textValues{chunks: make([]arrow.ArrayData, len(chunks)), arrays: make([]array.BinaryLike, len(chunks))}
	for k, c := range chunks {
		v.chunks[k] = plain(c)
		v.arrays[k] = array.MakeFromData(v.chunks[k]).(array.BinaryLike)
	}
	return v
}

func (v textValues) rows() []arrow.ArrayData { return v.chunks }

func (v textValues) kind() (parquet.Type, parquet.Encoding) {
	return parquet.Types.ByteArray, parquet.Encodings.Plain
}

func (v textValues) fit(a, end int, bytes int64) int {
	at, size, full := a, int64(0), false
	spans(v.chunks, a, end, func(k, from, to int) {
		for i := from; i < to && !full; i++ {
			size += 4 + int64(v.arrays[k].ValueLen(i))
			at++
			full = size >= bytes
		}
	})
	return at
}

func (v textValues) append(page []byte, a, b int) ([]byte, bounds) {
	var low, high []byte
	n := 0
	valid(v.chunks, a, b, func(k, from, to int) {
		offsets := arrow.GetOffsets[int32](v.chunks[k], 1)
		var text []byte
		if buffer := v.chunks[k].Buffers()[2]; buffer != nil {
			text = buffer.Bytes()
		}
		for i := from; i < to; i++ {
			x := text[offsets[i]:offsets[i+1]]
			page = append(binary.LittleEndian.AppendUint32(page, uint32(len(x))), x...)
			if n == 0 || lessBytes(x, low) {
				low = x
			}
			if n == 0 || lessBytes(high, x) {
				high = x
			}
			n++
		}
	})
	if n == 0 {
		return page, bounds{}
	}
	return page, textBounds(low, high)
}

// textBounds copies bounds, unless they would make footers long.
func textBounds[T string | []byte](low, high T) bounds {
	if len(low) > maxBound || len(high) > maxBound {
		return bounds{none: true}
	}
	return bounds{low: append([]byte{}, low...), high: append([]byte{}, high...)}
}

func (v textValues) less(a, b []byte) bool { return lessBytes(a, b) }

// dictionaryValues are strings by their place in a dictionary.
type dictionaryValues struct {
	chunks  []arrow.ArrayData
	entries []string
	indices [][]int32 // per chunk
	width   int       // bits of an index

	buf  []uint32
	seen []bool
}

func (v *dictionaryValues) rows() []arrow.ArrayData { return v.chunks }

func (v *dictionaryValues) kind() (parquet.Type, parquet.Encoding) {
	return parquet.Types.ByteArray, parquet.Encodings.RLEDict
}

func (v *dictionaryValues) fit(a, end int, bytes int64) int {
	return min(end, a+max(1, int(bytes)*8/max(v.width, 1)))
}

func (v *dictionaryValues) append(page []byte, a, b int) ([]byte, bounds) {
	v.buf = v.buf[:0]
	valid(v.chunks, a, b, func(k, from, to int) {
		for _, i := range v.indices[k][from:to] {
			v.buf = append(v.buf, uint32(i))
		}
	})
	page = append(page, byte(v.width))
	if len(v.buf) == 0 {
		return page, bounds{}
	}
	if v.seen == nil {
		v.seen = make([]bool, len(v.entries))
	}
	clear(v.seen)
	for _, i := range v.buf {
		v.seen[i] = true
	}
	low, high := v.entries[v.buf[0]], v.entries[v.buf[0]]
	for i, seen := range v.seen {
		switch x := v.entries[i]; {
		case !seen:
		case x < low:
			low = x
		case x > high:
			high = x
		}
	}
	return appendHybrid(page, v.buf, v.width), textBounds(low, high)
}

func (v *dictionaryValues) less(a, b []byte) bool { return lessBytes(a, b) }

// appendEntries writes the page of entries.
func (v *dictionaryValues) appendEntries(page []byte) []byte {
	for _, x := range v.entries {
		page = append(binary.LittleEndian.AppendUint32(page, uint32(len(x))), x...)
	}
	return page
}

func widthOf(entries int) int { return bits.Len(uint(max(entries-1, 0))) }

func lessBytes(a, b []byte) bool { return bytes.Compare(a, b) < 0 }
