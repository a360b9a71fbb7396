package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// epoch gathers what the next Seal will say.
type epoch struct {
	positions  map[rows.Split]rows.Position
	open       map[rows.Split]bool // inside a transaction
	finished   []rows.Split
	counts     rows.Counts
	coerced    map[string]int64
	watermark  time.Time
	bytes      int64
	duplicates int64
}

type commitResult struct {
	record    *connector.Record
	positions map[rows.Split]rows.Position
	finished  []rows.Split
	rows      rows.Counts // of the epoch, before the sink
	err       error
}

// finish commits what was written and waits until it is visible.
func (s *session) finish(last bool) error {
	for s.inCommit {
		if err := s.committed(<-s.commits); err != nil {
			return err
		}
	}
	if err := s.seal(last); err != nil {
		return err
	}
	for s.inCommit {
		if err := s.committed(<-s.commits); err != nil {
			return err
		}
	}
	return nil
}

// seal ends the epoch and commits it in the background. While the last one is still being committed the epoch goes on.
func (s *session) seal(last bool) error {
	if s.inCommit {
		s.due = true
		return nil
	}
	if len(s.epoch.open) > 0 {
		if last {
			s.l.log.Warn("stopped inside a transaction; the rows since the last commit are read again at the next start")
		}
		return nil
	}
	if s.epoch.empty() && (!last || !s.resumed) {
		return nil
	}
	state, err := s.l.chains.mark()
	if err != nil {
		return err
	}
	e := connector.Epoch{
		Positions: s.epoch.positions, Finished: s.epoch.finished, Rows: s.epoch.counts, Coerced: s.epoch.coerced,
		Duplicates: s.epoch.duplicates, Watermark: s.epoch.watermark, Run: s.l.run, Last: last,
	}
	if !bytes.Equal(state, s.l.state) {
		e.State = state
	}
	pending, err := s.l.sink.Sink.Seal(s.work, e)
	if err != nil {
		s.broken = true
		return err
	}
	s.l.state = state
	s.epoch.reset()
	s.due, s.inCommit = false, true
	s.spawn(func() {
		record, err := pending.Commit(s.work)
		if err == nil {
			err = confirm(s.work, pending, record)
		}
		s.commits <- commitResult{record, e.Positions, e.Finished, e.Rows, err}
	})
	return nil
}

// confirm makes a commit visible. When it cannot, the rows are safe all the same: whoever sends them again doubles them.
func confirm(ctx context.Context, p connector.Pending, r *connector.Record) error {
	err := p.Confirm(ctx)
	if err == nil || r == nil || errors.Is(err, connector.ErrRewound) || errors.Is(err, connector.ErrFenced) {
		return err
	}
	err = fmt.Errorf("record %d is put, its files are not visible yet: %w", r.Seq, err)
	return fault.Hint(err, "do not send the rows again: the next start at this place makes them visible")
}

// upkeep lets the sink sweep, in the place of a commit.
func (s *session) upkeep() {
	k, ok := s.l.sink.Sink.(connector.Upkeeper)
	if !ok || s.inCommit || len(s.readers) == 0 {
		return
	}
	s.inCommit = true
	s.spawn(func() { s.commits <- commitResult{err: k.Upkeep(s.work)} })
}

// committed reports an epoch, and ends the next one when that was due.
func (s *session) committed(r commitResult) error {
	s.inCommit = false
	if r.err != nil {
		s.broken = true
		if errors.Is(r.err, connector.ErrFenced) {
			s.l.log.Error("fenced: another writer has taken over; nothing of this epoch is kept here, and nothing is lost")
		}
		return r.err
	}
	if r.record != nil {
		st := s.l.p.Stats
		st.Commits.Add(1)
		st.Written.Add(r.record.Rows.Written)
		st.Files.Add(int64(len(r.record.Files)))
		st.Rejected.Add(max(0, r.record.Rows.Rejected-r.rows.Rejected)) // by the sink
		st.Filtered.Add(max(0, r.record.Rows.Filtered-r.rows.Filtered))
		s.l.log.Debug("committed", "seq", r.record.Seq, "rows", r.record.Rows.Written, "files", len(r.record.Files))
	}
	maps.Copy(s.l.positions, r.positions)
	for _, split := range r.finished {
		s.l.finished[split] = true
	}
	if err := acknowledge(s.work, s.l.source, r.positions); err != nil {
		return err
	}
	if r.record != nil {
		refused := rows.Counts{Rejected: max(0, r.record.Rows.Rejected-r.rows.Rejected)}
		if err := s.window.add(refused, nil); err != nil {
			s.broken = true
			return err
		}
	}
	if s.due {
		return s.seal(false)
	}
	return nil
}

func (e *epoch) reset() {
	*e = epoch{positions: map[rows.Split]rows.Position{}, open: map[rows.Split]bool{}}
}

func (e *epoch) empty() bool { return len(e.positions) == 0 && e.counts == (rows.Counts{}) }

func (e *epoch) add(t *ticket) {
	e.bytes += t.size
	e.counts.Add(t.out.counts)
	e.duplicates += t.out.duplicates
	for column, n := range t.out.coerced {
		if e.coerced == nil {
			e.coerced = map[string]int64{}
		}
		e.coerced[column] += n
	}
	if t.batch.EventTime.After(e.watermark) {
		e.watermark = t.batch.EventTime
	}
	if t.batch.Position == "" {
		e.open[t.reader.split] = true
		return
	}
	delete(e.open, t.reader.split)
	e.positions[t.reader.split] = t.batch.Position
	t.reader.last = t.batch.Position
}

// finish says that a split has ended for good, where it was last read; so has a transaction that it was in.
func (e *epoch) finish(s rows.Split, at rows.Position) {
	delete(e.open, s)
	e.finished = append(e.finished, s)
	if _, moved := e.positions[s]; !moved {
		e.positions[s] = at
	}
}
