package parquet

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// values is a leaf column that does not repeat, as its pages hold it.
type values interface {
	// rows is the chunks, which say where a value is missing.
	rows() []arrow.ArrayData
	// kind says how the values are stored.
	kind() (parquet.Type, parquet.Encoding)
	// fit returns where a page that begins at the row a ends: after about so many bytes, and at the row end at last.
	fit(a, end int, bytes int64) int
	// append adds the values of the rows from a to b to a page. bounds holds none if there are none.
	append(page []byte, a, b int) ([]byte, bounds)
	// less compares two bounds.
	less(a, b []byte) bool
}

// bounds are the least and the greatest value of a page or a column as Parquet stores statistics.
type bounds struct {
	low, high []byte
	none      bool // there are values, but no bounds that all readers would understand
}

// flatValues returns the values of chunks of a column that is not nested. Strings have dictionaries where that pays.
func flatValues(t arrow.DataType, chunks []arrow.ArrayData) values {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return boolValues{chunks}
	case *arrow.Float32Type:
		return floatValues[float32]{chunks, 4}
	case *arrow.Float64Type:
		return floatValues[float64]{chunks, 8}
	case *arrow.Decimal128Type:
		if t.Precision > 18 {
			return decimalValues{chunks, int(pqarrow.DecimalSize(t.Precision))}
		}
		return &intValues{chunks: chunks, size: sizeOf(t)}
	case *arrow.StringType:
		if d := newDictionary(chunks); d != nil {
			return d
		}
		return newTextValues(chunks)
	case *arrow.BinaryType:
		return newTextValues(chunks)
	}
	return &intValues{chunks: chunks, size: sizeOf(t)}
}

// intValues are all that is stored as INT32 or INT64.
type intValues struct {
	chunks []arrow.ArrayData
	size   int // bits
	buf    []int64
}

// sizeOf is how many bits an integer of type t takes in files.
func sizeOf(t arrow.DataType) int {
	switch t := t.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Date32Type:
		return 32
	case *arrow.Decimal128Type:
		if t.Precision <= 9 {
			return 32
		}
	}
	return 64
}

func (v *intValues) rows() []arrow.ArrayData { return v.chunks }

func (v *intValues) kind() (parquet.Type, parquet.Encoding) {
	if v.size == 32 {
		return parquet.Types.Int32, parquet.Encodings.DeltaBinaryPacked
	}
	return parquet.Types.Int64, parquet.Encodings.DeltaBinaryPacked
}

func (v *intValues) fit(a, end int, bytes int64) int {
	return min(end, a+max(1, int(bytes)*8/v.size))
}

func (v *intValues) append(page []byte, a, b int) ([]byte, bounds) {
	v.buf = v.buf[:0]
	valid(v.chunks, a, b, func(k, from, to int) {
		c := v.chunks[k]
		switch c.DataType().(type) {
		case *arrow.Int8Type:
			v.buf = widen(v.buf, fixedOf[int8](c)[from:to])
		case *arrow.Int16Type:
			v.buf = widen(v.buf, fixedOf[int16](c)[from:to])
		case *arrow.Int32Type, *arrow.Date32Type:
			v.buf = widen(v.buf, fixedOf[int32](c)[from:to])
		case *arrow.Decimal128Type:
			for _, d := range fixedOf[decimal128.Num](c)[from:to] {
				v.buf = append(v.buf, int64(d.LowBits()))
			}
		default:
			v.buf = append(v.buf, fixedOf[int64](c)[from:to]...)
		}
	})
	if len(v.buf) == 0 {
		return appendDelta(page, nil, v.size), bounds{}
	}
	low, high := v.buf[0], v.buf[0]
	for _, x := range v.buf {
		low, high = min(low, x), max(high, x)
	}
	return appendDelta(page, v.buf, v.size), bounds{low: v.bound(low), high: v.bound(high)}
}

func (v *intValues) bound(x int64) []byte {
	if v.size == 32 {
		return binary.LittleEndian.AppendUint32(nil, uint32(x))
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(x))
}

func (v *intValues) less(a, b []byte) bool {
	if v.size == 32 {
		return int32(binary.LittleEndian.Uint32(a)) < int32(binary.LittleEndian.Uint32(b))
	}
	return int64(binary.LittleEndian.Uint64(a)) < int64(binary.LittleEndian.Uint64(b))
}

func widen[T int8 | int16 | int32](to []int64, from []T) []int64 {
	for _, x := range from {
		to = append(to, int64(x))
	}
	return to
}

// fixedOf is the values of c, from its offset on.
func fixedOf[T arrow.FixedWidthType](c arrow.ArrayData) []T {
	return arrow.GetValues[T](c, 1)
}

// floatValues are FLOAT and DOUBLE.
type floatValues[T float32 | float64] struct {
	chunks []arrow.ArrayData
	size   int // bytes
}

