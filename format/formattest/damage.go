package formattest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

const (
	// patience is how long reading a small damaged file may take.
	patience = 10 * time.Second
	// appetite is what it may allocate: a damaged length must not be believed.
	appetite = 256 << 20
)

// soak says whether there is time for everything.
func soak() bool { return os.Getenv("GROS_SOAK") == "1" }

var errLine = fault.New(fault.Unavailable, "the line was cut")

// failingReader: an error of the input is not damage, and keeps its kind.
func (s suite) failingReader(t *testing.T, compression string) {
	var o opened
	f := s.sample(t, compression, 100)
	for n := 0; n < len(f.bytes); n += len(f.bytes)/9 + 1 {
		in := o.input(f, func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, int64(n)), iotest.ErrReader(errLine))
		})
		var last error
		for _, err := range s.read(t.Context(), in, schema(), "") {
			last = err
		}
		// A reader that needs no more than n bytes at a time does not see the error.
		if last == nil && s.spec.Text {
			t.Errorf("reading fails after %d bytes, and no error came", n)
		}
		if last != nil && (!fault.Is(last, fault.Unavailable) || !strings.Contains(last.Error(), f.name)) {
			t.Errorf("reading fails after %d bytes: %v", n, last)
		}
	}
	in := o.input(f, nil)
	in.Open = func(context.Context, int64, int64) (io.ReadCloser, error) { return nil, errLine }
	var last error
	for _, err := range s.read(t.Context(), in, schema(), "") {
		last = err
	}
	if !fault.Is(last, fault.Unavailable) || !strings.Contains(last.Error(), f.name) {
		t.Errorf("opening fails: %v", last)
	}
	o.check(t)
}

// survive reads a damaged file: it ends in time and in bounded memory, and an error is of the damage and names the file.
// It reports whether there was one.
func (s suite) survive(t *testing.T, what string, f file) (failed bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
			failed = true
		}
	}()
	var o opened
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, err := range s.read(ctx, o.input(f, nil), schema(), "") {
		if err == nil {
			continue
		}
		failed = true
		if !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: kind is %v: %v", what, fault.KindOf(err), err)
		} else if !strings.Contains(err.Error(), f.name) {
			t.Errorf("%s: the error does not name the file: %v", what, err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > appetite {
		t.Errorf("%s: %d MiB were allocated", what, n>>20)
	}
	if ctx.Err() != nil {
		t.Errorf("%s: reading did not end in %v", what, patience)
	}
	o.check(t)
	return failed
}

func (s suite) truncated(t *testing.T, compression string) {
	f := s.sample(t, compression, 40)
	step := 97
	if soak() {
		step = len(f.bytes)/2000 + 1
	}
	compressed := compression != "" || !s.spec.Text
	for n := 0; n < len(f.bytes); n += step {
		cut := file{name: f.name, bytes: f.bytes[:n]}
		// A text that is cut is a shorter text, as is one that is cut between the runs that were compressed apart.
		if failed := s.survive(t, "cut to "+itoa(n), cut); compressed && !failed && !(s.spec.Text && slices.Contains(f.ends, n)) {
			t.Errorf("cut to %d of %d bytes: no error", n, len(f.bytes))
		}
	}
}

func (s suite) flipped(t *testing.T, compression string) {
	f := s.sample(t, compression, 40)
	step := len(f.bytes)/150 + 1
	if soak() {
		step = len(f.bytes)/2000 + 1
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < len(f.bytes); n += step {
		bad := bytes.Clone(f.bytes)
		bad[n] ^= byte(1 + rng.IntN(255))
		s.survive(t, "byte "+itoa(n)+" changed", file{name: f.name, bytes: bad})
	}
	// The ends of files hold what all else hangs on.
	for n := max(0, len(f.bytes)-64); n < len(f.bytes); n++ {
		for _, b := range []byte{0x00, 0xff, 0x80, 0x7f} {
			bad := bytes.Clone(f.bytes)
			bad[n] = b
			s.survive(t, "byte "+itoa(n)+" is "+itoa(int(b)), file{name: f.name, bytes: bad})
		}
	}
}

func itoa(n int) string { return string(format.At(int64(n))) }

// garbage: whatever the bytes are, they are rows or rejects, and what was inferred from them decodes them.
func (s suite) garbage(t *testing.T) {
	f := s.sample(t, "", 60)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		at := rng.IntN(len(f.bytes))
		bad := bytes.Clone(f.bytes[at:min(len(f.bytes), at+rng.IntN(4000))])
		for range rng.IntN(10) {
			if len(bad) > 0 {
				bad[rng.IntN(len(bad))] = byte(rng.Uint32())
			}
		}
		p := rows.Payload{Format: s.spec.Name, Blocks: rng.IntN(2) == 0, Values: binary(bad)}
		dec, err := s.spec.Decoder(format.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var known *arrow.Schema
		if rng.IntN(2) == 0 {
			known = schema()
		}
		inferred, err := dec.Infer(p, known)
		if err != nil {
			t.Fatalf("%q: %v", bad, err)
		}
		d, err := dec.Decode(p, inferred)
		if err != nil || d.Drift {
			t.Fatalf("%q: drift %v, %v, under %s", bad, d.Drift, err, inferred)
		}
		if n := d.Rows.NumCols(); n != int64(inferred.NumFields()) {
			t.Fatalf("%q: %d columns, want %d", bad, n, inferred.NumFields())
		}
		for i, f := range d.Rows.Schema().Fields() {
			if want := inferred.Field(i).Name; f.Name != want {
				t.Fatalf("%q: column %d is %q, want %q", bad, i, f.Name, want)
			}
		}
		for _, r := range d.Rejects {
			if r.Kind == "" || r.Message == "" {
				t.Fatalf("%q: reject without reason: %+v", bad, r)
			}
		}
	}
}

func binary(values ...[]byte) *array.Binary {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	b.AppendValues(values, nil)
	return b.NewBinaryArray()
}
