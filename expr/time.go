package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

// Microseconds of units of time.
const (
	second = 1_000_000
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// civil returns year, month and day of a number of days since 1970-01-01 in the proleptic Gregorian calendar. It counts
// years from March, so that the leap day is the last.
func civil(days int64) (y, m, d int64) {
	days += 719468
	era := floorDiv(days, 146097)
	doe := days - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	y, m, d = yoe+era*400, mp+3, doy-(153*mp+2)/5+1
	if m > 12 {
		y, m = y+1, m-12
	}
	return y, m, d
}

// days is the inverse of civil; the month may be beyond December.
func days(y, m, d int64) int64 {
	y += floorDiv(m-1, 12)
	m = m - 12*floorDiv(m-1, 12)
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// timeArg checks that a is a date or a timestamp. Text literals are read as timestamps.
func (b *binder) timeArg(n *node, a *op) (*op, error) {
	switch {
	case isNull(a.typ) || a.isLiteral(stringLiteral):
		return b.coerce(a, timestampType)
	case isTime(a.typ):
		return a, nil
	}
	err := b.mismatch(n, a, "a date or a timestamp")
	if isText(a.typ) {
		err = fault.Hint(err, "%s(cast(%s as timestamp))", n.text, (&Expr{root: a.node}).String())
	}
	return nil, err
}

// datePart is a part of a date: of days since 1970.
func datePart(name string) func(days int64) int64 {
	switch name {
	case "year":
		return func(d int64) int64 { y, _, _ := civil(d); return y }
	case "quarter":
		return func(d int64) int64 { _, m, _ := civil(d); return (m + 2) / 3 }
	case "month":
		return func(d int64) int64 { _, m, _ := civil(d); return m }
	}
	return func(d int64) int64 { _, _, day := civil(d); return day }
}

// bindDatePart binds year, quarter, month and day. Rows come mostly in the order of time: a day is taken apart once while it lasts.
func bindDatePart(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.timeArg(n, args[0])
	if err != nil {
		return nil, err
	}
	part, unit := datePart(n.text), int64(day)
	if a.typ.ID() == arrow.DATE32 {
		unit = 1
	}
	return b.apply(n, bigintType, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.ints = make([]int64, rows)
		from, to, last := int64(1), int64(0), int64(0) // the day that last is the part of
		for i, x := range v[0].ints[:rows] {
			if x < from || x >= to {
				d := floorDiv(x, unit)
				from, to, last = d*unit, (d+1)*unit, part(d)
			}
			out.ints[i] = last
		}
		return out
	}, a)
}

// bindClockPart binds hour, minute and second.
func bindClockPart(b *binder, n *node, args []*op) (*op, error) {
	a := args[0]
	if a.typ.ID() != arrow.TIME64 {
		var err error
		if a, err = b.timeArg(n, a); err != nil {
			return nil, err
		}
	}
	unit, of := int64(hour), int64(24)
	switch {
	case a.typ.ID() == arrow.DATE32:
		unit, of = 1, 1 // a date has no clock: all zero
	case n.text == "minute":
		unit, of = minute, 60
	case n.text == "second":
		unit, of = second, 60
	}
	return b.apply(n, bigintType, each(ints, setInts, func(x int64) int64 {
		x = floorDiv(x, unit)
		return x - floorDiv(x, of)*of
	}), a)
}

// truncations round a timestamp down to a unit of the clock, or to days of the calendar.
var clockUnits = map[string]int64{
	"microsecond": 1, "millisecond": 1000, "second": second, "minute": minute, "hour": hour, "day": day,
}

var calendarUnits = map[string]func(days int64) int64{
	"week":  func(d int64) int64 { return d - (d + 3 - floorDiv(d+3, 7)*7) }, // 1970-01-01 was a Thursday, weeks begin on Monday
	"month": func(d int64) int64 { y, m, _ := civil(d); return days(y, m, 1) },
	"quarter": func(d int64) int64 {
		y, m, _ := civil(d)
		return days(y, (m-1)/3*3+1, 1)
	},
	"year":       func(d int64) int64 { y, _, _ := civil(d); return days(y, 1, 1) },
	"decade":     truncYears(10),
	"century":    truncYears(100),
	"millennium": truncYears(1000),
}

func truncYears(n int64) func(int64) int64 {
	return func(d int64) int64 {
		y, _, _ := civil(d)
		return days(y/n*n, 1, 1) // towards the year 0, as DuckDB
	}
}

func dateUnits() []string {
	return []string{"microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "century", "millennium"}
}

// bindDateTrunc binds date_trunc, which makes a timestamp, with a zone if its argument has one.
func bindDateTrunc(b *binder, n *node, args []*op) (*op, error) {
	name, err := b.constantText(n, args[0])
	if err != nil {
		return nil, err
	}
	a, err := b.timeArg(n, args[1])
	if err != nil {
		return nil, err
	}
	name = strings.ToLower(name)
	unit, isClock := clockUnits[name]
	calendar, isCalendar := calendarUnits[name]
	if !isClock && !isCalendar {
		err := b.errorf(args[0].node, "'%s' is no unit of time", name)
		if near := fault.Nearest(name, dateUnits()); near != "" {
			return nil, fault.Hint(err, "did you mean '%s'?", near)
		}
		return nil, fault.Hint(err, "units are %s", strings.Join(dateUnits(), ", "))
	}
	typ := a.typ
	if typ.ID() == arrow.DATE32 {
		typ = timestampType
		if a, err = b.coerce(a, typ); err != nil {
			return nil, err
		}
	}
	if isClock {
		return b.apply(n, typ, each(ints, setInts, func(x int64) int64 { return clampedDays(floorDiv(x, unit), unit) }), a)
	}
	return b.apply(n, typ, each(ints, setInts, func(x int64) int64 { return clampedDays(calendar(floorDiv(x, day)), day) }), a)
}

// clampedDays is count*unit, or the first moment that there is.
func clampedDays(count, unit int64) int64 {
	if count < math.MinInt64/unit {
		return math.MinInt64
	}
	return count * unit
}

// bindEpoch binds to_timestamp, epoch_ms and make_timestamp: seconds as a timestamp in UTC, milli- and microseconds as one
// without zone.
func bindEpoch(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.numberArg(n, args[0])
	if err != nil {
		return nil, err
	}
	if n.text == "to_timestamp" {
		if a, err = b.coerce(a, doubleType); err != nil {
			return nil, err
		}
		return b.apply(n, timestamptzType, func(rows int, v []*vector) *vector {
			out := strict(rows, v[0])
			out.ints = make([]int64, rows)
			for i, s := range v[0].floats[:rows] {
				micros := math.RoundToEven(s * second)
				if out.ints[i] = int64(micros); !(math.Abs(micros) < 1<<63) {
					out.fail(i, rows, n.pos, fmt.Sprintf("%v seconds are no timestamp", s))
				}
			}
			return out
		}, a)
	}
	if a, err = b.intArg(n, a); err != nil {
		return nil, err
	}
	unit := int64(1)
	if n.text == "epoch_ms" {
		unit = 1000
	}
	return b.apply(n, timestampType, func(rows int, v []*vector) *vector {
		out := strict(rows, v[0])
		out.ints = make([]int64, rows)
		for i, x := range v[0].ints[:rows] {
			if out.ints[i] = x * unit; x > math.MaxInt64/unit || x < math.MinInt64/unit {
				out.fail(i, rows, n.pos, fmt.Sprintf("%d milliseconds are no timestamp", x))
			}
		}
		return out
	}, a)
}
