package faulty

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gros-lake/gros/fault"
)

// ErrRefused is the answer to a request that had no effect.
var ErrRefused = fault.New(fault.Unavailable, "the store refused for now")

// When is a moment of an operation.
type When uint8

const (
	Before      When = iota // it fails without effect
	After                   // it has its effect, its answer is lost
	CrashBefore             // the client dies before its effect
	CrashAfter              // the client dies after its effect
)

func (w When) String() string {
	return [...]string{"before", "after", "crash before", "crash after"}[w]
}

// FailAt fails the nth operation of the store, from 1.
func FailAt(n int, when When) Hook {
	return func(op Op) Fault {
		if op.N != n {
			return Fault{}
		}
		switch when {
		case Before:
			return Fault{Before: ErrRefused}
		case After:
			return Fault{After: ErrLost}
		case CrashBefore:
			return Fault{CrashBefore: true}
		}
		return Fault{CrashAfter: true}
	}
}

// Rates say how often things go wrong, 1 being always.
type Rates struct {
	Before, After, Late, Dup, CrashBefore, CrashAfter, Cut float64
	Hide                                                   float64       // of the keys of each list of staged objects
	Latency                                                time.Duration // at most
	Delay                                                  time.Duration // of Late and Dup, at most
}

// Seeded lets things go wrong at random. What happens to an operation depends on the seed, the client, and how many operations
// of that name the client did before; not on how goroutines or clients take turns.
func Seeded(seed uint64, r Rates) Hook {
	return func(op Op) Fault {
		rng := rand.New(rand.NewPCG(seed, hash(op.Client, op.Name, strconv.Itoa(op.Nth))))
		hit := func(rate float64) bool { return rng.Float64() < rate }
		upTo := func(d time.Duration) time.Duration { return 1 + time.Duration(rng.Float64()*float64(d)) }
		var f Fault
		if r.Latency > 0 {
			f.Latency = upTo(r.Latency)
		}
		if hit(r.Before) {
			f.Before = ErrRefused
		}
		if hit(r.After) {
			f.After = ErrLost
		}
		if hit(r.Late) {
			f.Late = upTo(r.Delay)
		}
		if hit(r.Dup) {
			f.Dup = upTo(r.Delay)
		}
		if hit(r.Cut) {
			f.Cut = 1 + rng.Int64N(1<<16)
		}
		f.CrashBefore, f.CrashAfter = hit(r.CrashBefore), hit(r.CrashAfter)
		if op.Name == "staged" && r.Hide > 0 {
			salt := strconv.FormatUint(rng.Uint64(), 16)
			f.Hide = func(key string) bool { return float64(hash(salt, key)>>11)/(1<<53) < r.Hide }
		}
		return f
	}
}

func hash(texts ...string) uint64 {
	h := fnv.New64a()
	for _, t := range texts {
		_, _ = h.Write([]byte(t + "\x00")) // never fails
	}
	return h.Sum64()
}
