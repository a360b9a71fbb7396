package pipeline

import (
	"context"
	"fmt"
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
	halted atomic.Bool // the split may go on after what was read
}

func (r *reader) stop()         { r.cancel() }
func (r *reader) stopped() bool { return r.halted.Load() }

// read starts to read a split after pos.
func (s *session) read(split rows.Split, pos rows.Position) {
	ctx, cancel := context.WithCancel(s.reading)
	r := &reader{split: split, last: pos, cancel: cancel}
	s.readers[split] = r
	source := partOf(s.l.source, split)
	limited := bounded(source)
	s.feeders.Add(1)
	go func() {
		defer s.feeders.Done()
		defer cancel()
		err := error(nil)
		if limited {
			if s.slots.Acquire(ctx, 1) == nil {
				defer s.slots.Release(1)
			}
		}
		if ctx.Err() == nil {
			err = s.readOn(ctx, r, pos)
		}
		if _, continuing := source.(connector.Continuing); continuing || ctx.Err() != nil {
			r.halted.Store(true)
		}
		if ctx.Err() != nil {
			err = nil
		}
		s.hand(context.WithoutCancel(ctx), &ticket{reader: r, end: err == nil, err: err})
	}()
}

// readOn reads until the split ends, reading again from the last position while the source is unavailable.
func (s *session) readOn(ctx context.Context, r *reader, pos rows.Position) error {
	_, once := transient(partOf(s.l.source, r.split)) // it goes on where it stopped
	open := false                                     // inside a transaction
	var tries backoff
	for {
		var failed error
		for b, err := range s.l.source.Read(ctx, r.split, pos) {
			if err != nil {
				failed = err
				break
			}
			tries = backoff{}
			b.Split = r.split
			if open = b.Position == ""; !open {
				pos = b.Position
			}
			if !s.hand(ctx, &ticket{reader: r, batch: b, size: size(b)}) {
				return ctx.Err()
			}
		}
		if failed == nil || ctx.Err() != nil {
			return nil
		}
		if !tries.wait(ctx, s.l, r.split.String(), failed) {
			return failed
		}
		if open && !once { // its rows were handed on, and come again: the epoch must begin anew
			return fmt.Errorf("%s failed inside a transaction: %w: %w", r.split, failed, connector.ErrRewound)
		}
	}
}

// backoff waits longer and longer before something that is unavailable is tried again. The zero value is the first time.
type backoff struct {
	next  time.Duration
	since time.Time
}

// wait returns true when it is time to try again; false: the error is not worth that any more, or ctx was cancelled.
func (b *backoff) wait(ctx context.Context, l *lane, what string, failed error) bool {
	if b.since.IsZero() {
		b.since, b.next = time.Now(), 50*time.Millisecond
	}
	if !fault.Is(failed, fault.Unavailable) || time.Since(b.since) > l.p.Patience {
		return false
	}
	l.log.Warn("the source is unavailable, trying again", "reading", what, "error", failed, "in", b.next)
	select {
	case <-time.After(b.next):
	case <-ctx.Done():
		return false
	}
	b.next = min(2*b.next, 5*time.Second)
	return true
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
