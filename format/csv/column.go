package csv

import (
	"encoding/base64"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/rows"
)

// column collects the values of one column of the schema.
type column struct {
	field arrow.Field
	id    arrow.Type
	utc   bool

	set    setter // of values of a fixed size
	bools  bitmap
	valid  bitmap
	n      int // rows with a value
	texts  *texts
	binary *array.BinaryBuilder

	double, text *column // companions, nil if the schema has none
	coerced      int64
	scratch      number
}

// setter holds values of a fixed size.
type setter interface {
	// set parses b into row i, and reports whether it fits the type.
	set(c *column, i int, b []byte) bool
	// fill is put for field j of all rows of a stripe.
	fill(c *column, t *pass, j int) bool
	bytes(n int) []byte
}

type fixed[T any] struct {
	values []T
	parse  func(c *column, b []byte) (T, bool)
	cast   func([]T) []byte
}

func (f *fixed[T]) set(c *column, i int, b []byte) bool {
	v, ok := f.parse(c, b)
	if ok {
		f.values[i] = v
	}
	return ok
}

func (f *fixed[T]) fill(c *column, t *pass, j int) bool {
	width := len(t.from)
	for i := t.first; i < t.first+t.count; i, j = i+1, j+width {
		at := t.fields[j]
		if at.from == at.to && !at.quoted {
			continue
		}
		b := t.text(at)
		v, ok := f.parse(c, b)
		if !ok {
			if !c.divert(i, b) {
				return false
			}
			continue
		}
		f.values[i] = v
		c.valid.set(i)
		c.n++
	}
	return true
}

func (f *fixed[T]) bytes(n int) []byte { return f.cast(f.values[:n]) }

func fixedOf[T any](n int, cast func([]T) []byte, parse func(*column, []byte) (T, bool)) setter {
	return &fixed[T]{make([]T, n), parse, cast}
}

// columnOf returns the column of f, for at most n rows. A column of a type that no text can be of takes none.
func columnOf(f arrow.Field, n int, spare *spares) *column {
	c := &column{field: f, id: rows.Logical(f.Type).ID()}
	switch c.id {
	case arrow.STRING:
		c.texts = spare.get(n)
		return c
	case arrow.BINARY:
		c.binary = array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
		c.binary.Reserve(n)
		return c
	case arrow.BOOL:
		c.bools = newBitmap(n)
	default:
		c.set = setterOf(c, n)
	}
	c.valid = newBitmap(n)
	return c
}

func setterOf(c *column, n int) setter {
	switch t := c.field.Type.(type) {
	case *arrow.Int64Type:
		return fixedOf(n, arrow.Int64Traits.CastToBytes, integer[int64](math.MinInt64, math.MaxInt64))
	case *arrow.Int32Type:
		return fixedOf(n, arrow.Int32Traits.CastToBytes, integer[int32](math.MinInt32, math.MaxInt32))
	case *arrow.Int16Type:
		return fixedOf(n, arrow.Int16Traits.CastToBytes, integer[int16](math.MinInt16, math.MaxInt16))
	case *arrow.Int8Type:
		return fixedOf(n, arrow.Int8Traits.CastToBytes, integer[int8](math.MinInt8, math.MaxInt8))
	case *arrow.Float64Type:
		return fixedOf(n, arrow.Float64Traits.CastToBytes, func(c *column, b []byte) (float64, bool) {
			if f, ok := quickFloat(b); ok {
				return f, true
			}
			return parseFloat(b, 64, &c.scratch)
		})
	case *arrow.Float32Type:
		return fixedOf(n, arrow.Float32Traits.CastToBytes, func(c *column, b []byte) (float32, bool) {
			f, ok := parseFloat(b, 32, &c.scratch)
			return float32(f), ok
		})
	case *arrow.Decimal128Type:
		return fixedOf(n, arrow.Decimal128Traits.CastToBytes, func(c *column, b []byte) (decimal128.Num, bool) {
			if !c.scratch.parse(b) {
				return decimal128.Num{}, false
			}
			return c.scratch.decimal(t.Precision, t.Scale)
		})
	case *arrow.Date32Type:
		return fixedOf(n, arrow.Date32Traits.CastToBytes, func(_ *column, b []byte) (arrow.Date32, bool) {
			micros, e := parseTime(b)
			return arrow.Date32(micros / microsOfDay), e == dayOnly
		})
	case *arrow.TimestampType:
		if t.Unit == arrow.Microsecond {
			c.utc = t.TimeZone != ""
			return fixedOf(n, arrow.TimestampTraits.CastToBytes, timestamp)
		}
	case *arrow.Time64Type:
		if t.Unit == arrow.Microsecond {
			return fixedOf(n, arrow.Time64Traits.CastToBytes, func(_ *column, b []byte) (arrow.Time64, bool) {
				micros, took := parseClock(b)
				return arrow.Time64(micros), took > 0 && took == len(b)
			})
		}
	}
	return nil
}

