package generate

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

// Pages of the shop.
const (
	home = iota
	productA
	productB
	cart
	payment
	confirmation
	pages
	gone = pages // the visitor has left
)

var pageNames = [pages]string{"home", "product_a", "product_b", "cart", "payment", "confirmation"}

// move is a page to go to with its probability.
type move struct {
	to int
	p  float64
}

// landing is where visits begin, moves where they go on from each page.
var (
	landing = []move{{home, .6}, {productA, .25}, {productB, .15}}
	moves   = [pages][]move{
		home:         {{home, .45}, {productA, .17}, {productB, .12}, {gone, .26}},
		productA:     {{productA, .5}, {home, .18}, {cart, .12}, {gone, .2}},
		productB:     {{productB, .4}, {home, .22}, {cart, .14}, {gone, .24}},
		cart:         {{cart, .25}, {payment, .5}, {home, .15}, {gone, .1}},
		payment:      {{payment, .45}, {confirmation, .4}, {cart, .1}, {gone, .05}},
		confirmation: {{confirmation, .4}, {gone, .6}},
	}
)

// hours is the share of a day's visits that begin in each hour.
var hours = [24]float64{.0273, .0185, .0108, .0107, .0050, .0105, .0192, .0297, .0382, .0426, .0549, .0583, .0646, .0627, .0572,
	.0521, .0590, .0667, .0718, .0662, .0696, .0428, .0329, .0287}

const (
	stepMicros   = 10_000_000 // the clock's step
	jitterMicros = 3_000_000  // an event is stamped at most so far from the clock
	stepsAnHour  = 360
	// A visit ends after an hour at the latest, which happens to one in 10^25. So the visits under way at any step are
	// known from those that began in the hour before, and a position needs no list of them.
	longest = stepsAnHour
)

// dice is a distribution over a few outcomes.
type dice struct {
	limit []uint64 // of the random number, ascending
	to    []int
}

func newDice(moves []move) dice {
	var d dice
	sum := 0.0
	for _, m := range moves {
		sum += m.p
		d.limit, d.to = append(d.limit, chance(sum)), append(d.to, m.to)
	}
	d.limit[len(d.limit)-1] = ^uint64(0)
	return d
}

func (d *dice) roll(r uint64) int {
	for i, l := range d.limit {
		if r < l {
			return d.to[i]
		}
	}
	return d.to[len(d.to)-1]
}

// visit is a session under way.
type visit struct {
	seed  uint64 // of the session
	draws uint64 // random numbers taken
	user  uint32
	page  uint8
	age   uint16 // steps
}

func (v *visit) draw() uint64 {
	v.draws++
	return at(v.seed, v.draws)
}

// event is a page seen.
type event struct {
	micros int64
	user   uint32
	page   uint8
}

// shop simulates one split. Its state is a function of the settings, the split and the step.
type shop struct {
	conf    Config
	seed    uint64
	start   int64
	landing dice
	moves   [pages]dice
	begins  [24]arrivals // visits that begin in a step of each hour
	step    int64        // the next one
	visits  []visit      // under way, in the order they began
	events  []event      // of the last step
	given   int          // of these
	row     int64
	out     *writer
}

// newShop opens the n-th split at a place.
func newShop(conf Config, start int64, n int, p place) (*shop, error) {
	s := &shop{conf: conf, seed: mix(uint64(conf.Seed)*golden + uint64(n)), start: start, landing: newDice(landing)}
	for i := range moves {
		s.moves[i] = newDice(moves[i])
	}
	for h, weight := range hours {
		s.begins[h] = newArrivals(conf.SessionsPerDay * weight / stepsAnHour / float64(conf.Splits))
	}
	s.out = newWriter(conf, s.seed)
	s.step = max(0, p.Step-longest)
	for s.step < p.Step {
		s.advance()
	}
	s.events, s.row = s.events[:0], p.Row
	if p.Skip > 0 {
		s.advance()
		s.given = p.Skip
		if s.given > len(s.events) {
			err := fault.Errorf(fault.Invalid, "generate: split %d: step %d has %d events, not %d as the position says", n, p.Step, len(s.events), p.Skip)
			return nil, fault.Hint(err, "seed, splits, sessions_per_day or start were others when the pipeline last ran")
		}
	}
	return s, nil
}

// advance takes the next step: everybody in the shop moves on, then others come in.
func (s *shop) advance() {
	clock := s.start + (s.step+1)*stepMicros
	s.events, s.given = s.events[:0], 0
	stay := s.visits[:0]
	for _, v := range s.visits {
		next := s.moves[v.page].roll(v.draw())
		if v.age++; next == gone || v.age >= longest {
			continue
		}
		if next != int(v.page) {
			v.page = uint8(next)
			s.see(&v, clock)
		}
		stay = append(stay, v)
	}
	seed := at(s.seed, uint64(s.step))
	_, inDay := floorDiv(clock, 86_400_000_000)
	for i := range s.begins[inDay/3_600_000_000].draw(seed) {
		v := visit{seed: mix(seed ^ uint64(i+1)*golden)}
		v.user = uint32(below(v.draw(), uint64(s.conf.Users)))
		v.page = uint8(s.landing.roll(v.draw()))
		s.see(&v, clock)
		stay = append(stay, v)
	}
	s.visits = stay
	s.step++
}

func (s *shop) see(v *visit, clock int64) {
	jitter := int64(below(v.draw(), 2*jitterMicros+1)) - jitterMicros
	s.events = append(s.events, event{clock + jitter, v.user, v.page})
}

func (s *shop) next(n int) (arrow.RecordBatch, time.Time) {
	s.out.begin(s.row, n)
	for left := n; left > 0; {
		if s.given == len(s.events) {
			s.advance()
			continue
		}
		some := s.events[s.given:min(len(s.events), s.given+left)]
		s.out.add(some)
		s.given += len(some)
		left -= len(some)
	}
	s.row += int64(n)
	return s.out.finish()
}

func (s *shop) place() place {
	if s.given == len(s.events) {
		return place{Row: s.row, Step: s.step}
	}
	return place{Row: s.row, Step: s.step - 1, Skip: s.given}
}
