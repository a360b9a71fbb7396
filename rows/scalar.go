package rows

import (
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// maxExact and maxExact32 bound the integers that doubles and floats hold one by one.
const (
	maxExact   = 1 << 53
	maxExact32 = 1 << 24
)

const microsOfDay = 86_400_000_000

type scalarKind uint8

const (
	opaque scalarKind = iota // nested, or of a type that casts to nothing else
	integer
	double
	exact // a decimal
	text
	boolean
	day     // days since 1970
	reading // of a calendar and a clock, in microseconds
	instant // microseconds since 1970
)

// scalar is one value on its way from a type to another.
type scalar struct {
	kind  scalarKind
	i     int64
	f     float64
	d     decimal128.Num
	scale int32
	s     string
}

func scalarOf(a arrow.Array, i int) scalar {
	switch a := a.(type) {
	case *array.Int64:
		return scalar{kind: integer, i: a.Value(i)}
	case *array.Int32:
		return scalar{kind: integer, i: int64(a.Value(i))}
	case *array.Int16:
		return scalar{kind: integer, i: int64(a.Value(i))}
	case *array.Int8:
		return scalar{kind: integer, i: int64(a.Value(i))}
	case *array.Float64:
		return scalar{kind: double, f: a.Value(i)}
	case *array.Float32:
		return scalar{kind: double, f: float64(a.Value(i))}
	case *array.Decimal128:
		return scalar{kind: exact, d: a.Value(i), scale: a.DataType().(*arrow.Decimal128Type).Scale}
	case *array.String:
		return scalar{kind: text, s: a.Value(i)}
	case *array.Dictionary:
		return scalarOf(a.Dictionary(), a.GetValueIndex(i))
	case *array.Boolean:
		if a.Value(i) {
			return scalar{kind: boolean, i: 1}
		}
		return scalar{kind: boolean}
	case *array.Date32:
		return scalar{kind: day, i: int64(a.Value(i))}
	case *array.Timestamp:
		if a.DataType().(*arrow.TimestampType).TimeZone == "" {
			return scalar{kind: reading, i: int64(a.Value(i))}
		}
		return scalar{kind: instant, i: int64(a.Value(i))}
	}
	return scalar{}
}

// asInteger returns s as an integer of so many bits, if it is one.
func (s scalar) asInteger(bits uint) (int64, bool) {
	v := s.i
	switch s.kind {
	case integer:
	case double:
		negativeZero := s.f == 0 && math.Signbit(s.f)
		if s.f < -(1<<63) || s.f >= 1<<63 || s.f != math.Trunc(s.f) || negativeZero || math.IsNaN(s.f) {
			return 0, false
		}
		v = int64(s.f)
	case exact:
		d, ok := rescale(s.d, s.scale, 0, maxPrecision)
		if !ok || d.HighBits() != int64(d.LowBits())>>63 {
			return 0, false
		}
		v = int64(d.LowBits())
	default:
		return 0, false
	}
	limit := int64(1) << (bits - 1)
	return v, bits == 64 || -limit <= v && v < limit
}

// asDouble returns s as a double, if one of at most 2^53 stands for it and for nothing near it.
func (s scalar) asDouble() (float64, bool) {
	switch s.kind {
	case double:
		return s.f, true
	case integer:
		return float64(s.i), -maxExact <= s.i && s.i <= maxExact
	case exact:
		var buf [96]byte
		f, err := strconv.ParseFloat(string(appendDecimal(buf[:0], s.d, s.scale)), 64)
		if err != nil || math.Abs(f) > maxExact {
			return 0, false
		}
		back, ok := scalar{kind: double, f: f}.asDecimal(maxPrecision, s.scale)
		return f, ok && back == s.d
	}
	return 0, false
}

func (s scalar) asFloat() (float32, bool) {
	if s.kind == integer {
		return float32(s.i), -maxExact32 <= s.i && s.i <= maxExact32
	}
	f, ok := s.asDouble()
	return float32(f), ok && (float64(float32(f)) == f || math.IsNaN(f))
}

func (s scalar) asDecimal(precision, scale int32) (decimal128.Num, bool) {
	switch s.kind {
	case integer:
		return rescale(decimal128.FromI64(s.i), 0, scale, precision)
	case exact:
		return rescale(s.d, s.scale, scale, precision)
	case double:
		if math.IsNaN(s.f) || math.Abs(s.f) > maxExact || s.f == 0 && math.Signbit(s.f) {
			return decimal128.Num{}, false
		}
		var buf [32]byte
		d, from, ok := parseDecimal(strconv.AppendFloat(buf[:0], s.f, 'e', -1, 64))
		if !ok {
			return d, false
		}
		return rescale(d, from, scale, precision)
	}
	return decimal128.Num{}, false
}

func (s scalar) asTimestamp(t *arrow.TimestampType) (arrow.Timestamp, bool) {
	switch {
	case s.kind == day:
		const limit = math.MaxInt64 / microsOfDay
		return arrow.Timestamp(s.i * microsOfDay), -limit <= s.i && s.i <= limit
	case t.TimeZone == "":
		return arrow.Timestamp(s.i), s.kind == reading
	}
	return arrow.Timestamp(s.i), s.kind == instant
}

func (s scalar) asDate() (arrow.Date32, bool) {
	if s.kind == reading && s.i%microsOfDay == 0 {
		days := s.i / microsOfDay
		return arrow.Date32(days), int64(int32(days)) == days
	}
	return arrow.Date32(s.i), s.kind == day
}

// appendTo appends s to b, or a null if it does not fit there exactly.
func (s scalar) appendTo(b array.Builder) bool {
	switch b := b.(type) {
	case *array.Int64Builder:
		v, ok := s.asInteger(64)
		return put(b, v, ok)
	case *array.Int32Builder:
		v, ok := s.asInteger(32)
		return put(b, int32(v), ok)
	case *array.Int16Builder:
		v, ok := s.asInteger(16)
		return put(b, int16(v), ok)
	case *array.Int8Builder:
		v, ok := s.asInteger(8)
		return put(b, int8(v), ok)
	case *array.Float64Builder:
		v, ok := s.asDouble()
		return put(b, v, ok)
	case *array.Float32Builder:
		v, ok := s.asFloat()
		return put(b, v, ok)
	case *array.Decimal128Builder:
		t := b.Type().(*arrow.Decimal128Type)
		v, ok := s.asDecimal(t.Precision, t.Scale)
		return put(b, v, ok)
	case *array.StringBuilder:
		return put(b, s.s, s.kind == text)
	case *array.BooleanBuilder:
		return put(b, s.i != 0, s.kind == boolean)
	case *array.TimestampBuilder:
		v, ok := s.asTimestamp(b.Type().(*arrow.TimestampType))
		return put(b, v, ok)
	case *array.Date32Builder:
		v, ok := s.asDate()
		return put(b, v, ok)
	}
	b.AppendNull()
	return false
}

func put[T any](b interface {
	Append(T)
	AppendNull()
}, v T, ok bool) bool {
	if !ok {
		b.AppendNull()
		return false
	}
	b.Append(v)
	return true
}

// cast returns the values of a as dt, null where they do not fit exactly, and which those are.
func cast(a arrow.Array, dt arrow.DataType) (out arrow.Array, misfits []int32) {
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
		} else if !scalarOf(a, i).appendTo(b) {
			misfits = append(misfits, int32(i))
		}
	}
	return b.NewArray(), misfits
}
