package json

import (
	"encoding/binary"
	"math/bits"
)

// sort is what a string says of time.
type sort uint8

const (
	noTime  sort = iota
	dayOnly      // 2024-02-29
	naive        // 2024-02-29T12:00:00, no zone
	zoned        // 2024-02-29T12:00:00Z, or with an offset
)

const (
	daySeconds = 86400
	million    = 1_000_000
	firstMicro = -62135596800 * million     // 0001-01-01T00:00:00Z
	endMicro   = 253402300800 * million     // 10000-01-01T00:00:00Z
	hhmmss     = 0x30303a30303a3030         // "00:00:00"
	hhmmssOver = 0x7676_7f76_767f_7676      // carries into the high bit of a byte above 9, or of a colon's that is none
	fastStamp  = len("2024-02-29T12:00:00") // what parseFast takes before the fraction
)

// parseTime reads an ISO-8601 date, or date and time of a day between the years 1 and 9999, as microseconds since 1970,
// in UTC where it has a zone. What it cannot hold exactly (a fraction finer than a microsecond, a leap second) has no sort.
func parseTime(v []byte) (micros int64, s sort) {
	if len(v) < 10 || v[4] != '-' || v[7] != '-' {
		return 0, noTime
	}
	day, ok := parseDay(v[:10])
	if !ok {
		return 0, noTime
	}
	micros = day * daySeconds * million
	if len(v) == 10 {
		return micros, dayOnly
	}
	if v[10] != 'T' && v[10] != 't' && v[10] != ' ' {
		return 0, noTime
	}
	clock, n := parseClock(v[11:])
	if n == 0 {
		return 0, noTime
	}
	micros += clock
	if v = v[11+n:]; len(v) == 0 {
		return micros, naive
	}
	offset, ok := parseOffset(v)
	micros -= offset
	if !ok || micros < firstMicro || micros >= endMicro {
		return 0, noTime
	}
	return micros, zoned
}

// two is the number that two digits spell, 100 or more if they are none.
func two(v []byte) int {
	a, b := v[0]-'0', v[1]-'0'
	if a > 9 || b > 9 {
		return 1000
	}
	return int(a)*10 + int(b)
}

var monthDays = [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// parseDay returns the days since 1970 of a date, whose dashes are known to be there.
func parseDay(v []byte) (int64, bool) {
	century, year, month, day := two(v), two(v[2:]), two(v[5:]), two(v[8:])
	if century > 99 || year > 99 || month < 1 || month > 12 || day < 1 || day > monthDays[month-1] {
		return 0, false
	}
	year += century * 100
	if year == 0 || day == 29 && month == 2 && (year%4 != 0 || year%100 == 0 && year%400 != 0) {
		return 0, false
	}
	if month <= 2 { // years that begin in March have their odd day at the end
		year--
		month += 12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468), true
}

// parseClock reads hh:mm, hh:mm:ss or hh:mm:ss.f at the beginning of v and returns it in microseconds, and its length, 0
// if there is none.
func parseClock(v []byte) (micros int64, n int) {
	if len(v) < 5 || v[2] != ':' {
		return 0, 0
	}
	h, m, s := two(v), two(v[3:]), 0
	n = 5
	if len(v) > 5 && v[5] == ':' {
		if len(v) < 8 {
			return 0, 0
		}
		s = two(v[6:])
		n = 8
	}
	if h > 23 || m > 59 || s > 59 {
		return 0, 0
	}
	micros = int64(h*3600+m*60+s) * million
	if n < 8 || len(v) == n || v[n] != '.' {
		return micros, n
	}
	start := n + 1
	unit := int64(100_000)
	for n = start; n < len(v) && v[n]-'0' < 10; n++ {
		if unit == 0 && v[n] != '0' {
			return 0, 0
		}
		micros += int64(v[n]-'0') * unit
		unit /= 10
	}
	if n == start {
		return 0, 0
	}
	return micros, n
}

// parseOffset reads a zone that is all of v: Z, ±hh:mm, ±hhmm or ±hh.
func parseOffset(v []byte) (micros int64, ok bool) {
	if len(v) == 1 {
		return 0, v[0]|0x20 == 'z'
	}
	sign := v[0]
	if sign != '+' && sign != '-' {
		return 0, false
	}
	v = v[1:]
	h, m := 1000, 0
	switch {
	case len(v) == 2:
		h = two(v)
	case len(v) == 4:
		h, m = two(v), two(v[2:])
	case len(v) == 5 && v[2] == ':':
		h, m = two(v), two(v[3:])
	}
	if h > 23 || m > 59 {
		return 0, false
	}
	micros = int64(h*60+m) * 60 * million
	if sign == '-' {
		micros = -micros
	}
	return micros, true
}

// dates remembers the last day that was read: most timestamps of a column are of the same.
type dates struct {
	head   uint64
	tail   uint16
	micros int64 // of midnight
}

// parseFast reads the usual form, YYYY-MM-DDThh:mm:ss[.f…](Z|"), in text that goes on behind v. n is the length up to the
// zone, 0 if v is in any other form.
func (d *dates) parseFast(v *[fastStamp + 13]byte) (micros int64, n int) {
	head, tail := binary.LittleEndian.Uint64(v[:]), binary.LittleEndian.Uint16(v[8:])
	if head != d.head || tail != d.tail || head == 0 {
		if v[4] != '-' || v[7] != '-' {
			return 0, 0
		}
		day, ok := parseDay(v[:10])
		if !ok {
			return 0, 0
		}
		d.head, d.tail, d.micros = head, tail, day*daySeconds*million
	}
	if v[10] != 'T' && v[10] != ' ' {
		return 0, 0
	}
	x := binary.LittleEndian.Uint64(v[11:]) ^ hhmmss
	if (x+hhmmssOver|x)&highs != 0 {
		return 0, 0
	}
	h, m, s := x&15*10+x>>8&15, x>>24&15*10+x>>32&15, x>>48&15*10+x>>56
	if h > 23 || m > 59 || s > 59 {
		return 0, 0
	}
	micros = d.micros + int64(h*3600+m*60+s)*million
	if v[19] != '.' {
		return micros, fastStamp
	}
	w := binary.LittleEndian.Uint64(v[20:])
	k := bits.TrailingZeros64(nonDigits(w)) >> 3
	if k == 0 || k > 6 {
		return 0, 0
	}
	return micros + int64(digits(w, k)*wholePowers[6-k]), fastStamp + 1 + k
}
