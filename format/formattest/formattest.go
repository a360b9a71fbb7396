// Package formattest is the suite that every format passes.
package formattest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// Run runs the suite on a format that can be written and read. A text format decodes what it reads under the schema
// that was written; values that its text cannot tell apart come back as the same text, maybe in a companion column.
func Run(t *testing.T, spec format.Spec) {
	if spec.Encoder == nil || spec.Open == nil || spec.Text && spec.Decoder == nil {
		t.Fatalf("format %s cannot be written and read", spec.Name)
	}
	s := suite{spec}
	for _, c := range s.compressions() {
		name := c
		if name == "" {
			name = "default"
		}
		t.Run("compression "+name, func(t *testing.T) {
			t.Run("rows come back", func(t *testing.T) { s.roundTrip(t, c) })
			t.Run("no rows", func(t *testing.T) { s.noRows(t, c) })
			t.Run("positions", func(t *testing.T) { s.positions(t, c) })
			t.Run("any reader", func(t *testing.T) { s.anyReader(t, c) })
			t.Run("failing reader", func(t *testing.T) { s.failingReader(t, c) })
			t.Run("truncated", func(t *testing.T) { s.truncated(t, c) })
			t.Run("flipped bytes", func(t *testing.T) { s.flipped(t, c) })
		})
	}
	t.Run("suffix", s.suffix)
	t.Run("columns", s.columns)
	t.Run("cancelled", s.cancelled)
	t.Run("wrong options", s.wrongOptions)
	if spec.Decoder != nil {
		t.Run("garbage", s.garbage)
	}
}

type suite struct{ spec format.Spec }

func (s suite) compressions() []string {
	if s.spec.Text {
		return []string{"", format.Gzip, format.Zstd}
	}
	return []string{"", "zstd", "snappy", "none"}
}

// file is an encoded file and the rows that are in it.
type file struct {
	name  string
	bytes []byte
	ends  []int // where its beginning and its runs end
	want  []arrow.RecordBatch
}

// encode writes runs, all at the same time, and puts them together in order.
func (s suite) encode(t *testing.T, compression string, schema *arrow.Schema, runs ...[]arrow.RecordBatch) file {
	t.Helper()
	e, err := s.spec.Encoder(format.EncodeOptions{Compression: compression})
	if err != nil {
		t.Fatal(err)
	}
	done, errs := make([]format.Run, len(runs)), make([]error, len(runs))
	var wait sync.WaitGroup
	for i, recs := range runs {
		wait.Go(func() { done[i], errs[i] = e.Encode(t.Context(), schema, recs) })
	}
	wait.Wait()
	f := file{name: "file" + e.Suffix()}
	begin, err := e.Begin(schema)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	f.bytes, f.ends = slices.Clone(begin), []int{0, len(begin)}
	for i, run := range done {
		var n int64
		for _, rec := range runs[i] {
			n += rec.NumRows()
		}
		if run.Rows != n || run.Size != int64(len(run.Bytes)) {
			t.Errorf("run %d says %d rows in %d bytes; there are %d in %d", i, run.Rows, run.Size, n, len(run.Bytes))
		}
		f.bytes = append(f.bytes, run.Bytes...)
		f.ends = append(f.ends, len(f.bytes))
		done[i].Bytes = nil // End does without
		f.want = append(f.want, runs[i]...)
	}
	end, err := e.End(schema, done)
	if err != nil {
		t.Fatal(err)
	}
	f.bytes = append(f.bytes, end...)
	return f
}

// sample is a file of a few hundred rows in three runs, whose records differ in shape.
func (s suite) sample(t *testing.T, compression string, n int) file {
	t.Helper()
	sch := schema()
	a, b, c := table(sch, 0, n), table(sch, n, n/3), table(sch, n+n/3, n/2)
	f := s.encode(t, compression, sch, []arrow.RecordBatch{a}, []arrow.RecordBatch{disguised(b), b.NewSlice(1, int64(n/5))}, []arrow.RecordBatch{c.NewSlice(3, int64(n/2))})
	f.want = []arrow.RecordBatch{a, b, b.NewSlice(1, int64(n/5)), c.NewSlice(3, int64(n/2))}
	return f
}

// opened counts the readers of an input that were not closed.
type opened struct{ n atomic.Int64 }

func (o *opened) check(t *testing.T) {
	t.Helper()
	if n := o.n.Load(); n != 0 {
		t.Errorf("%d readers of the input were not closed", n)
	}
}

type counted struct {
	io.Reader
	once sync.Once
	open *opened
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.n.Add(-1) })
	return nil
}

// input is f as a file; wrap, unless nil, comes between its bytes and who reads them.
func (o *opened) input(f file, wrap func(io.Reader) io.Reader) format.Input {
	return format.Input{Name: f.name, Size: int64(len(f.bytes)), Open: func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		if off < 0 || off > int64(len(f.bytes)) {
			return nil, fault.Errorf(fault.Internal, "open at %d of %d", off, len(f.bytes))
		}
		rest := f.bytes[off:]
		if n >= 0 {
			rest = rest[:min(n, int64(len(rest)))]
		}
		var r io.Reader = bytes.NewReader(rest)
		if wrap != nil {
			r = wrap(r)
		}
		o.n.Add(1)
		return &counted{Reader: r, open: o}, nil
	}}
}

