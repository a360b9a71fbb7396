package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// reader reads one split.
type reader struct {
	split  rows.Split
	last   rows.Position // of the newest batch consumed
	cancel context.CancelFunc
	halted atomic.Bool // stopped before the split's end
}

func (r *reader) stop()         { r.cancel() }
func (r *reader) stopped() bool { return r.halted.Load() }

// read starts to read a split after pos.
func (s *session) read(split rows.Split, pos rows.Position) {
	ctx, cancel := context.WithCancel(s.reading)
	r := &reader{split: split, last: pos, cancel: cancel}
	s.readers[split] = r
	b, ok := s.l.source.(connector.Bounded)
	bounded := ok && b.Bounded()
	s.feeders.Add(1)
	go func() {
		defer s.feeders.Done()
		defer cancel()
		err := error(nil)
		if bounded {
			if s.slots.Acquire(ctx, 1) == nil {
				defer s.slots.Release(1)
			}
		}
		if ctx.Err() == nil {
			err = s.readOn(ctx, r, pos)
		}
		if ctx.Err() != nil {
			r.halted.Store(true)
			err = nil
		}
		s.hand(context.WithoutCancel(ctx), &ticket{reader: r, end: err == nil, err: err})
	}()
}

// readOn reads until the split ends, reading again from the last position while the source is unavailable.
func (s *session) readOn(ctx context.Context, r *reader, pos rows.Position) error {
	wait, failing := 50*time.Millisecond, time.Time{}
	for {
		var failed error
		for b, err := range s.l.source.Read(ctx, r.split, pos) {
			if err != nil {
				failed = err
				break
			}
			wait, failing = 50*time.Millisecond, time.Time{}
			b.Split = r.split
			if b.Position != "" {
				pos = b.Position
			}
			if !s.hand(ctx, &ticket{reader: r, batch: b, size: size(b)}) {
				return ctx.Err()
			}
		}
		if failed == nil || ctx.Err() != nil {
			return nil
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		if !fault.Is(failed, fault.Unavailable) || time.Since(failing) > s.l.p.Patience {
			return failed
		}
		s.l.log.Warn("the source is unavailable, trying again", "split", r.split, "error", failed, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, 5*time.Second)
	}
}

func size(b rows.Batch) int64 {
	var n int64
	if b.Rows != nil {
		n = rows.Size(b.Rows)
	}
	for _, r := range b.Rejects {
		n += int64(len(r.Raw))
	}
	return n
}

// hand passes a ticket on as soon as the bytes under way leave room. False: the reading was stopped.
func (s *session) hand(ctx context.Context, t *ticket) bool {
	t.done = make(chan struct{})
	held := min(t.size, max(s.l.p.Memory/8, 1))
	if s.budget.Acquire(ctx, held) != nil {
		return false
	}
	t.held = held
	s.submit.Lock()
	defer s.submit.Unlock()
	select {
	case s.tickets <- t:
	case <-s.work.Done():
		s.budget.Release(held)
		return false
	}
	s.todo <- t
	return true
}
