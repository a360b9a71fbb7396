package stdio

import (
	"context"
	"errors"
	"io"
	"os"
)

// held is output that waits for its commit: in memory, and what is more in a file without a name.
type held struct {
	chunks [][]byte // after those in the file
	bytes  int64    // of chunks
	file   *os.File
	size   int64 // of the file
	out    int64 // of the file, written out
}

func (h *held) len() int64 { return h.bytes + h.size }

// add takes b over, keeping no more than most bytes in memory.
func (h *held) add(b []byte, most int64) error {
	if len(b) == 0 {
		return nil
	}
	h.chunks, h.bytes = append(h.chunks, b), h.bytes+int64(len(b))
	if h.bytes <= most {
		return nil
	}
	if h.file == nil {
		f, err := os.CreateTemp("", "gros-stdout-*")
		if err != nil {
			return err
		}
		h.file = f
		if err := os.Remove(f.Name()); err != nil {
			return err
		}
	}
	for _, c := range h.chunks {
		n, err := h.file.Write(c)
		h.size += int64(n)
		if err != nil {
			return err
		}
	}
	h.chunks, h.bytes = nil, 0
	return nil
}

// writeTo writes everything out. After an error it can go on.
func (h *held) writeTo(ctx context.Context, out io.Writer) error {
	buf := make([]byte, min(h.size-h.out, 1<<20))
	for h.out < h.size {
		n, err := h.file.ReadAt(buf[:min(int64(len(buf)), h.size-h.out)], h.out)
		if err != nil && (n == 0 || err != io.EOF) {
			return err
		}
		if n, err = out.Write(buf[:n]); err != nil {
			h.out += int64(n)
			return err
		}
		h.out += int64(n)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for len(h.chunks) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := out.Write(h.chunks[0])
		if err != nil {
			h.chunks[0] = h.chunks[0][n:]
			return err
		}
		h.chunks = h.chunks[1:]
	}
	return h.drop()
}

// drop forgets everything.
func (h *held) drop() error {
	var err error
	if h.file != nil {
		err = h.file.Close()
	}
	*h = held{}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
