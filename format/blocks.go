package format

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gros-lake/gros/rows"
)

const (
	// DefaultBlock is the size of a block of rows.
	DefaultBlock = 8 << 20
	// DefaultMaxRow is the size of the longest row.
	DefaultMaxRow = 64 << 20
	// rejectPrefix is how much of a row that is too long is kept.
	rejectPrefix = 64 << 10
	// linger is how long whole rows wait for more of a slow stream.
	linger = 20 * time.Millisecond
	// firstBuffer is the first buffer of a stream that may be slow.
	firstBuffer = 64 << 10
)

// RowEnds finds where the rows of a text end. It is told every byte once and in order, and remembers what it must.
type RowEnds interface {
	// Next returns the index after the first end of a row in data[from:], or -1 if there is none: then it has seen all of
	// data and is next asked from there, maybe in another buffer. It may change data[from:] in place.
	Next(data []byte, from int) (int, error)
	// End is called at the end of the text: row says whether what follows the last row end is a row all the same, an error
	// that the text may not end here.
	End() (row bool, err error)
}

// Lines are rows that end with a newline.
type Lines struct{}

// Next is RowEnds'.
func (Lines) Next(data []byte, from int) (int, error) {
	i := bytes.IndexByte(data[from:], '\n')
	if i < 0 {
		return -1, nil
	}
	return from + i + 1, nil
}

// End is RowEnds'.
func (Lines) End() (bool, error) { return true, nil }

// Block is a run of whole rows of a text.
type Block struct {
	Bytes   []byte        // the receiver's own; nil if there is a reject
	End     int64         // offset of the byte after it
	Rejects []rows.Reject // a row that was too long
}

// Batch returns b as a batch of payloads of a format, at the position after it.
func (b Block) Batch(format, header string) rows.Batch {
	out := rows.Batch{Rejects: b.Rejects, Position: At(b.End)}
	if b.Bytes != nil {
		out.Rows = rows.NewPayload(format, header, true, b.Bytes)
	}
	return out
}

// Cutter cuts a text into blocks of whole rows. A block is full size as long as the text is a file. Of a stream (its
// input has the size -1) whole rows are handed on 20 ms after the first of them came, however few there are: it
// reads in a goroutine that Close waits for, so closing such an input must end a Read that is under way.
type Cutter struct {
	text   *Text
	ends   RowEnds
	block  int
	maxRow int

	buf  []byte // buf[:hi] was read; what was handed on before lo is never touched again
	base int64  // offset of buf[0]
	lo   int    // the first row that was not handed on
	cut  int    // after the last row end that was found
	seen int    // what ends was told
	hi   int
	eof  bool
	err  error // that ended the text

	skip  []byte // prefix of the row that is being skipped
	start int64  // where it began
	found bool   // its end
	first time.Time

	requests chan []byte
	results  chan result
	pending  bool
}

type result struct {
	n   int
	err error
}

// NewCutter cuts t from where it stands. Zero sizes are the defaults. Closing the cutter closes t.
func NewCutter(t *Text, ends RowEnds, block int, maxRow int64) *Cutter {
	if block <= 0 {
		block = DefaultBlock
	}
	if maxRow <= 0 {
		maxRow = DefaultMaxRow
	}
	maxRow = min(maxRow, math.MaxInt32/2) // offsets of payloads are of 32 bits
	// A row that is too long must not fit into a buffer, however small the longest row is.
	c := &Cutter{text: t, ends: ends, block: min(block, int(maxRow)+1), maxRow: int(maxRow), base: t.Offset()}
	size := min(c.block, firstBuffer)
	if t.in.Size >= 0 && t.codec == "" {
		size = int(min(int64(c.block), max(t.in.Size-t.Offset(), 0)+1))
	}
	c.buf = make([]byte, size)
	if t.in.Size < 0 {
		c.requests, c.results = make(chan []byte), make(chan result, 1)
		go func() {
			defer close(c.results)
			for p := range c.requests {
				n, err := t.Read(p)
				c.results <- result{n, err}
			}
		}()
	}
	return c
}

// Close closes the text.
func (c *Cutter) Close() error {
	err := c.text.Close()
	if c.requests != nil {
		close(c.requests)
		for range c.results { // it ends when the last Read has ended
		}
	}
	return err
}

// Row returns the next row alone, with its end. It returns io.EOF after the last one.
func (c *Cutter) Row(ctx context.Context) (Block, error) { return c.next(ctx, true) }

// Next returns the next block. It returns io.EOF after the last one.
func (c *Cutter) Next(ctx context.Context) (Block, error) { return c.next(ctx, false) }

func (c *Cutter) next(ctx context.Context, one bool) (Block, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Block{}, err
		}
		if err := c.scan(one); err != nil {
			return Block{}, err
		}
		switch {
		case c.skip != nil && (c.found || c.eof && c.err == nil):
			return c.tooLong(), nil
		case one && c.cut > c.lo:
			return c.copied(), nil
		case c.eof:
			return c.last()
		case c.hi == len(c.buf):
			if full := c.cut > c.lo && len(c.buf) >= c.block; full {
				return c.given(), nil
			}
			c.grow()
		}
		waited, err := c.read(ctx)
		if err != nil {
			return Block{}, err
		}
		if waited {
			return c.copied(), nil
		}
	}
}

