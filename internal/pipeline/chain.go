package pipeline

import (
	"context"
	"encoding/json"
	"maps"
	"sync"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// chains is the stages before a sink, for every source.
type chains struct {
	open  func(source string) ([]stage.Stage, error)
	mu    sync.Mutex
	of    map[string]chain
	marks map[string][]json.RawMessage // of sources whose stages are not open yet
}

// from returns the chain of a source.
func (c *chains) from(source string) (chain, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if got, ok := c.of[source]; ok {
		return got, nil
	}
	stages, err := c.open(source)
	if err != nil {
		return chain{}, err
	}
	opened := newChain(stages)
	if mark, ok := c.marks[source]; ok {
		if err := opened.reset(mark); err != nil {
			return chain{}, err
		}
		delete(c.marks, source)
	}
	if c.of == nil {
		c.of = map[string]chain{}
	}
	c.of[source] = opened
	return opened, nil
}

// mark is the state of all evolving stages as JSON, nil when they have none.
func (c *chains) mark() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	marks := maps.Clone(c.marks)
	if marks == nil {
		marks = map[string][]json.RawMessage{}
	}
	for source, chain := range c.of {
		if m := chain.mark(); m != nil {
			marks[source] = m
		}
	}
	if len(marks) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(marks)
	return raw, fault.As(fault.Internal, err)
}

// reset makes all chains anew, in the state of a mark.
func (c *chains) reset(mark []byte) error {
	marks := map[string][]json.RawMessage{}
	if mark != nil {
		if err := json.Unmarshal(mark, &marks); err != nil {
			return fault.Errorf(fault.Corrupt, "the state of the stages is damaged: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of, c.marks = nil, marks
	return nil
}

// chain is the stages between a source and a sink.
type chain struct {
	stages   []stage.Stage
	evolvers []stage.Evolver
}

func newChain(stages []stage.Stage) chain {
	c := chain{stages: stages}
	for _, s := range stages {
		if e, ok := s.(stage.Evolver); ok {
			c.evolvers = append(c.evolvers, e)
		}
	}
	return c
}

// outcome is what became of a batch.
type outcome struct {
	batches    []rows.Batch
	rejects    []rows.Reject
	counts     rows.Counts // Read, Made, Filtered and Rejected
	coerced    map[string]int64
	duplicates int64
}

// try sends a batch through the stages as they stand; false: a stage must change its state first, see apply. It is safe
// for concurrent use.
func (c chain) try(ctx context.Context, in rows.Batch) (outcome, bool, error) {
	return c.send(ctx, in, false)
}

// apply sends a batch through the stages, which may change their state: one batch at a time, in order.
func (c chain) apply(ctx context.Context, in rows.Batch) (outcome, error) {
	out, _, err := c.send(ctx, in, true)
	return out, err
}

func (c chain) send(ctx context.Context, in rows.Batch, evolve bool) (out outcome, ok bool, err error) {
	out.counts.Read = int64(len(in.Rejects))
	out.take(&in)
	var now []rows.Batch
	if in.Len() > 0 {
		now = append(now, in)
	}
	out.counts.Read += in.Len() - payloads(now)
	for _, s := range c.stages {
		var next []rows.Batch
		for _, b := range now {
			from, rejected := len(next), int64(0)
			emit := func(e rows.Batch) error {
				rejected += int64(len(e.Rejects))
				out.take(&e)
				if e.Len() > 0 {
					next = append(next, e)
				}
				return nil
			}
			if done, err := c.one(ctx, s, b, emit, evolve); err != nil || !done {
				return out, false, err
			}
			out.counts.Add(account(b, next[from:], rejected))
		}
		now = next
	}
	out.counts.Read += payloads(now)
	out.batches = now
	return out, true, nil
}

// payloads is how many payloads there are in batches. They count as read when they are decoded, or go on undecoded to the
// sink: until then nobody knows how many rows they hold.
func payloads(all []rows.Batch) (n int64) {
	for _, b := range all {
		if _, raw := rows.PayloadOf(b.Rows); raw {
			n += b.Len()
		}
	}
	return n
}

// account says what the counts of a stage are that made batches out of one. Rejects are counted when they are taken.
func account(of rows.Batch, made []rows.Batch, rejected int64) (c rows.Counts) {
	var all int64
	for _, m := range made {
		all += m.Len()
	}
	still := payloads(made)
	lost := of.Len() - all - rejected
	if payloads([]rows.Batch{of}) > 0 {
		c.Read = all - still + rejected
		if still > 0 && lost > 0 {
			c.Read, c.Filtered = c.Read+lost, lost
		}
		return c
	}
	c.Filtered, c.Made = max(lost, 0), max(-lost, 0)
	return c
}

// one sends a batch through one stage; false: the stage would have to change its state.
func (c chain) one(ctx context.Context, s stage.Stage, b rows.Batch, emit func(rows.Batch) error, evolve bool) (bool, error) {
	if e, ok := s.(stage.Evolver); ok && !evolve {
		return e.Try(ctx, b, emit)
	}
	return true, s.Apply(ctx, b, emit)
}

// take keeps the rejects and coercions that a stage reported.
func (o *outcome) take(b *rows.Batch) {
	o.rejects = append(o.rejects, b.Rejects...)
	o.counts.Rejected += int64(len(b.Rejects))
	for column, n := range b.Coerced {
		if o.coerced == nil {
			o.coerced = map[string]int64{}
		}
		o.coerced[column] += n
	}
	o.duplicates += b.Duplicates
	b.Rejects, b.Coerced, b.Duplicates = nil, nil, 0
}

// mark is the state of the evolving stages, nil when they have none.
func (c chain) mark() []json.RawMessage {
	marks, any := make([]json.RawMessage, len(c.evolvers)), false
	for i, e := range c.evolvers {
		if m := e.Mark(); m != nil {
			marks[i], any = m, true
		}
	}
	if !any {
		return nil
	}
	return marks
}

// reset goes back to a mark.
func (c chain) reset(marks []json.RawMessage) error {
	if len(marks) != len(c.evolvers) { // there is none, or the stages were changed: they begin anew
		marks = make([]json.RawMessage, len(c.evolvers))
	}
	for i, e := range c.evolvers {
		m := marks[i]
		if string(m) == "null" {
			m = nil
		}
		if err := e.Reset(m); err != nil {
			return err
		}
	}
	return nil
}
