package pipeline

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

// session is a lane's run between two resumptions. Its loop is the only goroutine that writes to the sink; workers apply
// the stages; one goroutine commits what was sealed while the loop writes on.
type session struct {
	l       *lane
	ctx     context.Context // cancelled: stop reading, commit, end
	work    context.Context // cancelled: end at once
	reading context.Context
	stop    context.CancelFunc // ends reading
	resumer connector.Resumer  // nil: the sink does not know where it stands

	changes chan change
	tickets chan *ticket // in the order read
	todo    chan *ticket // the same ones, for the workers
	submit  sync.Mutex   // keeps both in one order
	budget  *semaphore.Weighted
	slots   *semaphore.Weighted // bounded splits read at once
	commits chan commitResult
	feeders sync.WaitGroup // readers of splits
	wg      sync.WaitGroup // all else that the session started
	closing atomic.Bool

	readers  map[rows.Split]*reader
	gone     bool // no more changes of splits
	inCommit bool
	due      bool // an epoch should have ended, but the last one is still being committed
	broken   bool // the sink failed: nothing more can be committed
	resumed  bool // the sink is ready to be written to
	torn     bool // a split was given up inside a transaction, whose rows the sink has
	lastRow  time.Time

	epoch  epoch
	window window
}

type change struct {
	splits []rows.Split
	err    error
	end    bool
	done   chan struct{}
}

// ticket is a batch on its way.
type ticket struct {
	reader *reader
	batch  rows.Batch
	size   int64 // bytes of the batch
	held   int64 // bytes taken from the budget
	end    bool  // the split has ended, or its reader was stopped
	err    error // of reading or of a stage
	out    outcome
	again  bool // a stage must change its state: apply in order
	done   chan struct{}
}

func newSession(l *lane, ctx, work context.Context) *session {
	s := &session{
		l: l, ctx: ctx, work: work,
		changes: make(chan change), tickets: make(chan *ticket, 1024), todo: make(chan *ticket, 1024),
		budget:  semaphore.NewWeighted(max(l.p.Memory/8, 1)),
		slots:   semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		commits: make(chan commitResult, 1),
		readers: map[rows.Split]*reader{}, window: window{b: l.p.MaxRejects}, lastRow: time.Now(),
	}
	s.resumer, _ = l.sink.Sink.(connector.Resumer)
	s.resumed = s.resumer == nil
	s.reading, s.stop = context.WithCancel(ctx)
	s.epoch.reset()
	for range runtime.GOMAXPROCS(0) {
		s.spawn(s.worker)
	}
	s.spawn(s.watchSplits)
	return s
}

func (s *session) spawn(f func()) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		f()
	}()
}

// close ends every goroutine of the session.
func (s *session) close() {
	s.closing.Store(true)
	s.stop()
	drained := make(chan struct{})
	go func() { // readers may be waiting to hand over
		defer close(drained)
		for t := range s.tickets {
			s.budget.Release(t.held)
		}
	}()
	s.feeders.Wait()
	close(s.todo)
	s.wg.Wait()
	close(s.tickets)
	<-drained
}

func (s *session) watchSplits() {
	send := func(c change) bool {
		c.done = make(chan struct{})
		select {
		case s.changes <- c:
		case <-s.reading.Done():
			return false
		}
		select {
		case <-c.done:
			return true
		case <-s.reading.Done():
			return false
		}
	}
	var tries backoff
	for again := true; again; {
		again = false
		for splits, err := range s.l.source.Splits(s.reading) {
			if err != nil && tries.wait(s.reading, s.l, "the list of splits", err) {
				again = true
				break
			}
			if err != nil && s.reading.Err() != nil {
				return // nobody waits for the list any more: not having it is no failure of the stop
			}
			if !send(change{splits: splits, err: err}) || err != nil {
				return
			}
			tries = backoff{}
		}
	}
	send(change{end: true})
}

func (s *session) worker() {
	for t := range s.todo {
		if !t.end && t.err == nil && !s.closing.Load() {
			s.try(t)
		}
		close(t.done)
	}
}

func (s *session) try(t *ticket) {
	chain, err := s.l.chains.from(t.reader.split.Source)
	if err != nil {
		t.err = err
		return
	}
	var ok bool
	t.out, ok, t.err = chain.try(s.work, t.batch)
	t.again = !ok && t.err == nil
}

// loop runs until everything is committed, or an error.
func (s *session) loop() error {
	every := time.NewTicker(s.l.p.Every)
	defer every.Stop()
	upkeep := time.NewTicker(time.Hour)
	defer upkeep.Stop()
	idle := make(<-chan time.Time)
	if d := s.l.p.UntilIdle; d > 0 {
		t := time.NewTicker(max(d/4, time.Millisecond))
		defer t.Stop()
		idle = t.C
	}
	stopped := s.ctx.Done()
	for {
		if s.gone && len(s.readers) == 0 {
			return s.finish(true)
		}
		select {
		case <-s.work.Done():
			return s.work.Err()
		case c := <-s.changes:
			if err := s.change(c); err != nil {
				return err
			}
		case t := <-s.tickets:
			if err := s.consume(t); err != nil {
				return err
			}
		case r := <-s.commits:
			if err := s.committed(r); err != nil {
				return err
			}
		case <-every.C:
			if err := s.seal(false); err != nil {
				return err
			}
		case <-upkeep.C:
			s.upkeep()
		case <-idle:
			if time.Since(s.lastRow) >= s.l.p.UntilIdle {
				s.gone = true
				s.stop()
			}
		case <-stopped:
			s.gone, stopped = true, nil
			s.stop()
		}
	}
}

