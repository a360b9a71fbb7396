package filetest

import (
	"io"
	"slices"
	"time"
)

// handle is an open file.
type handle struct {
	d    *Disk
	n    *node
	name string
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	if err := h.d.begin("read", h.name); err != nil {
		return 0, err
	}
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if off >= int64(len(h.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	err := h.d.begin("write", h.name)
	if err != nil {
		p = p[:len(p)/2]
	}
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if end := int(off) + len(p); end > len(h.n.data) {
		h.n.data = append(h.n.data, make([]byte, end-len(h.n.data))...)
	}
	copy(h.n.data[off:], p)
	h.n.modified = time.Now()
	return len(p), err
}

func (h *handle) Sync() error {
	if err := h.d.begin("sync", h.name); err != nil {
		return err
	}
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	h.n.durable, h.n.durableModified = slices.Clone(h.n.data), h.n.modified
	return nil
}

// Close keeps nothing open even when it fails, as close(2).
func (h *handle) Close() error { return h.d.begin("close", h.name) }
