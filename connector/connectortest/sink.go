package connectortest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

var tested = rows.Split{Source: "from", ID: "0"}

// sample is a batch of three rows that hold word.
func sample(word, pos string) rows.Batch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range 3 {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(word)
	}
	return rows.Batch{Rows: b.NewRecordBatch(), Split: tested, Position: rows.Position(pos)}
}

func epoch(pos string, n int64) connector.Epoch {
	e := connector.Epoch{Run: "run", Rows: rows.Counts{Read: n}}
	if pos != "" {
		e.Positions = map[rows.Split]rows.Position{tested: rows.Position(pos)}
	}
	return e
}

// bench is one world with its sink.
type bench struct {
	testing.TB
	spec *connector.SinkSpec
	c    Case
	env  connector.Env
	sink connector.Sink
}

// open opens a sink in the same world, as a new process does.
func (b *bench) open() (at rows.Position) {
	b.Helper()
	var err error
	if b.sink, err = b.spec.Open(b.Context(), b.env, b.c.Sink); err != nil {
		b.Fatal(err)
	}
	if r, ok := b.sink.(connector.Resumer); ok {
		from, err := r.Resume(b.Context(), []rows.Split{tested})
		if err != nil {
			b.Fatal(err)
		}
		if _, why := r.Guarantee(); why == "" {
			b.Error("the guarantee has no reason")
		}
		at = from.Positions[tested]
	}
	return at
}

func (b *bench) write(word, pos string) {
	b.Helper()
	if err := b.sink.Write(b.Context(), sample(word, pos)); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) seal(pos string, n int64) connector.Pending {
	b.Helper()
	p, err := b.sink.Seal(b.Context(), epoch(pos, n))
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b *bench) commit(p connector.Pending) *connector.Record {
	b.Helper()
	r, err := p.Commit(b.Context())
	if err == nil {
		err = p.Confirm(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (b *bench) close() {
	b.Helper()
	if err := b.sink.Close(); err != nil {
		b.Fatal(err)
	}
}

// sees fails unless exactly three rows of each of words are visible.
func (b *bench) sees(when string, words ...string) {
	b.Helper()
	if b.c.Visible == nil {
		return
	}
	got := b.c.Visible(b, b.env)
	for _, w := range []string{"first", "second", "third"} {
		want := 0
		if strings.Contains(" "+strings.Join(words, " ")+" ", " "+w+" ") {
			want = 3
		}
		if n := strings.Count(got, w); n != want {
			b.Errorf("%s: %d rows with %q are visible, want %d", when, n, w, want)
		}
	}
}

func runSink(t *testing.T, spec *connector.SinkSpec, c Case) {
	world := func(t *testing.T) (*bench, rows.Position) {
		b := &bench{TB: t, spec: spec, c: c, env: c.env(t)}
		return b, b.open()
	}
	t.Run("shows rows when they are committed and not before", func(t *testing.T) {
		b, _ := world(t)
		b.write("first", "1")
		b.sees("after writing")
		one := b.seal("1", 3)
		b.write("second", "2")
		two := b.seal("2", 3)
		b.sees("after sealing")
		b.commit(one)
		b.sees("after a commit", "first")
		b.commit(two)
		b.sees("after both", "first", "second")
		b.close()
		b.sees("after closing", "first", "second")
	})
	t.Run("drops what was not committed", func(t *testing.T) {
		b, _ := world(t)
		b.write("first", "1")
		b.commit(b.seal("1", 3))
		b.write("second", "2")
		b.seal("2", 3)
		b.write("third", "3")
		b.close()
		b.sees("after closing", "first")
		at := b.open()
		if _, ok := b.sink.(connector.Resumer); ok && at != "1" {
			t.Errorf("it resumes at %q, want 1", at)
		}
		b.close()
		b.sees("after opening again", "first")
	})
	t.Run("commits an epoch without rows", func(t *testing.T) {
		b, at := world(t)
		if at != "" {
			t.Errorf("a new place begins at %q", at)
		}
		if r := b.commit(b.seal("", 0)); r != nil && len(r.Files) > 0 {
			t.Errorf("nothing made files: %v", r.Files)
		}
		b.commit(b.seal("5", 0)) // rows were read, and none arrived
		b.write("first", "6")
		b.commit(b.seal("6", 3))
		b.close()
		b.sees("after closing", "first")
	})
	t.Run("takes many epochs", func(t *testing.T) {
		b, _ := world(t)
		for i := range 5 {
			b.write(fmt.Sprint("word", i), fmt.Sprint(i))
			b.commit(b.seal(fmt.Sprint(i), 3))
		}
		b.close()
		if c.Visible == nil {
			return
		}
		got := c.Visible(t, b.env)
		for i := range 5 {
			if n := strings.Count(got, fmt.Sprint("word", i)); n != 3 {
				t.Errorf("%d rows of epoch %d, want 3", n, i)
			}
		}
	})
}
