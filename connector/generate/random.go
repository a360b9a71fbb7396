package generate

import "math"

// All randomness is a hash of where a value stands, never of what was drawn before. So a stream can be entered anywhere.

const golden = 0x9e3779b97f4a7c15

// mix is the finalizer of SplitMix64: a bijection whose output looks random for inputs that count.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// at is the n-th random number of a seed.
func at(seed, n uint64) uint64 { return mix(seed + (n+1)*golden) }

// unit maps r to [0, 1).
func unit(r uint64) float64 { return float64(r>>11) * 0x1p-53 }

// below maps r to 0…n-1.
func below(r uint64, n uint64) uint64 { return (r >> 32) * n >> 32 }

// chance is the threshold under which a random number falls with probability p.
func chance(p float64) uint64 {
	if p >= 1 {
		return math.MaxUint64
	}
	return uint64(p * 0x1p64)
}

// arrivals draws from a Poisson distribution. Its mean is that of whole draws of mean poissonStep and a rest, for exp of
// the mean must stay far from zero.
type arrivals struct {
	whole       int
	rest, expOf float64 // exp(-rest)
}

const poissonStep = 32

var expOfStep = math.Exp(-poissonStep)

func newArrivals(mean float64) arrivals {
	whole := int(mean / poissonStep)
	rest := mean - float64(whole)*poissonStep
	return arrivals{whole, rest, math.Exp(-rest)}
}

func (a arrivals) draw(seed uint64) int {
	n := invert(at(seed, 0), a.rest, a.expOf)
	for i := range a.whole {
		n += invert(at(seed, uint64(i)+1), poissonStep, expOfStep)
	}
	return n
}

// invert finds the Poisson quantile of r by adding up probabilities, the first of which is p.
func invert(r uint64, mean, p float64) int {
	k, u, sum := 0, unit(r), p
	for u >= sum && k < 10*poissonStep {
		k++
		p *= mean / float64(k)
		sum += p
	}
	return k
}

const hexDigits = "0123456789abcdef"

// appendUUID appends the version 4 UUID made of two random numbers.
func appendUUID(dst []byte, hi, lo uint64) []byte {
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 2<<62
	var b [36]byte
	at := 0
	for i := range 16 {
		v := hi
		if i >= 8 {
			v = lo
		}
		c := byte(v >> (56 - 8*(i&7)))
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[at] = '-'
			at++
		}
		b[at], b[at+1] = hexDigits[c>>4], hexDigits[c&15]
		at += 2
	}
	return append(dst, b[:]...)
}

// appendStamp appends microseconds since 1970 as RFC 3339, or as "2006-01-02 15:04:05.000000".
func appendStamp(dst []byte, micros int64, legacy bool) []byte {
	days, rest := floorDiv(micros, 86_400_000_000)
	y, m, d := civil(days)
	sec, frac := rest/1_000_000, rest%1_000_000
	between := byte('T')
	if legacy {
		between = ' '
	}
	var b [27]byte
	digits(b[0:4], y)
	b[4] = '-'
	digits(b[5:7], m)
	b[7] = '-'
	digits(b[8:10], d)
	b[10] = between
	digits(b[11:13], sec/3600)
	b[13] = ':'
	digits(b[14:16], sec/60%60)
	b[16] = ':'
	digits(b[17:19], sec%60)
	b[19] = '.'
	digits(b[20:26], frac)
	if legacy {
		return append(dst, b[:26]...)
	}
	b[26] = 'Z'
	return append(dst, b[:]...)
}

func digits(b []byte, v int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
}

func floorDiv(a, b int64) (quotient, rest int64) {
	quotient, rest = a/b, a%b
	if rest < 0 {
		quotient, rest = quotient-1, rest+b
	}
	return quotient, rest
}

// civil is the Gregorian date of a day counted from 1970-01-01.
func civil(days int64) (year, month, day int64) {
	era, doe := floorDiv(days+719468, 146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if mp >= 10 {
		month = mp - 9
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}