// batch is rows as columns, and where they end.
type batch struct {
	rows    arrow.RecordBatch
	rejects []rows.Reject
	at      rows.Position
}

// read yields the rows after pos as columns, decoded under schema where they are payloads.
func (s suite) read(ctx context.Context, in format.Input, schema *arrow.Schema, pos rows.Position) iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		r, err := s.spec.Open(ctx, in, format.ReadOptions{Block: 4096})
		if err != nil {
			yield(batch{}, err)
			return
		}
		for b, err := range r.Read(ctx, pos) {
			if err != nil {
				yield(batch{}, err)
				return
			}
			out := batch{b.Rows, b.Rejects, b.Position}
			if p, ok := rows.PayloadOf(b.Rows); ok {
				d, err := s.decode(p, schema)
				if err != nil {
					yield(batch{}, err)
					return
				}
				out.rows, out.rejects = d.Rows, append(out.rejects, d.Rejects...)
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// decode decodes p under schema, extended where values do not fit it.
func (s suite) decode(p rows.Payload, schema *arrow.Schema) (format.Decoded, error) {
	dec, err := s.spec.Decoder(format.DecodeOptions{})
	if err != nil {
		return format.Decoded{}, err
	}
	d, err := dec.Decode(p, schema)
	if err == nil && d.Drift {
		if schema, err = dec.Infer(p, schema); err == nil {
			d, err = dec.Decode(p, schema)
		}
		if err == nil && d.Drift {
			err = fault.Errorf(fault.Internal, "drift under the schema that was inferred: %s", schema)
		}
	}
	return d, err
}

// readAll checks that the rows after pos are want, with no reject, and returns the positions on the way.
func (s suite) readAll(t *testing.T, in format.Input, schema *arrow.Schema, pos rows.Position, want []arrow.RecordBatch) (at []rows.Position, ends []int64) {
	t.Helper()
	w := walker{recs: want}
	for b, err := range s.read(t.Context(), in, schema, pos) {
		if err != nil {
			t.Fatalf("after %d rows: %v", w.n, err)
		}
		for _, r := range b.rejects {
			t.Fatalf("after %d rows: reject: %s: %s: %q", w.n, r.Kind, r.Message, r.Raw)
		}
		if err := w.check(b.rows); err != nil {
			t.Fatal(err)
		}
		if b.at == "" {
			t.Fatalf("after %d rows: no position", w.n)
		}
		at, ends = append(at, b.at), append(ends, w.n)
	}
	if rest := w.rest(); rest > 0 {
		t.Fatalf("%d rows came, %d are missing", w.n, rest)
	}
	return at, ends
}

// walker goes along the rows that are expected.
type walker struct {
	recs []arrow.RecordBatch
	i    int64 // row of recs[0]
	n    int64 // rows that came
}

func (w *walker) rest() (n int64) {
	for _, rec := range w.recs {
		n += rec.NumRows()
	}
	return n - w.i
}

// check compares the rows of got with the next ones.
func (w *walker) check(got arrow.RecordBatch) error {
	if got == nil {
		return nil
	}
	for i := range int(got.NumRows()) {
		for len(w.recs) > 0 && w.i == w.recs[0].NumRows() {
			w.recs, w.i = w.recs[1:], 0
		}
		if len(w.recs) == 0 {
			return fmt.Errorf("row %d came and is none of them", w.n)
		}
		for j, f := range w.recs[0].Schema().Fields() {
			want := w.recs[0].Column(j)
			if err := same(want, int(w.i), got, f.Name, i); err != nil {
				return fmt.Errorf("row %d: column %q: %w", w.n, f.Name, err)
			}
		}
		w.i, w.n = w.i+1, w.n+1
	}
	return nil
}

// same compares a value with that of the column of its name in row i of got, or of its companions.
func same(want arrow.Array, at int, got arrow.RecordBatch, name string, i int) error {
	text := plain(want, at)
	for j, f := range got.Schema().Fields() {
		if col := got.Column(j); f.Name == name || rows.CompanionOf(f) == name {
			if col.IsNull(i) || col.DataType().ID() == arrow.NULL {
				continue
			}
			if have := plain(col, i); want.IsNull(at) || !bytes.Equal(have, text) {
				return fmt.Errorf("%.200q came, want %.200q (null: %v)", have, text, want.IsNull(at))
			}
			return nil
		}
	}
	if !want.IsNull(at) {
		return fmt.Errorf("null came, want %.200q", text)
	}
	return nil
}

// plain is a value as text: as it stands in JSON, without the quotes and escapes of strings.
func plain(col arrow.Array, i int) []byte {
	switch c := col.(type) {
	case *array.String:
		if !c.IsNull(i) {
			return []byte(c.Value(i))
		}
	case *array.Dictionary:
		if !c.IsNull(i) {
			return plain(c.Dictionary(), c.GetValueIndex(i))
		}
	}
	return bytes.Trim(rows.AppendJSONValue(nil, col, i), `"`)
}

// drop returns the rows of recs after the first n.
func drop(recs []arrow.RecordBatch, n int64) []arrow.RecordBatch {
	for len(recs) > 0 && n >= recs[0].NumRows() {
		n, recs = n-recs[0].NumRows(), recs[1:]
	}
	if n > 0 {
		recs = append([]arrow.RecordBatch{recs[0].NewSlice(n, recs[0].NumRows())}, recs[1:]...)
	}
	return recs
}

func (s suite) roundTrip(t *testing.T, compression string) {
	var o opened
	f := s.sample(t, compression, 600)
	s.readAll(t, o.input(f, nil), schema(), "", f.want)
	if s.spec.Text { // a stream is read as it comes
		in := o.input(f, iotest.HalfReader)
		in.Size = -1
		s.readAll(t, in, schema(), "", f.want)
	}
	o.check(t)
}

func (s suite) noRows(t *testing.T, compression string) {
	var o opened
	sch := schema()
	empty := table(sch, 0, 0)
	for name, runs := range map[string][][]arrow.RecordBatch{
		"no runs": {}, "an empty run": {{empty}}, "a run of nothing": {{}}, "empty and not": {{empty}, {table(sch, 1, 3)}, {}},
	} {
		t.Run(name, func(t *testing.T) {
			f := s.encode(t, compression, sch, runs...)
			s.readAll(t, o.input(f, nil), sch, "", f.want)
		})
	}
	o.check(t)
}

func (s suite) positions(t *testing.T, compression string) {
	var o opened
	f := s.sample(t, compression, 300)
	at, ends := s.readAll(t, o.input(f, nil), schema(), "", f.want)
	if len(at) < 2 {
		t.Errorf("%d batches: one position is no test", len(at))
	}
	step := len(at)/10 + 1
	if soak() {
		step = 1
	}
	for i := len(at) - 1; i >= 0; i -= step {
		pos := at[i]
		s.readAll(t, o.input(f, nil), schema(), pos, drop(f.want, ends[i]))
	}
	o.check(t)
}

func (s suite) anyReader(t *testing.T, compression string) {
	var o opened
	f := s.sample(t, compression, 30)
	for name, wrap := range map[string]func(io.Reader) io.Reader{"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader} {
		t.Run(name, func(t *testing.T) { s.readAll(t, o.input(f, wrap), schema(), "", f.want) })
	}
	for range s.read(t.Context(), o.input(f, nil), schema(), "") {
		break
	}
	o.check(t)
}

func (s suite) suffix(t *testing.T) {
	for _, c := range s.compressions() {
		e, err := s.spec.Encoder(format.EncodeOptions{Compression: c})
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if s.spec.Text {
			want = c
		}
		got, compression, ok := format.Registry{s.spec}.ByName("dir/FILE" + strings.ToUpper(e.Suffix()))
		if !ok || got.Name != s.spec.Name || compression != want {
			t.Errorf("a file with suffix %s is %q compressed by %q, found %v", e.Suffix(), got.Name, compression, ok)
		}
	}
}

func (s suite) columns(t *testing.T) {
	var o opened
	f := s.sample(t, "", 50)
	names := []string{"text", "id", "struct"}
	r, err := s.spec.Open(t.Context(), o.input(f, nil), format.ReadOptions{Columns: names})
	if err != nil {
		t.Fatal(err)
	}
	if r.Schema() == nil {
		for b, err := range r.Read(t.Context(), "") {
			if _, ok := rows.PayloadOf(b.Rows); err == nil && !ok {
				t.Error("a reader without schema yields columns")
			}
		}
		return
	}
	if r.Schema().NumFields() != len(names) {
		t.Errorf("of %v came %v", names, r.Schema())
	}
	for b, err := range r.Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Rows.Schema().Fields() {
			if !slices.Contains(names, f.Name) {
				t.Errorf("column %s was not asked for", f.Name)
			}
		}
		if b.Rows.NumCols() != int64(len(names)) {
			t.Errorf("%d columns came, want %d", b.Rows.NumCols(), len(names))
		}
	}
	o.check(t)
}

func (s suite) cancelled(t *testing.T) {
	var o opened
	f := s.sample(t, "", 300)
	ctx, cancel := context.WithCancel(t.Context())
	var last error
	for _, err := range s.read(ctx, o.input(f, nil), schema(), "") {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("after cancel the error is %v", last)
	}
	cancel()
	o.check(t)
}

func (s suite) wrongOptions(t *testing.T) {
	if _, err := s.spec.Encoder(format.EncodeOptions{Compression: "shrink"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("unknown compression: %v", err)
	}
	var o opened
	f := s.sample(t, "", 10)
	for _, pos := range []rows.Position{"nonsense", "-5"} {
		var last error
		for _, err := range s.read(t.Context(), o.input(f, nil), schema(), pos) {
			last = err
		}
		if !fault.Is(last, fault.Invalid) || !strings.Contains(fmt.Sprint(last), f.name) {
			t.Errorf("position %q: %v", pos, last)
		}
	}
	o.check(t)
}
