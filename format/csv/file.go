package csv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// headerBlock is read where only the header is wanted.
const headerBlock = 64 << 10

// Open returns a reader of blocks of rows. It opens in when it is read.
func Open(_ context.Context, in format.Input, opts format.ReadOptions) (format.Reader, error) {
	o, err := optionsOf(opts.Decode)
	if err != nil {
		return nil, err
	}
	return &reader{in, opts, o}, nil
}

type reader struct {
	in   format.Input
	opts format.ReadOptions
	options
}

// Schema is nil: the rows are payloads.
func (r *reader) Schema() *arrow.Schema { return nil }

// Read yields blocks of whole rows, with the header as the payloads' Header.
func (r *reader) Read(ctx context.Context, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		if err := r.read(ctx, pos, func(b rows.Batch) bool { return yield(b, nil) }); err != nil {
			yield(rows.Batch{}, err)
		}
	}
}

// read is Read; it ends without error when yield returns false.
func (r *reader) read(ctx context.Context, pos rows.Position, yield func(rows.Batch) bool) (err error) {
	off, err := format.OffsetOf(r.in.Name, pos)
	if err != nil {
		return err
	}
	size := r.opts.Block
	if off > 0 && r.in.Size >= 0 {
		size = headerBlock // rows are read from off on
	}
	c, head, err := r.begin(ctx, size)
	if err != nil || c == nil {
		return err
	}
	if off > head.end && r.in.Size >= 0 {
		if err := c.Close(); err != nil {
			return err
		}
		if c, err = r.resume(ctx, off, head); err != nil {
			return err
		}
	}
	stopped := false
	defer func() {
		if e := c.Close(); err == nil && !stopped {
			err = e
		}
	}()
	for {
		b, err := c.Next(ctx)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if b.End <= off { // a stream begins at its beginning
			continue
		}
		if begin := b.End - int64(len(b.Bytes)); begin < off && b.Bytes != nil {
			b.Bytes = b.Bytes[off-begin:]
		}
		if !yield(b.Batch("csv", head.text)) {
			stopped = true
			return nil
		}
	}
}

// beginning is the header of a file, and where it ends.
type beginning struct {
	delimiter byte
	text      string
	end       int64
}

// begin opens the file and reads its header. The cutter is nil when the file is empty, and then closed.
func (r *reader) begin(ctx context.Context, size int) (*format.Cutter, beginning, error) {
	text, err := format.OpenText(ctx, r.in)
	if err != nil {
		return nil, beginning{}, err
	}
	if err := text.SkipMark(ctx); err != nil {
		_ = text.Close() // the first error says more
		return nil, beginning{}, err
	}
	ends := newQuotes(r.delimiter)
	c := format.NewCutter(text, ends, size, r.maxRow)
	head, err := r.header(ctx, c)
	if err == io.EOF {
		return nil, head, c.Close()
	}
	if err != nil {
		_ = c.Close() // the first error says more
		return nil, head, err
	}
	ends.delimiter = head.delimiter
	return c, head, nil
}

func (r *reader) header(ctx context.Context, c *format.Cutter) (beginning, error) {
	for {
		b, err := c.Row(ctx)
		if err != nil {
			return beginning{}, err
		}
		if blank(b.Bytes) && b.Rejects == nil {
			continue
		}
		if b.Rejects != nil {
			return beginning{}, fmt.Errorf("%s: header: %w", r.in.Name, errLongHeader)
		}
		h, err := headerOf(b.Bytes, r.options)
		if err != nil {
			return beginning{}, fmt.Errorf("%s: %w", r.in.Name, err)
		}
		return beginning{h.Delimiter[0], h.String(), b.End}, nil
	}
}

func (r *reader) resume(ctx context.Context, off int64, head beginning) (*format.Cutter, error) {
	text, err := format.OpenText(ctx, r.in)
	if err != nil {
		return nil, err
	}
	if err := text.SkipTo(ctx, off); err != nil {
		_ = text.Close() // the first error says more
		return nil, err
	}
	return format.NewCutter(text, newQuotes(head.delimiter), r.opts.Block, r.maxRow), nil
}

func blank(row []byte) bool {
	row = bytes.TrimSuffix(bytes.TrimSuffix(row, []byte("\n")), []byte("\r"))
	return len(row) == 0
}
