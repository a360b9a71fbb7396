package pipeline

import (
	"context"
	"iter"
	"sync"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Merge makes one source of several. Names are those of their splits' sources.
func Merge(names []string, sources []connector.Source) connector.Source {
	if len(sources) == 1 {
		return sources[0]
	}
	return merged{names, sources}
}

// merged reads several sources as one.
type merged struct {
	names   []string
	sources []connector.Source
}

// partOf is the source that a split is of, nil if there is none.
func partOf(s connector.Source, split rows.Split) connector.Source {
	m, ok := s.(merged)
	if !ok {
		return s
	}
	for i, name := range m.names {
		if name == split.Source {
			return m.sources[i]
		}
	}
	return nil
}

// transient says why rows of s, or of a part of it, cannot be read again; false if all can.
func transient(s connector.Source) (why string, ok bool) {
	if m, ok := s.(merged); ok {
		for _, part := range m.sources {
			if why, ok := transient(part); ok {
				return why, true
			}
		}
		return "", false
	}
	t, ok := s.(connector.Transient)
	if !ok {
		return "", false
	}
	return t.Transient(), true
}

// bounded says whether the splits of s end by themselves.
func bounded(s connector.Source) bool {
	b, ok := s.(connector.Bounded)
	return ok && b.Bounded()
}

// acknowledge tells a source, or the parts of it, what is committed.
func acknowledge(ctx context.Context, s connector.Source, at map[rows.Split]rows.Position) error {
	if m, ok := s.(merged); ok {
		for i, part := range m.sources {
			its := map[rows.Split]rows.Position{}
			for split, pos := range at {
				if split.Source == m.names[i] {
					its[split] = pos
				}
			}
			if err := acknowledge(ctx, part, its); err != nil {
				return err
			}
		}
		return nil
	}
	if a, ok := s.(connector.Acknowledger); ok && len(at) > 0 {
		return a.Acknowledge(ctx, at)
	}
	return nil
}

// partChange is a change of the splits of one source.
type partChange struct {
	source int
	splits []rows.Split
	err    error
	end    bool
	done   chan struct{}
}

// Splits yields the splits of all sources whenever those of one change.
func (m merged) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		changes := make(chan partChange)
		for i := range m.sources {
			wg.Go(func() { m.watch(ctx, i, changes) })
		}
		now := make([][]rows.Split, len(m.sources))
		for known, ended := map[int]bool{}, 0; ended < len(m.sources); {
			var c partChange
			select {
			case c = <-changes:
			case <-ctx.Done():
				return
			}
			if c.err != nil {
				yield(nil, c.err)
				return
			}
			news := !c.end || !known[c.source]
			known[c.source] = true
			if c.end {
				ended++
			} else {
				now[c.source] = c.splits
			}
			if news && len(known) == len(m.sources) {
				var all []rows.Split
				for _, s := range now {
					all = append(all, s...)
				}
				if !yield(all, nil) {
					return
				}
			}
			close(c.done)
		}
	}
}

// watch sends the changes of one source, and waits for each to be taken up.
func (m merged) watch(ctx context.Context, i int, changes chan<- partChange) {
	send := func(c partChange) bool {
		c.source, c.done = i, make(chan struct{})
		select {
		case changes <- c:
		case <-ctx.Done():
			return false
		}
		select {
		case <-c.done:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for splits, err := range m.sources[i].Splits(ctx) {
		if !send(partChange{splits: splits, err: err}) || err != nil {
			return
		}
	}
	send(partChange{end: true})
}

// Read reads a split of the source that it names.
func (m merged) Read(ctx context.Context, s rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	if part := partOf(m, s); part != nil {
		return part.Read(ctx, s, pos)
	}
	return func(yield func(rows.Batch, error) bool) {
		yield(rows.Batch{}, fault.Errorf(fault.Internal, "split %s: there is no such source", s))
	}
}
