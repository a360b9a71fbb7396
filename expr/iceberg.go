package expr

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
)

// width is the positive first argument of bucket and truncate.
func (b *binder) width(n *node, a *op) (int64, error) {
	w, err := b.constantInt(n, a)
	if err == nil && (w < 1 || w > 1<<31-1) {
		err = b.errorf(a.node, "%s takes a number from 1 to 2147483647 here, not %d", n.text, w)
	}
	return w, err
}

// bindBucket binds bucket(n, x), the transform of Iceberg's spec, appendix B: a 32-bit Murmur3 hash modulo n.
func bindBucket(b *binder, n *node, args []*op) (*op, error) {
	w, err := b.width(n, args[0])
	if err != nil {
		return nil, err
	}
	a := args[1]
	var eval evaluator
	bucketOf := func(hash uint32) int64 { return int64(hash&0x7fffffff) % w }
	switch classOf(a.typ) {
	case intClass:
		eval = each(ints, setInts, func(x int64) int64 { return bucketOf(hashLong(x)) })
	case textClass:
		eval = each(texts, setInts, func(s string) int64 { return bucketOf(murmur3(unsafe.Slice(unsafe.StringData(s), len(s)))) })
	case decimalClass:
		eval = each(decs, setInts, func(d decimal128.Num) int64 { return bucketOf(hashDecimal(d)) })
	case nullClass:
		return b.coerce(a, intType)
	default:
		return nil, b.unhashable(n, a)
	}
	return b.apply(n, intType, eval, a)
}

func (b *binder) unhashable(n *node, a *op) error {
	err := b.mismatch(n, a, "an integer, a decimal, a date, a time, a text or a blob")
	if isFloat(a.typ) {
		err = fault.Hint(err, "equal numbers of floats have different bits; cast it to a decimal")
	}
	return err
}

func decs(v *vector) []decimal128.Num { return v.decs }

func hashLong(x int64) uint32 {
	var buf [8]byte
	binary.LittleEndian.PutUint64(buf[:], uint64(x))
	return murmur3(buf[:])
}

// hashDecimal hashes the unscaled value as the fewest bytes of a big-endian two's complement.
func hashDecimal(d decimal128.Num) uint32 {
	var buf [16]byte
	binary.BigEndian.PutUint64(buf[:8], uint64(d.HighBits()))
	binary.BigEndian.PutUint64(buf[8:], d.LowBits())
	from := 0
	for from < 15 && (buf[from] == 0 && buf[from+1] < 0x80 || buf[from] == 0xff && buf[from+1] >= 0x80) {
		from++
	}
	return murmur3(buf[from:])
}

// murmur3 is the 32-bit hash for x86 with seed 0.
func murmur3(data []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	h, size := uint32(0), uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * c1
		h ^= bits.RotateLeft32(k, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	k := uint32(0)
	for i := len(data) - 1; i >= 0; i-- {
		k = k<<8 | uint32(data[i])
	}
	h ^= bits.RotateLeft32(k*c1, 15) * c2
	h ^= size
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// bindTruncate binds truncate(w, x), the transform of Iceberg's spec: numbers down to a multiple of w (of units in the last
// place for decimals), the first w characters of texts, the first w bytes of blobs.
func bindTruncate(b *binder, n *node, args []*op) (*op, error) {
	w, err := b.width(n, args[0])
	if err != nil {
		return nil, err
	}
	a := args[1]
	switch {
	case isInteger(a.typ):
		low, _ := bounds(a.typ)
		return b.apply(n, a.typ, func(rows int, v []*vector) *vector {
			out := strict(rows, v[0])
			out.ints = make([]int64, rows)
			for i, x := range v[0].ints[:rows] {
				r := x - floorDiv(x, w)*w
				if out.ints[i] = x - r; x < low+r {
					out.fail(i, rows, n.pos, "truncate overflows")
				}
			}
			return out
		}, a)
	case isDecimal(a.typ):
		return b.truncateDecimal(n, a, w)
	case isText(a.typ):
		return b.apply(n, a.typ, textsOf(func(v []*vector, i int) string { return v[0].texts[i][:offsetOf(v[0].texts[i], w)] }), a)
	case a.typ.ID() == arrow.BINARY:
		return b.apply(n, a.typ, textsOf(func(v []*vector, i int) string { return v[0].texts[i][:min(w, int64(len(v[0].texts[i])))] }), a)
	case isNull(a.typ):
		return a, nil
	}
	return nil, b.mismatch(n, a, "an integer, a decimal, a text or a blob")
}

func (b *binder) truncateDecimal(n *node, a *op, w int64) (*op, error) {
	width, precision := decimal128.FromI64(w), a.typ.(*arrow.Decimal128Type).Precision
	return b.apply(n, a.typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.decs = make([]decimal128.Num, rows)
		for i, d := range v[0].decs[:rows] {
			r := remainder(d, width)
			if r.Sign() < 0 {
				r = r.Add(width)
			}
			if out.decs[i] = d.Sub(r); !out.decs[i].FitsInPrecision(precision) {
				out.fail(i, rows, n.pos, "truncate overflows")
			}
		}
		return out
	}, a)
}
