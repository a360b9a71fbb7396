package pipeline

import (
	"context"
	"iter"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

// readers gives each of n sinks a source of its own. A source that can be read again serves them all: their positions
// differ, so they read apart. A transient one is read once, and each batch goes to every sink.
func readers(s connector.Source, n int) []connector.Source {
	all := make([]connector.Source, n)
	t, transient := s.(connector.Transient)
	if !transient || n == 1 {
		for i := range all {
			all[i] = s
		}
		return all
	}
	shared := &tee{source: s, why: t.Transient()}
	for i := range all {
		o := &outlet{tee: shared, batches: make(chan teed), gone: make(chan struct{})}
		shared.outlets = append(shared.outlets, o)
		all[i] = o
	}
	return all
}

// tee reads a transient source once for several sinks; the slowest sets the pace.
type tee struct {
	source  connector.Source
	why     string
	outlets []*outlet
}

type teed struct {
	batch rows.Batch
	err   error
}

// outlet is one sink's side of a tee.
type outlet struct {
	tee     *tee
	batches chan teed
	gone    chan struct{}
}

// Splits yields the splits of the source; a transient source has them once and for all.
func (o *outlet) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return o.tee.source.Splits(ctx)
}

// Transient says why the source cannot be read again.
func (o *outlet) Transient() string { return o.tee.why }

// Read yields this outlet's copy of the batches. The first outlet does the reading for all.
func (o *outlet) Read(ctx context.Context, s rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	if o != o.tee.outlets[0] {
		return o.receive(ctx)
	}
	return func(yield func(rows.Batch, error) bool) {
		others := o.tee.outlets[1:]
		defer func() {
			for _, other := range others {
				close(other.batches)
			}
		}()
		alive := true
		for b, err := range o.tee.source.Read(ctx, s, pos) {
			for _, other := range others {
				select {
				case other.batches <- teed{b, err}:
				case <-other.gone:
				case <-ctx.Done():
				}
			}
			if alive = alive && yield(b, err); !alive {
				return
			}
		}
	}
}

func (o *outlet) receive(ctx context.Context) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		defer close(o.gone)
		for {
			select {
			case t, ok := <-o.batches:
				if !ok || !yield(t.batch, t.err) || t.err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}
