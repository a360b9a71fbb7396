package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

func memory(name string, data []byte) Input {
	return Input{Name: name, Size: int64(len(data)), Open: func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		rest := data[min(off, int64(len(data))):]
		if n >= 0 {
			rest = rest[:min(n, int64(len(rest)))]
		}
		return io.NopCloser(bytes.NewReader(rest)), nil
	}}
}

func stream(r io.Reader) Input {
	return Input{Name: "-", Size: -1, Open: func(context.Context, int64, int64) (io.ReadCloser, error) {
		if c, ok := r.(io.ReadCloser); ok {
			return c, nil
		}
		return io.NopCloser(r), nil
	}}
}

func cutAll(t *testing.T, in Input, off int64, block int, maxRow int64) ([]Block, error) {
	t.Helper()
	text, err := OpenText(t.Context(), in)
	if err != nil {
		return nil, err
	}
	if err := text.SkipTo(t.Context(), off); err != nil {
		return nil, errors.Join(err, text.Close())
	}
	c := NewCutter(text, Lines{}, block, maxRow)
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	var out []Block
	for {
		b, err := c.Next(t.Context())
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, b)
	}
}

func randomLines(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d %s\n", i, strings.Repeat("x", rng.IntN(60)))
		if i%97 == 0 {
			b.WriteString(strings.Repeat("y", 900))
			b.WriteByte('\n')
		}
	}
	b.WriteString("no newline")
	return b.Bytes()
}