func (v floatValues[T]) rows() []arrow.ArrayData { return v.chunks }

func (v floatValues[T]) kind() (parquet.Type, parquet.Encoding) {
	if v.size == 4 {
		return parquet.Types.Float, parquet.Encodings.Plain
	}
	return parquet.Types.Double, parquet.Encodings.Plain
}

func (v floatValues[T]) fit(a, end int, bytes int64) int {
	return min(end, a+max(1, int(bytes)/v.size))
}

// append leaves out bounds where a value is not a number: engines take that for the largest of all.
func (v floatValues[T]) append(page []byte, a, b int) ([]byte, bounds) {
	low, high, n, nan := T(math.Inf(1)), T(math.Inf(-1)), 0, false
	valid(v.chunks, a, b, func(k, from, to int) {
		all := fixedOf[T](v.chunks[k])[from:to]
		for _, x := range all {
			if x != x {
				nan = true
			}
			low, high = min(low, x), max(high, x)
		}
		n += len(all)
		page = append(page, v.chunks[k].Buffers()[1].Bytes()[(v.chunks[k].Offset()+from)*v.size:][:len(all)*v.size]...)
	})
	if n == 0 || nan {
		return page, bounds{none: nan}
	}
	if low == 0 {
		low = T(math.Copysign(0, -1)) // bounds hold either zero
	}
	if high == 0 {
		high = 0
	}
	return page, bounds{low: v.bound(low), high: v.bound(high)}
}

func (v floatValues[T]) bound(x T) []byte {
	if v.size == 4 {
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(x)))
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(x)))
}

func (v floatValues[T]) less(a, b []byte) bool {
	if v.size == 4 {
		return math.Float32frombits(binary.LittleEndian.Uint32(a)) < math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(a)) < math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// boolValues are BOOLEAN.
type boolValues struct{ chunks []arrow.ArrayData }

func (v boolValues) rows() []arrow.ArrayData { return v.chunks }

func (v boolValues) kind() (parquet.Type, parquet.Encoding) {
	return parquet.Types.Boolean, parquet.Encodings.Plain
}

func (v boolValues) fit(a, end int, bytes int64) int { return min(end, a+int(bytes)*8) }

func (v boolValues) append(page []byte, a, b int) ([]byte, bounds) {
	n, ones, start := 0, 0, len(page)
	page = append(page, make([]byte, (b-a+7)/8)...)
	valid(v.chunks, a, b, func(k, from, to int) {
		bits, offset := v.chunks[k].Buffers()[1].Bytes(), v.chunks[k].Offset()+from
		bitutil.CopyBitmap(bits, offset, to-from, page[start:], n)
		ones += bitutil.CountSetBits(bits, offset, to-from)
		n += to - from
	})
	page = page[:start+(n+7)/8]
	if n == 0 {
		return page, bounds{}
	}
	bound := func(one bool) []byte {
		if one {
			return []byte{1}
		}
		return []byte{0}
	}
	return page, bounds{low: bound(ones == n), high: bound(ones > 0)}
}

func (v boolValues) less(a, b []byte) bool { return a[0] < b[0] }

// decimalValues are decimals that no integer holds: FIXED_LEN_BYTE_ARRAY, the highest byte first.
type decimalValues struct {
	chunks []arrow.ArrayData
	size   int // bytes
}

func (v decimalValues) rows() []arrow.ArrayData { return v.chunks }

func (v decimalValues) kind() (parquet.Type, parquet.Encoding) {
	return parquet.Types.FixedLenByteArray, parquet.Encodings.Plain
}

func (v decimalValues) fit(a, end int, bytes int64) int { return min(end, a+max(1, int(bytes)/v.size)) }

func (v decimalValues) append(page []byte, a, b int) ([]byte, bounds) {
	var low, high decimal128.Num
	n := 0
	valid(v.chunks, a, b, func(k, from, to int) {
		for _, d := range fixedOf[decimal128.Num](v.chunks[k])[from:to] {
			if n == 0 || d.Less(low) {
				low = d
			}
			if n == 0 || high.Less(d) {
				high = d
			}
			n++
			page = v.bound(page, d)
		}
	})
	if n == 0 {
		return page, bounds{}
	}
	return page, bounds{low: v.bound(nil, low), high: v.bound(nil, high)}
}

func (v decimalValues) bound(out []byte, d decimal128.Num) []byte {
	var all [16]byte
	binary.BigEndian.PutUint64(all[:], uint64(d.HighBits()))
	binary.BigEndian.PutUint64(all[8:], d.LowBits())
	return append(out, all[16-v.size:]...)
}

func (v decimalValues) less(a, b []byte) bool {
	if negA, negB := a[0] >= 0x80, b[0] >= 0x80; negA != negB {
		return negA
	}
	return lessBytes(a, b)
}