// scan tells ends what was read since, up to the first row end where one row is asked for.
func (c *Cutter) scan(one bool) error {
	for c.seen < c.hi && !c.found && !(one && c.cut > c.lo) {
		end, err := c.ends.Next(c.buf[:c.hi], c.seen)
		if err != nil {
			return c.located(err)
		}
		if end < 0 {
			c.seen = c.hi
			break
		}
		c.seen, c.cut, c.found = end, end, c.skip != nil
	}
	return nil
}

// located names the place of an error of ends: the row at fault begins after the last end.
func (c *Cutter) located(err error) error {
	return fmt.Errorf("%s: after byte %d: %w", c.text.in.Name, c.base+int64(c.cut), err)
}

// read reads some bytes. waited says that whole rows have waited long enough for them.
func (c *Cutter) read(ctx context.Context) (waited bool, err error) {
	var r result
	if c.requests == nil {
		r.n, r.err = c.text.Read(c.buf[c.hi:])
	} else if r, waited, err = c.await(ctx); waited || err != nil {
		return waited, err
	}
	c.hi += r.n
	if r.err == io.EOF {
		c.eof = true
	} else if r.err != nil {
		c.eof, c.err = true, r.err
	}
	return false, nil
}

// await is read for a stream.
func (c *Cutter) await(ctx context.Context) (r result, waited bool, err error) {
	if !c.pending {
		c.requests <- c.buf[c.hi:]
		c.pending = true
	}
	var due <-chan time.Time
	if c.cut > c.lo && c.skip == nil {
		if c.first.IsZero() {
			c.first = time.Now()
		}
		timer := time.NewTimer(time.Until(c.first.Add(linger)))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case r = <-c.results:
		c.pending = false
		return r, false, nil
	case <-due:
		return r, true, nil
	case <-ctx.Done():
		return r, false, ctx.Err()
	}
}

// copied hands on the whole rows as a copy: the buffer stays, maybe with a read under way behind them.
func (c *Cutter) copied() Block {
	b := Block{Bytes: bytes.Clone(c.buf[c.lo:c.cut]), End: c.base + int64(c.cut)}
	c.lo, c.first = c.cut, time.Time{}
	return b
}

// given hands on the whole rows with their buffer; what is behind them moves to a new one.
func (c *Cutter) given() Block {
	b := Block{Bytes: c.buf[c.lo:c.cut:c.cut], End: c.base + int64(c.cut)}
	c.lo = c.cut
	c.move(c.block)
	c.first = time.Time{}
	return b
}

// grow makes room behind the rows in a new buffer, or begins to skip a row that is too long.
func (c *Cutter) grow() {
	if c.skip != nil {
		c.forget()
		return
	}
	held := c.hi - c.lo
	if c.cut <= c.lo && held > c.maxRow {
		c.start = c.base + int64(c.lo)
		c.skip = bytes.Clone(c.buf[c.lo:min(c.hi, c.lo+rejectPrefix)])
		c.forget()
		return
	}
	size := len(c.buf)
	switch {
	case size < c.block:
		size = min(2*size, c.block)
	case held > size/2:
		size = min(2*size, c.maxRow+1)
	}
	c.move(size)
}

// move copies what was not handed on into a new buffer.
func (c *Cutter) move(size int) {
	next := make([]byte, max(size, c.hi-c.lo+1))
	copy(next, c.buf[c.lo:c.hi])
	c.buf, c.base = next, c.base+int64(c.lo)
	c.cut, c.seen, c.hi, c.lo = max(c.cut-c.lo, 0), c.seen-c.lo, c.hi-c.lo, 0
}

// forget drops the buffer's bytes, all of which are of the row that is being skipped.
func (c *Cutter) forget() {
	c.base += int64(c.hi)
	c.lo, c.cut, c.seen, c.hi = 0, 0, 0, 0
}

// tooLong hands on the row that was skipped, as a reject.
func (c *Cutter) tooLong() Block {
	end := c.hi
	if c.found {
		end = c.cut
	}
	c.lo, c.cut = end, end
	b := Block{End: c.base + int64(end), Rejects: []rows.Reject{{
		Raw: c.skip, Kind: rows.Oversize, Offset: c.start, Message: fmt.Sprintf("row is longer than %d bytes; these are its first %d", c.maxRow, len(c.skip)),
	}}}
	c.skip, c.found = nil, false
	return b
}

// last hands on what is left.
func (c *Cutter) last() (Block, error) {
	err, row := c.err, false
	if err == nil {
		if row, err = c.ends.End(); err != nil {
			err = c.located(err)
		}
	}
	end := c.cut
	if row {
		end = c.hi
	}
	switch {
	case err != nil && c.cut > c.lo:
		return c.copied(), nil // the error comes next
	case err != nil:
		return Block{}, err
	case end <= c.lo:
		return Block{}, io.EOF
	}
	b := Block{Bytes: c.buf[c.lo:end:end], End: c.base + int64(end)}
	if len(b.Bytes) < len(c.buf)/2 {
		b.Bytes = bytes.Clone(b.Bytes) // else a few rows would hold a whole buffer
	}
	c.lo, c.cut = end, end
	return b, nil
}
