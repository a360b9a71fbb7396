package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Rows of a batch. A line of web events has about a kilobyte.
const (
	batchRows = 10_000
	lineRows  = 4_000
)

// place is a Position: the number of rows made so far, and for web_events where the simulation stands. All else follows
// from the settings.
type place struct {
	Row  int64 `json:"row"`            // rows made
	Step int64 `json:"step,omitempty"` // steps of the clock before the one that goes on
	Skip int   `json:"skip,omitempty"` // events of that step that were made
}

func (p place) position() rows.Position {
	text, _ := json.Marshal(p) // three integers
	return rows.Position(text)
}

func parsePlace(pos rows.Position) (place, error) {
	var p place
	if pos == "" {
		return p, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(pos)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || p.Row < 0 || p.Step < 0 || p.Skip < 0 {
		err := fault.Errorf(fault.Invalid, "generate: %q is no position of this source", pos)
		return p, fault.Hint(err, "the pipeline had another source when it last ran: give it a new name, or an empty destination")
	}
	return p, nil
}

// stream makes the rows of one split in order.
type stream interface {
	// next makes the following n rows. newest is the latest time among them, zero if they have none.
	next(n int) (r arrow.RecordBatch, newest time.Time)
	place() place
}

type source struct {
	name  string
	conf  Config
	start int64 // microseconds since 1970
	plan  *plan // of kind rows
}

// Schema returns the columns of the rows; nil when they are payloads, or drift.
func (s *source) Schema() *arrow.Schema {
	switch {
	case s.conf.Payload == "json" || s.conf.Mess.DriftAfter > 0:
		return nil
	case s.plan != nil:
		return s.plan.schemas[0]
	}
	return eventSchema(false)
}

// Splits yields the splits once: there are as many as the settings say, named from 0.
func (s *source) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		all := make([]rows.Split, s.conf.Splits)
		for i := range all {
			all[i] = rows.Split{Source: s.name, ID: strconv.Itoa(i)}
		}
		yield(all, nil)
	}
}

// Continuing says that a later start with more rows, or for another duration, goes on.
func (s *source) Continuing() {}

// Bounded reports whether the splits end by themselves and need not be read at the same time.
func (s *source) Bounded() bool { return s.conf.Rows > 0 && s.conf.Rate == 0 && s.conf.Duration == 0 }

// Read makes the rows of a split. Its position is JSON with the number of rows made, and where the simulation stands.
func (s *source) Read(ctx context.Context, split rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		n, from, err := s.enter(split, pos)
		if err != nil {
			yield(rows.Batch{}, err)
			return
		}
		end := s.share(n)
		pace := newPace(s.conf)
		for from.place().Row < end {
			want, err := pace.wait(ctx)
			if err != nil {
				yield(rows.Batch{}, err)
				return
			}
			if want == 0 {
				return
			}
			row := from.place().Row
			want = min(want, end-row)
			if drift := s.conf.Mess.DriftAfter; row < drift {
				want = min(want, drift-row) // one batch has one schema
			}
			rec, newest := from.next(int(want))
			pace.made += want
			b := rows.Batch{Rows: rec, Split: split, Position: from.place().position(), EventTime: newest}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// enter opens the stream of a split at a position.
func (s *source) enter(split rows.Split, pos rows.Position) (n int, from stream, err error) {
	n, err = strconv.Atoi(split.ID)
	if err != nil || n < 0 || n >= s.conf.Splits {
		err := fault.Errorf(fault.Invalid, "generate: there is no split %q", split.ID)
		return 0, nil, fault.Hint(err, "splits: %d was another number when the pipeline last ran", s.conf.Splits)
	}
	p, err := parsePlace(pos)
	if err != nil {
		return 0, nil, err
	}
	if s.plan != nil {
		return n, s.plan.enter(n, p), nil
	}
	from, err = newShop(s.conf, s.start, n, p)
	return n, from, err
}

// share is the number of rows of the n-th split.
func (s *source) share(n int) int64 {
	if s.conf.Rows == 0 {
		return math.MaxInt64
	}
	all, k := s.conf.Rows, int64(s.conf.Splits)
	share := all / k
	if int64(n) < all%k {
		share++
	}
	return share
}

// pace says how many rows may be made when.
type pace struct {
	begin time.Time
	end   time.Time // zero = never
	rate  float64   // rows per second, 0 = unbounded
	most  int64     // rows of a batch
	made  int64     // rows since begin
}

// flow is how long rows wait for company when they come at a rate.
const flow = 100 * time.Millisecond

func newPace(c Config) *pace {
	p := &pace{begin: time.Now(), rate: c.Rate / float64(c.Splits), most: batchRows}
	if c.Payload == "json" {
		p.most = lineRows
	}
	if c.Duration > 0 {
		p.end = p.begin.Add(c.Duration)
	}
	return p
}

// wait returns how many rows may be made now, after waiting for their time; 0 when the time is over.
func (p *pace) wait(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	now := time.Now()
	n := p.most
	if p.rate > 0 {
		// Who was held up catches up: the rate holds from the beginning on.
		due := int64(p.rate*now.Sub(p.begin).Seconds()) - p.made
		n = min(p.most, max(due, int64(p.rate*flow.Seconds()), 1))
		when := p.begin.Add(time.Duration(float64(p.made+n) / p.rate * float64(time.Second)))
		over := !p.end.IsZero() && when.After(p.end)
		if over {
			when = p.end
		}
		if err := sleep(ctx, when.Sub(now)); err != nil || over {
			return 0, err
		}
		return n, nil
	}
	if !p.end.IsZero() && !now.Before(p.end) {
		return 0, nil
	}
	return n, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
