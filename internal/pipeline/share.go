package pipeline

import (
	"context"
	"iter"
	"sync"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

// readers gives each of n sinks a source of its own. A source that can be read again serves them all: their positions
// differ, so they read apart. A transient one is read once, and each batch goes to every sink.
func readers(s connector.Source, n int) []connector.Source {
	all := make([]connector.Source, n)
	if m, ok := s.(merged); ok {
		apart := make([][]connector.Source, n)
		for _, part := range m.sources {
			for i, r := range readers(part, n) {
				apart[i] = append(apart[i], r)
			}
		}
		for i := range all {
			all[i] = merged{m.names, apart[i]}
		}
		return all
	}
	t, transient := s.(connector.Transient)
	if !transient || n == 1 {
		for i := range all {
			all[i] = s
		}
		return all
	}
	shared := &tee{source: s, why: t.Transient(), n: n, streams: map[rows.Split]*stream{}}
	for i := range all {
		all[i] = &outlet{shared, i}
	}
	return all
}

// tee reads a transient source once for several sinks; the slowest sets the pace.
type tee struct {
	source connector.Source
	why    string
	n      int

	mu      sync.Mutex
	streams map[rows.Split]*stream
}

// stream is a split on its way to all outlets but the first, which reads it for them. It has an element for each of them.
type stream struct {
	batches []chan rows.Batch
	gone    []chan struct{} // closed when the outlet takes no more
	left    []sync.Once
	ended   sync.Once
}

func (t *tee) stream(split rows.Split) *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[split]
	if s == nil {
		s = &stream{left: make([]sync.Once, t.n-1)}
		for range t.n - 1 {
			s.batches, s.gone = append(s.batches, make(chan rows.Batch)), append(s.gone, make(chan struct{}))
		}
		t.streams[split] = s
	}
	return s
}

// end says that the split has ended for good.
func (s *stream) end() {
	s.ended.Do(func() {
		for _, b := range s.batches {
			close(b)
		}
	})
}

// outlet is one sink's side of a tee.
type outlet struct {
	*tee
	i int
}

// Splits yields the splits of the source; a transient source has them once and for all.
func (o *outlet) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return o.source.Splits(ctx)
}

// Transient says why the source cannot be read again.
func (o *outlet) Transient() string { return o.why }

// Read yields this outlet's copy of the batches. The first outlet does the reading for all, and the reading again when the
// source was unavailable. When it stops early the others wait to be stopped too, for the split has not ended.
func (o *outlet) Read(ctx context.Context, split rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	s := o.stream(split)
	if o.i > 0 {
		return s.receive(ctx, o.i-1)
	}
	return func(yield func(rows.Batch, error) bool) {
		for b, err := range o.source.Read(ctx, split, pos) {
			if err == nil {
				s.send(ctx, b)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
		if ctx.Err() == nil {
			s.end()
		}
	}
}

func (s *stream) send(ctx context.Context, b rows.Batch) {
	for i, to := range s.batches {
		select {
		case to <- b:
		case <-s.gone[i]:
		case <-ctx.Done():
		}
	}
}

func (s *stream) receive(ctx context.Context, i int) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		leave := func() { s.left[i].Do(func() { close(s.gone[i]) }) }
		defer leave()
		for {
			select {
			case b, ok := <-s.batches[i]:
				if !ok || !yield(b, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}