func compressed(t *testing.T, codec string, runs ...[]byte) []byte {
	t.Helper()
	c, err := NewCompressor(codec, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, run := range runs {
		b, err := c.Compress(run)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func TestBlocksAreTheTextCutAtLineEnds(t *testing.T) {
	data := randomLines(2000)
	half := bytes.IndexByte(data[len(data)/2:], '\n') + len(data)/2 + 1
	for name, in := range map[string]Input{
		"plain":        memory("a.txt", data),
		"gzip":         memory("a.gz", compressed(t, Gzip, data[:half], data[half:])),
		"zstd":         memory("a.zst", compressed(t, Zstd, data[:half], data[half:])),
		"gzip unnamed": memory("a", compressed(t, Gzip, data)),
		"stream":       stream(bytes.NewReader(data)),
		"zstd stream":  stream(bytes.NewReader(compressed(t, Zstd, data[:half], data[half:]))),
		"one byte":     stream(iotest.OneByteReader(bytes.NewReader(data))),
		"data and EOF": stream(iotest.DataErrReader(bytes.NewReader(data))),
	} {
		t.Run(name, func(t *testing.T) {
			for _, block := range []int{100, 1000, 4096, 1 << 20} {
				blocks, err := cutAll(t, in, 0, block, 0)
				if err != nil {
					t.Fatal(err)
				}
				var all []byte
				for i, b := range blocks {
					all = append(all, b.Bytes...)
					if b.End != int64(len(all)) {
						t.Fatalf("block %d ends at %d, want %d", i, b.End, len(all))
					}
					if i < len(blocks)-1 && b.Bytes[len(b.Bytes)-1] != '\n' {
						t.Fatalf("block %d is cut inside a line", i)
					}
				}
				if !bytes.Equal(all, data) {
					t.Fatalf("block size %d: %d bytes came back, want %d", block, len(all), len(data))
				}
				if in.Size < 0 { // it was read to its end
					return
				}
				for _, b := range blocks {
					rest, err := cutAll(t, in, b.End, block, 0)
					if err != nil {
						t.Fatal(err)
					}
					got := []byte{}
					for _, r := range rest {
						got = append(got, r.Bytes...)
					}
					if !bytes.Equal(got, data[b.End:]) {
						t.Fatalf("from %d on: %d bytes, want %d", b.End, len(got), int64(len(data))-b.End)
					}
				}
			}
		})
	}
}

func TestBlocksAreTheReadersOwn(t *testing.T) {
	data := randomLines(500)
	blocks, err := cutAll(t, stream(iotest.HalfReader(bytes.NewReader(data))), 0, 512, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for i, b := range blocks {
		if !bytes.Equal(b.Bytes, data[at:at+len(b.Bytes)]) {
			t.Fatalf("block %d was changed after it was handed on", i)
		}
		at += len(b.Bytes)
	}
}

func TestRowThatIsTooLongIsSkippedInBoundedMemory(t *testing.T) {
	long := strings.Repeat("z", 1<<20)
	for _, c := range []struct {
		name, text string
		rows       string
		rejects    int
	}{
		{"in the middle", "a\n" + long + "\nb\n", "a\nb\n", 1},
		{"first", long + "\nb\n", "b\n", 1},
		{"last without end", "a\n" + long, "a\n", 1},
		{"two", "a\n" + long + "\n" + long + "\nb\n", "a\nb\n", 2},
		{"exactly as long as allowed", "a\n" + long[:100_000] + "\nb\n", "a\n" + long[:100_000] + "\nb\n", 0},
		{"one byte more", "a\n" + long[:100_001] + "\nb\n", "a\nb\n", 1},
	} {
		for _, block := range []int{50_000, 1 << 20} {
			t.Run(fmt.Sprintf("%s, block %d", c.name, block), func(t *testing.T) {
				blocks, err := cutAll(t, memory("x.txt", []byte(c.text)), 0, block, 100_000)
				if err != nil {
					t.Fatal(err)
				}
				var got []byte
				rejects := 0
				for _, b := range blocks {
					got = append(got, b.Bytes...)
					for _, r := range b.Rejects {
						rejects++
						if r.Kind != "size" || len(r.Raw) != 64<<10 || r.Raw[0] != 'z' {
							t.Errorf("reject is %s of %d bytes", r.Kind, len(r.Raw))
						}
					}
					rest, err := cutAll(t, memory("x.txt", []byte(c.text)), b.End, block, 100_000)
					if err != nil {
						t.Fatal(err)
					}
					after := len(got)
					for _, r := range rest {
						after += len(r.Bytes)
					}
					if after != len(c.rows) {
						t.Errorf("from %d on: %d bytes of rows in all, want %d", b.End, after, len(c.rows))
					}
				}
				if string(got) != c.rows || rejects != c.rejects {
					t.Errorf("rows are %d bytes, want %d; %d rejects, want %d", len(got), len(c.rows), rejects, c.rejects)
				}
			})
		}
	}
}

func TestSlowStreamIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		text, done := (*Text)(nil), make(chan error)
		go func() {
			for i := range 3 {
				fmt.Fprintf(w, "row %d\nhalf of", i)
				time.Sleep(time.Second)
			}
			done <- w.Close()
		}()
		text, err := OpenText(t.Context(), stream(r))
		if err != nil {
			t.Fatal(err)
		}
		c := NewCutter(text, Lines{}, 0, 0)
		begin := time.Now()
		for i, want := range []string{"row 0\n", "half ofrow 1\n", "half ofrow 2\n"} {
			b, err := c.Next(t.Context())
			if err != nil || string(b.Bytes) != want {
				t.Fatalf("block %d is %q, %v", i, b.Bytes, err)
			}
			if late := time.Since(begin) - time.Duration(i)*time.Second; late > 100*time.Millisecond {
				t.Errorf("block %d came %v after its row", i, late)
			}
		}
		if b, err := c.Next(t.Context()); err != nil || string(b.Bytes) != "half of" {
			t.Errorf("last block is %q, %v", b.Bytes, err)
		}
		if err := errors.Join(<-done, c.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsAReadUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		go w.Write([]byte("a\nb"))
		text, err := OpenText(t.Context(), stream(r))
		if err != nil {
			t.Fatal(err)
		}
		c := NewCutter(text, Lines{}, 0, 0)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := c.Next(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsAReadOfCompressedBytes(t *testing.T) {
	r, w := io.Pipe()
	whole := compressed(t, Zstd, randomLines(10))
	wrote := make(chan error, 1)
	go func() {
		_, err := w.Write(append(whole, whole[:3]...))
		wrote <- err
	}()
	inner, err := OpenText(t.Context(), stream(r))
	if err != nil {
		t.Fatal(err)
	}
	text, err := OpenText(t.Context(), stream(inner)) // as a source does that has looked at the first bytes
	if err != nil {
		t.Fatal(err)
	}
	c := NewCutter(text, Lines{}, 0, 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for err == nil {
		_, err = c.Next(ctx)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestErrorOfTheInputComesAfterTheRowsBeforeIt(t *testing.T) {
	broken := fault.New(fault.Unavailable, "the line is cut")
	in := stream(io.MultiReader(strings.NewReader("a\nb\nc"), iotest.ErrReader(broken)))
	for _, size := range []int64{-1, 100} {
		in.Size = size
		blocks, err := cutAll(t, in, 0, 0, 0)
		if !errors.Is(err, broken) || fault.KindOf(err) != fault.Unavailable || !strings.HasPrefix(err.Error(), "-: ") {
			t.Errorf("error is %v", err)
		}
		var got []byte
		for _, b := range blocks {
			got = append(got, b.Bytes...)
		}
		if string(got) != "a\nb\n" {
			t.Errorf("rows are %q", got)
		}
		in = stream(io.MultiReader(strings.NewReader("a\nb\nc"), iotest.ErrReader(broken)))
	}
}

func TestDamagedCompressionNamesFileAndPlace(t *testing.T) {
	data := randomLines(300)
	for codec, name := range map[string]string{Gzip: "x.gz", Zstd: "x.zst"} {
		whole := compressed(t, codec, data)
		for n := 1; n < len(whole); n += 97 {
			if _, err := cutAll(t, memory(name, whole[:n]), 0, 0, 0); !fault.Is(err, fault.Corrupt) || !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), "byte ") {
				t.Fatalf("%s cut to %d bytes: %v", codec, n, err)
			}
		}
		for n := 0; n < len(whole); n += 11 {
			bad := bytes.Clone(whole)
			bad[n] ^= 0x55
			blocks, err := cutAll(t, memory(name, bad), 0, 0, 0)
			if err != nil {
				if !fault.Is(err, fault.Corrupt) {
					t.Fatalf("%s with byte %d flipped: %v", codec, n, err)
				}
				continue
			}
			var got []byte
			for _, b := range blocks {
				got = append(got, b.Bytes...)
			}
			if !bytes.Equal(got, data) {
				t.Fatalf("%s with byte %d flipped: other rows came back, and no error", codec, n)
			}
		}
		if _, err := cutAll(t, memory(name, data), 0, 0, 0); !fault.Is(err, fault.Corrupt) {
			t.Errorf("plain text under the name %s: %v", name, err)
		}
		if blocks, err := cutAll(t, memory(name, nil), 0, 0, 0); err != nil || len(blocks) != 0 {
			t.Errorf("empty %s: %d blocks, %v", name, len(blocks), err)
		}
	}
}

func TestPositionPastTheEndIsAnError(t *testing.T) {
	for _, in := range []Input{memory("x.txt", []byte("a\n")), memory("x.gz", compressed(t, Gzip, []byte("a\n")))} {
		if _, err := cutAll(t, in, 5, 0, 0); !fault.Is(err, fault.Corrupt) || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", in.Name, err)
		}
	}
	for _, pos := range []string{"x", "-1", "1.5"} {
		if _, err := OffsetOf("x.txt", rows.Position(pos)); !fault.Is(err, fault.Invalid) {
			t.Errorf("position %q: %v", pos, err)
		}
	}
}

func TestUnknownCompressionIsRefused(t *testing.T) {
	for _, c := range []struct {
		codec string
		level int
	}{{"lz4", 0}, {Gzip, 10}, {Zstd, 23}, {Zstd, -1}} {
		if _, err := NewCompressor(c.codec, c.level); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s level %d: %v", c.codec, c.level, err)
		}
	}
}

func BenchmarkCutter(b *testing.B) {
	data := bytes.Repeat([]byte(`{"id":123456,"name":"somebody","url":"http://www.example.com/home","n":1.5}`+"\n"), 800_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		text, err := OpenText(b.Context(), memory("x", data))
		if err != nil {
			b.Fatal(err)
		}
		c := NewCutter(text, Lines{}, 0, 0)
		for err == nil {
			_, err = c.Next(b.Context())
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}