// change takes up a new set of splits. It returns, and the source goes on, when the rows of dropped splits are committed.
func (s *session) change(c change) error {
	defer close(c.done)
	if c.err != nil || c.end {
		s.gone = true
		return c.err
	}
	want, gained := map[rows.Split]bool{}, []rows.Split(nil)
	for _, split := range c.splits {
		want[split] = true
		if s.readers[split] == nil {
			gained = append(gained, split)
		}
	}
	var dropped []*reader
	for split, r := range s.readers {
		if !want[split] {
			r.stop()
			dropped = append(dropped, r)
		}
	}
	if len(gained) == 0 && len(dropped) == 0 {
		return nil
	}
	if err := s.rest(dropped); err != nil {
		return err
	}
	if err := s.finish(false); err != nil {
		return err
	}
	return s.resume(gained)
}

// rest reads on until the readers that were stopped have ended and no split is inside a transaction, so that all that was
// written can be committed: resuming drops what is not.
func (s *session) rest(stopped []*reader) error {
	ended := func() bool {
		for _, r := range stopped {
			if s.readers[r.split] != nil {
				return false
			}
		}
		return true
	}
	for !ended() || (len(s.epoch.open) > 0 && !s.torn) {
		select {
		case t := <-s.tickets:
			if err := s.consume(t); err != nil {
				return err
			}
		case <-s.work.Done():
			return s.work.Err()
		}
	}
	if s.torn {
		return fmt.Errorf("a split was given up inside a transaction: %w", connector.ErrRewound)
	}
	return nil
}

// resume takes splits over and starts to read them.
func (s *session) resume(gained []rows.Split) error {
	at := connector.Checkpoint{Positions: s.l.positions}
	first := len(s.readers) == 0 && s.epoch.empty()
	all := slices.AppendSeq(slices.Clone(gained), maps.Keys(s.readers))
	if s.resumer != nil && len(all) > 0 {
		var err error
		if at, err = s.resumer.Resume(s.work, all); err != nil {
			s.broken = true
			return err
		}
		s.resumed = true
		if first {
			s.l.state = at.State
			if err := s.l.chains.reset(at.State); err != nil {
				return err
			}
		} else {
			s.l.state = nil // the checkpoint may name another: the next record names the one that holds
		}
	}
	for _, split := range gained {
		if !s.ended(split, at) {
			s.read(split, at.Positions[split])
		}
	}
	return nil
}

// ended says whether a split is not to be read again. One that cannot be read a second time is another one in each life.
func (s *session) ended(split rows.Split, at connector.Checkpoint) bool {
	if _, ok := transient(partOf(s.l.source, split)); ok || s.resumer == nil {
		return s.l.finished[split]
	}
	return at.Finished != nil && at.Finished(split)
}

// consume writes what became of a batch.
func (s *session) consume(t *ticket) error {
	select {
	case <-t.done:
	case <-s.work.Done():
		return s.work.Err()
	}
	defer s.budget.Release(t.held)
	if t.err != nil {
		return t.err
	}
	split := t.reader.split
	if t.end {
		delete(s.readers, split)
		if !t.reader.stopped() {
			s.epoch.finish(split, t.reader.last)
		}
		s.torn = s.torn || s.epoch.open[split]
		return nil
	}
	if t.again {
		chain, err := s.l.chains.from(split.Source)
		if err != nil {
			return err
		}
		if t.out, err = chain.apply(s.work, t.batch); err != nil {
			return err
		}
	}
	if err := s.window.add(t.out.counts, t.out.rejects); err != nil {
		s.broken = true // what was not committed is read again when the cause is mended
		return err
	}
	if err := s.write(t); err != nil {
		s.broken = true
		return err
	}
	s.lastRow = time.Now()
	s.epoch.add(t)
	s.count(t)
	p := s.l.p
	if (p.Rows > 0 && s.epoch.counts.Read >= p.Rows) || (p.Bytes > 0 && s.epoch.bytes >= p.Bytes) {
		return s.seal(false)
	}
	return nil
}

func (s *session) write(t *ticket) error {
	rejects := t.out.rejects
	for _, b := range t.out.batches {
		b.Split, b.Position = t.batch.Split, t.batch.Position
		b.Rejects, rejects = rejects, nil
		if err := s.l.sink.Sink.Write(s.work, b); err != nil {
			return err
		}
	}
	if len(rejects) > 0 {
		return s.l.sink.Sink.Write(s.work, rows.Batch{Rejects: rejects, Split: t.batch.Split, Position: t.batch.Position})
	}
	return nil
}

func (s *session) count(t *ticket) {
	st := s.l.p.Stats
	if s.l.first { // every sink reads the same rows
		st.Read.Add(t.out.counts.Read)
		st.Bytes.Add(t.size)
	}
	st.Rejected.Add(t.out.counts.Rejected)
	st.Filtered.Add(t.out.counts.Filtered)
	if !t.batch.EventTime.IsZero() {
		st.eventTime.Store(t.batch.EventTime.UnixNano())
	}
}
