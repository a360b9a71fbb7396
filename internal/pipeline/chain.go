package pipeline

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// chains is the stages before a sink, for every source.
type chains struct {
	open func(source string) ([]stage.Stage, error)
	mu   sync.Mutex
	of   map[string]chain
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
	if c.of == nil {
		c.of = map[string]chain{}
	}
	c.of[source] = newChain(stages)
	return c.of[source], nil
}

// mark is the state of all evolving stages as JSON, nil when they have none.
func (c *chains) mark() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	marks := map[string][]json.RawMessage{}
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

// reset makes the chains of these sources anew, in the state of a mark.
func (c *chains) reset(mark []byte, sources []string) error {
	marks := map[string][]json.RawMessage{}
	if mark != nil {
		if err := json.Unmarshal(mark, &marks); err != nil {
			return fault.Errorf(fault.Corrupt, "the state of the stages is damaged: %w", err)
		}
	}
	c.of = nil
	for _, source := range sources {
		chain, err := c.from(source)
		if err != nil {
			return err
		}
		if err := chain.reset(marks[source]); err != nil {
			return err
		}
	}
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
	out.rejects = in.Rejects
	_, raw := rows.PayloadOf(in.Rows)
	if !raw {
		out.counts.Read = in.Len() + int64(len(in.Rejects))
	}
	out.counts.Rejected = int64(len(in.Rejects))
	in.Rejects = nil
	now := []rows.Batch{in}
	for _, s := range c.stages {
		var next []rows.Batch
		for _, b := range now {
			made, rejected := int64(0), int64(0)
			emit := func(e rows.Batch) error {
				made += e.Len()
				rejected += int64(len(e.Rejects))
				out.take(&e)
				if e.Len() > 0 {
					next = append(next, e)
				}
				return nil
			}
			wasRaw := raw
			if done, err := c.one(ctx, s, b, emit, evolve); err != nil || !done {
				return out, false, err
			}
			if wasRaw && decoded(next, made, rejected) {
				raw = false
				out.counts.Read += made + rejected
				continue
			}
			if d := b.Len() - made - rejected; d >= 0 {
				out.counts.Filtered += d
			} else {
				out.counts.Made -= d
			}
		}
		now = next
	}
	if raw {
		out.counts.Read = in.Len()
	}
	out.batches = now
	return out, true, nil
}

// one sends a batch through one stage; false: the stage would have to change its state.
func (c chain) one(ctx context.Context, s stage.Stage, b rows.Batch, emit func(rows.Batch) error, evolve bool) (bool, error) {
	if e, ok := s.(stage.Evolver); ok && !evolve {
		return e.Try(ctx, b, emit)
	}
	return true, s.Apply(ctx, b, emit)
}

// decoded says whether a stage turned payloads into rows.
func decoded(out []rows.Batch, made, rejected int64) bool {
	for _, b := range out {
		if _, raw := rows.PayloadOf(b.Rows); raw {
			return false
		}
	}
	return made+rejected > 0 || len(out) == 0
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
