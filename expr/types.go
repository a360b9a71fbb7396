package expr

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

// The types that expressions make, beside those of columns.
var (
	nullType        arrow.DataType = arrow.Null
	boolType        arrow.DataType = arrow.FixedWidthTypes.Boolean
	intType         arrow.DataType = arrow.PrimitiveTypes.Int32
	bigintType      arrow.DataType = arrow.PrimitiveTypes.Int64
	doubleType      arrow.DataType = arrow.PrimitiveTypes.Float64
	textType        arrow.DataType = arrow.BinaryTypes.String
	dateType        arrow.DataType = arrow.FixedWidthTypes.Date32
	timestampType   arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond}
	timestamptzType arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
)

const maxPrecision = 38

func decimalType(precision, scale int32) *arrow.Decimal128Type {
	return &arrow.Decimal128Type{Precision: min(precision, maxPrecision), Scale: scale}
}

// class says which slice of a vector holds the values of a type.
type class uint8

const (
	nullClass class = iota
	boolClass
	intClass // integers, dates, times
	floatClass
	decimalClass
	textClass // strings and blobs
	nestedClass
)

func classOf(typ arrow.DataType) class {
	switch typ.ID() {
	case arrow.NULL:
		return nullClass
	case arrow.BOOL:
		return boolClass
	case arrow.FLOAT32, arrow.FLOAT64:
		return floatClass
	case arrow.DECIMAL128:
		return decimalClass
	case arrow.STRING, arrow.BINARY:
		return textClass
	case arrow.STRUCT, arrow.LIST, arrow.MAP:
		return nestedClass
	}
	return intClass
}

func isInteger(typ arrow.DataType) bool {
	switch typ.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
		return true
	}
	return false
}

func isFloat(typ arrow.DataType) bool   { return classOf(typ) == floatClass }
func isDecimal(typ arrow.DataType) bool { return typ.ID() == arrow.DECIMAL128 }
func isNull(typ arrow.DataType) bool    { return typ.ID() == arrow.NULL }
func isText(typ arrow.DataType) bool    { return typ.ID() == arrow.STRING }

func isNumber(typ arrow.DataType) bool { return isInteger(typ) || isFloat(typ) || isDecimal(typ) }

// isTime reports whether typ has a date.
func isTime(typ arrow.DataType) bool {
	return typ.ID() == arrow.DATE32 || typ.ID() == arrow.TIMESTAMP
}

// hasZone reports whether typ is a point in time.
func hasZone(typ arrow.DataType) bool {
	t, ok := typ.(*arrow.TimestampType)
	return ok && t.TimeZone != ""
}

// bounds are the least and the greatest value of an integer type.
func bounds(typ arrow.DataType) (int64, int64) {
	switch typ.ID() {
	case arrow.INT8:
		return math.MinInt8, math.MaxInt8
	case arrow.INT16:
		return math.MinInt16, math.MaxInt16
	case arrow.INT32, arrow.DATE32:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// asDecimal is the decimal type that holds every value of a number without fraction, or typ itself.
func asDecimal(typ arrow.DataType) *arrow.Decimal128Type {
	switch typ.ID() {
	case arrow.INT8:
		return decimalType(3, 0)
	case arrow.INT16:
		return decimalType(5, 0)
	case arrow.INT32:
		return decimalType(10, 0)
	case arrow.INT64:
		return decimalType(19, 0)
	}
	return typ.(*arrow.Decimal128Type)
}

// common returns the type in which values of a and b meet, false if they do not.
func common(a, b arrow.DataType) (arrow.DataType, bool) {
	switch {
	case isNull(a):
		return b, true
	case isNull(b) || rows.SameType(a, b):
		return a, true
	case a.ID() == arrow.BOOL && isNumber(b):
		return b, true
	case b.ID() == arrow.BOOL && isNumber(a):
		return a, true
	case isTime(a) && isTime(b):
		if hasZone(a) || hasZone(b) {
			return timestamptzType, true
		}
		return timestampType, true
	case !isNumber(a) || !isNumber(b):
		return nil, false
	case isInteger(a) && isInteger(b):
		if _, high := bounds(a); high > maxOf(b) {
			return a, true
		}
		return b, true
	case isFloat(a) || isFloat(b):
		if a.ID() == arrow.FLOAT64 || b.ID() == arrow.FLOAT64 {
			return doubleType, true
		}
		return arrow.PrimitiveTypes.Float32, true
	}
	x, y := asDecimal(a), asDecimal(b)
	scale := max(x.Scale, y.Scale)
	return decimalType(max(x.Precision-x.Scale, y.Precision-y.Scale)+scale, scale), true
}

func maxOf(typ arrow.DataType) int64 {
	_, high := bounds(typ)
	return high
}

// commonOf returns the type in which args meet. Literals take the type of the others where they fit: text any, integers
// that of other integers.
func commonOf(args []*op) (arrow.DataType, bool) {
	typ := nullType
	var texts, integers []*op
	for _, a := range args {
		switch {
		case a.isLiteral(stringLiteral):
			texts = append(texts, a)
			continue
		case a.isLiteral(integerLiteral) && isInteger(a.typ):
			integers = append(integers, a)
			continue
		}
		var ok bool
		if typ, ok = common(typ, a.typ); !ok {
			return nil, false
		}
	}
	for _, a := range integers {
		low, high := bounds(typ)
		if x := a.value.ints[0]; isInteger(typ) && len(integers) < len(args) && low <= x && x <= high {
			continue
		}
		var ok bool
		if typ, ok = common(typ, a.typ); !ok {
			return nil, false
		}
	}
	if isNull(typ) && len(texts) > 0 {
		return textType, true
	}
	return typ, true
}