// integer parses integers of a range, and floating-point numbers that are whole.
func integer[T int8 | int16 | int32 | int64](least, most int64) func(*column, []byte) (T, bool) {
	return func(c *column, b []byte) (T, bool) {
		v, ok := parseInt(b)
		if !ok && c.scratch.parse(b) && !isDigits(b) {
			if v, ok = c.scratch.whole(); ok {
				c.coerced++
			}
		}
		return T(v), ok && v >= least && v <= most
	}
}

func timestamp(c *column, b []byte) (arrow.Timestamp, bool) {
	micros, e := parseTime(b)
	switch {
	case e == dayOnly:
		c.coerced++
		return arrow.Timestamp(micros), true
	case c.utc:
		return arrow.Timestamp(micros), e == zoned
	}
	return arrow.Timestamp(micros), e == naive
}

// put takes up the value of row i. It reports whether the column or a companion could.
func (c *column) put(i int, b []byte) bool {
	return c.fits(i, b) || c.divert(i, b)
}

// divert takes up a value that does not fit in a companion.
func (c *column) divert(i int, b []byte) bool {
	if c.id == arrow.NULL {
		return false
	}
	to := c.text
	if c.wantsDouble(b) {
		to = c.double
	}
	if to == nil {
		return false
	}
	c.coerced++
	return to.fits(i, b)
}

// fits takes up the value of row i if it is of the column's type. Texts come in the order of their rows.
func (c *column) fits(i int, b []byte) bool {
	switch {
	case c.texts != nil:
		for c.texts.n < i {
			c.texts.null()
		}
		c.texts.add(b)
		return true
	case c.binary != nil:
		raw, err := base64.StdEncoding.AppendDecode(nil, b)
		if err != nil {
			return false
		}
		c.padBinary(i)
		c.binary.Append(raw)
		return true
	case c.bools != nil:
		v, ok := parseBool(b)
		if !ok {
			return false
		}
		if v {
			c.bools.set(i)
		}
	case c.set == nil || !c.set.set(c, i, b):
		return false
	}
	c.valid.set(i)
	c.n++
	return true
}

// wantsDouble says which companion a value that does not fit belongs to.
func (c *column) wantsDouble(b []byte) bool {
	if c.id == arrow.FLOAT64 {
		return false
	}
	f, ok := parseFloat(b, 64, &c.scratch)
	return ok && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func (c *column) padBinary(n int) {
	for c.binary.Len() < n {
		c.binary.AppendNull()
	}
}

// array returns the n rows of the column.
func (c *column) array(n int) arrow.Array {
	switch {
	case c.texts != nil:
		for c.texts.n < n {
			c.texts.null()
		}
		return c.texts.array()
	case c.binary != nil:
		c.padBinary(n)
		return c.binary.NewArray()
	case c.id == arrow.NULL:
		return array.NewNull(n)
	case c.bools == nil && c.set == nil, c.n == 0:
		return array.MakeArrayOfNull(memory.DefaultAllocator, c.field.Type, n)
	}
	var validity *memory.Buffer
	if c.n < n {
		validity = memory.NewBufferBytes(c.valid.bytes(n))
	}
	var values []byte
	if c.bools != nil {
		values = c.bools.bytes(n)
	} else {
		values = c.set.bytes(n)
	}
	return array.MakeFromData(array.NewData(c.field.Type, n, []*memory.Buffer{validity, memory.NewBufferBytes(values)}, nil, n-c.n, 0))
}

// spares are texts whose memory is used again.
type spares struct {
	all  []*texts
	next int
}

func (s *spares) get(n int) *texts {
	if s.next == len(s.all) {
		s.all = append(s.all, &texts{})
	}
	t := s.all[s.next]
	s.next++
	t.reset(n)
	return t
}
