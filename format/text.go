package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Text is the bytes of an input, decompressed where its first bytes are those of gzip or zstd. Its offsets are of
// uncompressed bytes.
type Text struct {
	in    Input
	codec string
	raw   io.ReadCloser
	body  io.Reader
	inner *decompressor // nil: plain
	busy  sync.Mutex    // held while inner reads
	head  []byte        // read and not yet handed on
	off   int64         // of the first byte of head, or the next of body
}

// OpenText opens in at its beginning. A name that ends in .gz or .zst promises such a file.
func OpenText(ctx context.Context, in Input) (*Text, error) {
	raw, err := in.Open(ctx, 0, -1)
	if err != nil {
		return nil, named(in.Name, err)
	}
	t := &Text{in: in, raw: raw}
	if err := t.start(); err != nil {
		return nil, errors.Join(named(in.Name, err), raw.Close())
	}
	return t, nil
}

// start finds out the compression. It reads no byte more than that takes, so that a slow stream is not held back.
func (t *Text) start() error {
	head := make([]byte, 0, 4)
	var sure bool
	for !sure && len(head) < cap(head) {
		n, err := t.raw.Read(head[len(head) : len(head)+1])
		head = head[:len(head)+n]
		t.codec, sure = sniffCodec(head)
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	promised := codecOfName(t.in.Name)
	switch {
	case t.codec == "" && promised != "" && len(head) > 0:
		return fault.Errorf(fault.Corrupt, "byte 0: no %s data", promised)
	case t.codec == "":
		t.head, t.body = head, t.raw
		return nil
	}
	d, err := newDecompressor(t.in.Name, t.codec, io.MultiReader(bytes.NewReader(head), t.raw))
	if err != nil {
		return err
	}
	t.inner, t.body = d, d
	return nil
}

// Name is that of the input.
func (t *Text) Name() string { return t.in.Name }

// Head is what was read ahead of Read.
func (t *Text) Head() []byte { return t.head }

// More reads some bytes more into Head. It returns io.EOF at the end.
func (t *Text) More() error {
	if cap(t.head)-len(t.head) < 512 {
		t.head = append(make([]byte, 0, 2*cap(t.head)+4096), t.head...)
	}
	for {
		n, err := t.readBody(t.head[len(t.head):cap(t.head)])
		t.head = t.head[:len(t.head)+n]
		if n > 0 {
			return nil // an error will come again
		}
		if err != nil {
			return named(t.in.Name, err)
		}
	}
}

// SkipMark skips a UTF-8 byte order mark at the beginning, reading no further than it must. UTF-16 is an error.
func (t *Text) SkipMark(ctx context.Context) error {
	for len(t.head) < 1 || len(t.head) < 3 && partOfMark(t.head) {
		if err := t.More(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	switch {
	case bytes.HasPrefix(t.head, []byte("\ufeff")):
		return t.SkipTo(ctx, 3)
	case bytes.HasPrefix(t.head, []byte{0xff, 0xfe}), bytes.HasPrefix(t.head, []byte{0xfe, 0xff}):
		err := fault.Errorf(fault.Invalid, "%s: byte 0: UTF-16 text", t.in.Name)
		return fault.Hint(err, "convert it to UTF-8, as with iconv -f utf-16 -t utf-8")
	}
	return nil
}

// partOfMark says whether more bytes could make head a byte order mark.
func partOfMark(head []byte) bool {
	return len(head) == 1 && head[0] >= 0xfe || bytes.HasPrefix([]byte("\ufeff"), head)
}

// Offset is that of the next byte that Read returns.
func (t *Text) Offset() int64 { return t.off }

// Read is io.Reader's.
func (t *Text) Read(p []byte) (n int, err error) {
	if len(t.head) > 0 {
		n = copy(p, t.head)
		t.head = t.head[n:]
	} else {
		n, err = t.readBody(p)
	}
	t.off += int64(n)
	return n, named(t.in.Name, err)
}

// SkipTo moves forward to off: by opening the input there where it is a plain file, else by reading.
func (t *Text) SkipTo(ctx context.Context, off int64) error {
	switch {
	case off < t.off:
		return fault.Errorf(fault.Internal, "%s: cannot go back from byte %d to %d", t.in.Name, t.off, off)
	case off <= t.off+int64(len(t.head)):
		t.head, t.off = t.head[off-t.off:], off
		return nil
	case t.codec == "" && t.in.Size >= 0:
		if off > t.in.Size {
			return t.short(off, t.in.Size)
		}
		raw, err := t.in.Open(ctx, off, -1)
		if err != nil {
			return named(t.in.Name, err)
		}
		old := t.raw
		t.raw, t.body, t.head, t.off = raw, raw, nil, off
		return named(t.in.Name, old.Close())
	}
	if _, err := io.CopyN(io.Discard, t, off-t.off); err == io.EOF {
		return t.short(off, t.off)
	} else if err != nil {
		return err
	}
	return ctx.Err()
}

func (t *Text) short(off, size int64) error {
	err := fault.Errorf(fault.Corrupt, "%s: position %d is past the end at byte %d", t.in.Name, off, size)
	return fault.Hint(err, "the file became shorter since it was read")
}

func (t *Text) readBody(p []byte) (int, error) {
	if t.inner == nil {
		return t.body.Read(p)
	}
	t.busy.Lock()
	defer t.busy.Unlock()
	return t.body.Read(p)
}

// Close closes the input. A Read that is under way ends when the input's Read does, which closing it should cause.
func (t *Text) Close() error {
	err := t.raw.Close()
	if t.inner != nil {
		t.busy.Lock()
		t.inner.release()
		t.body = closed{}
		t.busy.Unlock()
	}
	return named(t.in.Name, err)
}

type closed struct{}

func (closed) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func named(name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// At is the position of a text: its offset in uncompressed bytes, as decimal digits.
func At(off int64) rows.Position { return rows.Position(strconv.FormatInt(off, 10)) }

// OffsetOf reads a position that At wrote; the zero position is 0.
func OffsetOf(name string, pos rows.Position) (int64, error) {
	if pos == "" {
		return 0, nil
	}
	off, err := strconv.ParseInt(string(pos), 10, 64)
	if err != nil || off < 0 {
		return 0, fault.Errorf(fault.Invalid, "%s: position %q is no offset", name, pos)
	}
	return off, nil
}
