package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// converter fills in the values of out, n rows of another type than in's, and calls bad for rows whose value that type
// does not have.
type converter func(n int, in, out *vector, bad func(row int))

// cast makes the op of n that casts a. A value that does not fit is an error of its row, or null if try is true.
func (b *binder) cast(n *node, a *op, typ arrow.DataType, try bool) (*op, error) {
	if rows.SameType(a.typ, typ) || isNull(a.typ) {
		out := *a
		out.node, out.typ = n, rows.Logical(typ)
		return &out, nil
	}
	convert := converterOf(a.typ, typ)
	if convert == nil {
		err := b.errorf(n, "%s cannot be cast to %s", rows.TypeName(a.typ), rows.TypeName(typ))
		if isInteger(a.typ) && isTime(typ) {
			err = fault.Hint(err, "say the unit: to_timestamp(seconds), epoch_ms(milliseconds), make_timestamp(microseconds)")
		}
		return nil, err
	}
	from, name := a.typ, rows.TypeName(typ)
	return b.apply(n, typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		convert(rows, v[0], out, func(i int) {
			switch {
			case out.isNull(i):
			case try:
				out.setNull(i, rows)
			default:
				out.fail(i, rows, n.pos, fmt.Sprintf("%s does not fit %s", describe(from, v[0], i), name))
			}
		})
		return out
	}, a)
}

// describe is a value as an error shows it.
func describe(typ arrow.DataType, v *vector, i int) string {
	i &= v.mask()
	if classOf(typ) == textClass {
		text := []rune(v.texts[i])
		if len(text) > 40 {
			text = append(text[:40], '…')
		}
		return "'" + string(text) + "'"
	}
	return string(appendValue(nil, typ, v, i))
}

// converterOf returns nil if there is no cast between the types.
func converterOf(from, to arrow.DataType) converter {
	switch {
	case isText(to) && classOf(from) != nestedClass:
		return func(n int, in, out *vector, _ func(int)) { out.texts = formatAll(n, from, in, out) }
	case isText(from):
		return fromText(to)
	case isNumber(from) || from.ID() == arrow.BOOL:
		return fromNumber(from, to)
	case from.ID() == arrow.DATE32 && to.ID() == arrow.TIMESTAMP:
		return func(n int, in, out *vector, bad func(int)) {
			convertInts(n, in, out, bad, func(x int64) (int64, bool) { return x * day, x > math.MinInt64/day && x < math.MaxInt64/day })
		}
	case from.ID() == arrow.TIMESTAMP && to.ID() == arrow.TIMESTAMP:
		return func(_ int, in, out *vector, _ func(int)) { out.ints = in.ints }
	case from.ID() == arrow.TIMESTAMP && to.ID() == arrow.DATE32:
		return func(n int, in, out *vector, bad func(int)) {
			convertInts(n, in, out, bad, func(x int64) (int64, bool) { return floorDiv(x, day), true })
		}
	case from.ID() == arrow.TIMESTAMP && to.ID() == arrow.TIME64:
		return func(n int, in, out *vector, bad func(int)) {
			convertInts(n, in, out, bad, func(x int64) (int64, bool) { return x - floorDiv(x, day)*day, true })
		}
	}
	return nil
}

func convertInts(n int, in, out *vector, bad func(int), f func(int64) (int64, bool)) {
	out.ints = make([]int64, n)
	for i, x := range in.ints[:n] {
		var ok bool
		if out.ints[i], ok = f(x); !ok {
			bad(i)
		}
	}
}

// fromNumber converts numbers and booleans to each other.
func fromNumber(from, to arrow.DataType) converter {
	switch {
	case to.ID() == arrow.BOOL:
		return func(n int, in, out *vector, _ func(int)) { toBools(n, classOf(from), in, out) }
	case isInteger(to):
		return func(n int, in, out *vector, bad func(int)) { toInts(n, from, to, in, out, bad) }
	case isFloat(to):
		return func(n int, in, out *vector, bad func(int)) { toFloats(n, from, to, in, out, bad) }
	case isDecimal(to):
		typ := to.(*arrow.Decimal128Type)
		return func(n int, in, out *vector, bad func(int)) { toDecimals(n, from, typ, in, out, bad) }
	}
	return nil
}

func toBools(n int, c class, in, out *vector) {
	out.bools = make([]bool, n)
	for i := range out.bools {
		switch c {
		case intClass:
			out.bools[i] = in.ints[i] != 0
		case floatClass:
			out.bools[i] = in.floats[i] != 0
		case decimalClass:
			out.bools[i] = in.decs[i].Sign() != 0
		}
	}
}

