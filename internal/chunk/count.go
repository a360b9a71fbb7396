package chunk

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

// countRows decodes a file of data and counts its rows.
func countRows(ctx context.Context, v *View, spec format.Spec, in format.Input) (int64, error) {
	reader, err := spec.Open(ctx, in, format.ReadOptions{})
	if err != nil {
		return 0, err
	}
	var n int64
	for b, err := range decoded(ctx, newDecode(v, nil), reader) {
		if err != nil {
			return 0, err
		}
		if len(b.Rejects) > 0 {
			return 0, fault.Errorf(fault.Corrupt, "byte %d: %s", b.Rejects[0].Offset, b.Rejects[0].Message)
		}
		n += b.Len()
	}
	return n, nil
}

// opener opens the bytes of a file.
type opener = func(ctx context.Context, off, n int64) (io.ReadCloser, error)

func countRejects(ctx context.Context, open opener) (int64, error) {
	var n int64
	for _, err := range rejectLines(ctx, open) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// rejectLines yields the lines of a file of rejects.
func rejectLines(ctx context.Context, open opener) iter.Seq2[RejectLine, error] {
	return func(yield func(RejectLine, error) bool) {
		body, err := open(ctx, 0, -1)
		if err != nil {
			yield(RejectLine{}, err)
			return
		}
		defer body.Close() // it was only read
		packed, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			yield(RejectLine{}, fault.As(fault.Corrupt, err))
			return
		}
		defer packed.Close()
		in := bufio.NewReaderSize(packed, 64<<10)
		for n := 1; ; n++ {
			text, err := in.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(text) == 0 {
				return
			}
			var line RejectLine
			switch {
			case ctx.Err() != nil:
				err = ctx.Err()
			case fault.KindOf(err) != fault.Internal:
			case err != nil:
				err = fault.Errorf(fault.Corrupt, "line %d: %w", n, err)
			default:
				if err = json.Unmarshal(text, &line); err != nil {
					err = fault.Errorf(fault.Corrupt, "line %d: is no reject: %w", n, err)
				}
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}
