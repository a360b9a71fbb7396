package setting

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Bytes is a number of bytes, written as 128MiB, 1GB or 4096.
type Bytes int64

// sizes are the units of Bytes, the larger before the smaller. As SI has it, k, M, G are powers of 1000; Ki, Mi, Gi are
// powers of 1024.
var sizes = [...]struct {
	name  string
	bytes int64
}{
	{"PiB", 1 << 50}, {"PB", 1e15}, {"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3},
}

const sizeHint = "sizes are written as 128MiB (1024s), 1GB (1000s) or 4096"

// ParseBytes reads a size: a number, which may have a fraction and underscores between digits, and a unit in any case:
// none or B; k, M, G, T, P (or kB, …) for powers of 1000; Ki, Mi, Gi, Ti, Pi (or KiB, …) for powers of 1024.
func ParseBytes(text string) (Bytes, error) {
	end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && r != '_' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(text)
	}
	number, ok := plainDigits(text[:end])
	unit := unitOf(strings.TrimSpace(text[end:]))
	if !ok || unit == 0 {
		return 0, fmt.Errorf("%s is no size", shown(text))
	}
	n, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("%s is no size", shown(text))
	}
	n.Mul(n, new(big.Rat).SetInt64(unit))
	if !n.IsInt() {
		return 0, fmt.Errorf("%s is no whole number of bytes", text)
	}
	if !n.Num().IsInt64() {
		return 0, fmt.Errorf("%s is too large", text)
	}
	return Bytes(n.Num().Int64()), nil
}

func unitOf(name string) int64 {
	switch name = strings.ToLower(name); name {
	case "", "b":
		return 1
	}
	for _, s := range sizes {
		if full := strings.ToLower(s.name); name == full || name == strings.TrimSuffix(full, "b") {
			return s.bytes
		}
	}
	return 0
}

// plainDigits removes the underscores that stand between digits; ok is false for any other.
func plainDigits(text string) (string, bool) {
	digit := func(i int) bool { return i >= 0 && i < len(text) && '0' <= text[i] && text[i] <= '9' }
	for i := range len(text) {
		if text[i] == '_' && !(digit(i-1) && digit(i+1)) {
			return "", false
		}
	}
	return strings.ReplaceAll(text, "_", ""), true
}

// String writes b exactly, in the largest unit that leaves no fraction; ParseBytes reads it.
func (b Bytes) String() string {
	for _, s := range sizes {
		if b >= Bytes(s.bytes) && int64(b)%s.bytes == 0 {
			return strconv.FormatInt(int64(b)/s.bytes, 10) + s.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

const durationHint = "durations are written as 5s, 1m30s, 2h or 7d"

// ParseDuration reads a duration that is not negative: what time.ParseDuration reads, and days, which come first (7d,
// 1d12h). A day is 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%s is no duration", shown(text))
	var days time.Duration
	rest := text
	if number, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return 0, wrong
		}
		if n > math.MaxInt64/uint64(24*time.Hour) {
			return 0, fmt.Errorf("%s is too long", text)
		}
		days, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			return days, nil
		}
	}
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, wrong
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, wrong
	}
	if days+d < days {
		return 0, fmt.Errorf("%s is too long", text)
	}
	return days + d, nil
}

// shown is text as errors cite it.
func shown(text string) string {
	if text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\r\t") {
		return strconv.Quote(text)
	}
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