func toInts(n int, from, to arrow.DataType, in, out *vector, bad func(int)) {
	low, high := bounds(to)
	out.ints = make([]int64, n)
	for i := range out.ints {
		x, ok := int64(0), true
		switch classOf(from) {
		case boolClass:
			if in.bools[i] {
				x = 1
			}
		case intClass:
			x = in.ints[i]
		case floatClass:
			f := math.RoundToEven(in.floats[i])
			ok = f >= -1<<63 && f < 1<<63
			x = int64(f)
		case decimalClass:
			d := reduce(in.decs[i], from.(*arrow.Decimal128Type).Scale)
			ok = fits64(d)
			x = int64(d.LowBits())
		}
		if out.ints[i] = x; !ok || x < low || x > high {
			bad(i)
		}
	}
}

func toFloats(n int, from, to arrow.DataType, in, out *vector, bad func(int)) {
	out.floats, out.own = make([]float64, n), true
	switch classOf(from) {
	case boolClass:
		for i, x := range in.bools[:n] {
			out.floats[i] = float64(bit(x))
		}
	case intClass:
		for i, x := range in.ints[:n] {
			out.floats[i] = float64(x)
		}
	case floatClass:
		copy(out.floats, in.floats)
	case decimalClass:
		for i, x := range in.decs[:n] {
			out.floats[i] = floatOf(x, from.(*arrow.Decimal128Type).Scale)
		}
	}
	if to.ID() != arrow.FLOAT32 {
		return
	}
	for i, f := range out.floats {
		out.floats[i] = float64(float32(f))
		if isInteger(from) { // rounded once
			out.floats[i] = float64(float32(in.ints[i]))
		}
		if math.IsInf(out.floats[i], 0) && !math.IsInf(f, 0) {
			bad(i)
		}
	}
}

func toDecimals(n int, from arrow.DataType, to *arrow.Decimal128Type, in, out *vector, bad func(int)) {
	out.decs = make([]decimal128.Num, n)
	for i := range out.decs {
		var d decimal128.Num
		ok := true
		switch classOf(from) {
		case boolClass:
			if in.bools[i] {
				d, ok = rescale(decimal128.FromI64(1), 0, to.Scale, to.Precision)
			}
		case intClass:
			d, ok = rescale(decimal128.FromI64(in.ints[i]), 0, to.Scale, to.Precision)
		case floatClass:
			d, ok = decimalOf(in.floats[i], to.Precision, to.Scale)
		case decimalClass:
			d, ok = rescale(in.decs[i], from.(*arrow.Decimal128Type).Scale, to.Scale, to.Precision)
		}
		if out.decs[i] = d; !ok {
			bad(i)
		}
	}
}

// fromText reads values of type to.
func fromText(to arrow.DataType) converter {
	switch to.ID() {
	case arrow.BOOL:
		return func(n int, in, out *vector, bad func(int)) { out.bools = parseAll(n, in, out, bad, parseBool) }
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
		low, high := bounds(to)
		return func(n int, in, out *vector, bad func(int)) {
			out.ints = parseAll(n, in, out, bad, func(s string) (int64, bool) {
				x, ok := parseInt(s)
				return x, ok && low <= x && x <= high
			})
		}
	case arrow.FLOAT32, arrow.FLOAT64:
		size := 64
		if to.ID() == arrow.FLOAT32 {
			size = 32
		}
		return func(n int, in, out *vector, bad func(int)) {
			out.floats = parseAll(n, in, out, bad, func(s string) (float64, bool) { return parseFloat(strings.TrimSpace(s), size) })
		}
	case arrow.DECIMAL128:
		typ := to.(*arrow.Decimal128Type)
		return func(n int, in, out *vector, bad func(int)) {
			out.decs = parseAll(n, in, out, bad, func(s string) (decimal128.Num, bool) {
				return parseDecimal(plainDigits(strings.TrimSpace(s)), typ.Precision, typ.Scale)
			})
		}
	case arrow.DATE32, arrow.TIMESTAMP:
		isDate, zone := to.ID() == arrow.DATE32, hasZone(to)
		return func(n int, in, out *vector, bad func(int)) {
			out.ints = parseAll(n, in, out, bad, func(s string) (int64, bool) { return parseTime(strings.TrimSpace(s), isDate, zone) })
		}
	case arrow.TIME64:
		return func(n int, in, out *vector, bad func(int)) { out.ints = parseAll(n, in, out, bad, parseClock) }
	case arrow.BINARY:
		return func(n int, in, out *vector, bad func(int)) { out.texts = in.texts }
	}
	return nil
}

func parseAll[T any](n int, in, out *vector, bad func(int), parse func(string) (T, bool)) []T {
	values := make([]T, n)
	for i, s := range in.texts[:n] {
		if out.nulls != nil && out.nulls[i] {
			continue
		}
		var ok bool
		if values[i], ok = parse(s); !ok {
			bad(i)
		}
	}
	return values
}
