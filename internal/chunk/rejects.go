package chunk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/internal/commit"
	"github.com/gros-lake/gros/rows"
)

// RejectLine is one line of a file of rejects: NDJSON, compressed with zstd. docs/formats/rejects.md describes it.
type RejectLine struct {
	Raw      *string       `json:"raw,omitempty"`        // the row as it came, when it is text
	Binary   []byte        `json:"raw_base64,omitempty"` // else
	Format   string        `json:"format,omitempty"`     // of the row, "" = it came as columns, and is JSON here
	Header   string        `json:"header,omitempty"`     // of its file, where the format needs that to read the row
	Kind     string        `json:"kind"`
	Message  string        `json:"message"`
	Column   string        `json:"column,omitempty"`
	Source   string        `json:"source"`
	Split    string        `json:"split"`
	Position rows.Position `json:"position"`
	Offset   int64         `json:"offset"`
	Time     time.Time     `json:"time"`
	Pipeline string        `json:"pipeline,omitempty"`
}

// Bytes is the row as it came.
func (l RejectLine) Bytes() []byte {
	if l.Raw != nil {
		return []byte(*l.Raw)
	}
	return l.Binary
}

// rejectsHeld is how many compressed bytes of rejects wait in memory before they are staged.
const rejectsHeld = 1 << 20

// rejects writes the refused rows of an epoch into a staged file, compressed.
type rejects struct {
	writer *commit.Writer
	rows   int64
	key    string
	staged bucket.StagedWriter
	sum    hash.Hash
	buf    bytes.Buffer
	enc    *zstd.Encoder
}

func (r *rejects) add(ctx context.Context, all []rows.Reject, pipeline string) error {
	for _, x := range all {
		line := RejectLine{
			Kind: x.Kind, Message: x.Message, Column: x.Column, Source: SourceOf(x.Split.Source), Split: x.Split.ID,
			Position: x.Position, Offset: x.Offset, Time: x.Time, Pipeline: pipeline,
			Format: x.Format, Header: x.Header,
		}
		if utf8.Valid(x.Raw) {
			text := string(x.Raw)
			line.Raw = &text
		} else {
			line.Binary = x.Raw
		}
		raw, err := json.Marshal(line)
		if err != nil {
			return fault.As(fault.Internal, err)
		}
		if r.enc == nil {
			if r.enc, err = zstd.NewWriter(&r.buf, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
				return fault.As(fault.Internal, err)
			}
		}
		if _, err := r.enc.Write(append(raw, '\n')); err != nil {
			return fault.As(fault.Internal, err)
		}
		r.rows++
		if r.buf.Len() >= rejectsHeld {
			if err := r.spill(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// spill appends what is compressed so far to the staged file.
func (r *rejects) spill(ctx context.Context) error {
	if r.staged == nil {
		r.key, r.sum = r.writer.RejectKey(), sha256.New()
		var err error
		if r.staged, err = r.writer.Stage(ctx, r.key); err != nil {
			return err
		}
	}
	err := r.writer.Try(ctx, "write "+r.key, func() error {
		_, err := r.staged.Write(r.buf.Bytes())
		return err
	})
	r.sum.Write(r.buf.Bytes())
	r.buf.Reset()
	return err
}

// finish ends the staged file.
func (r *rejects) finish(ctx context.Context) (connector.File, error) {
	if err := r.enc.Close(); err != nil {
		return connector.File{}, fault.As(fault.Internal, err)
	}
	if err := r.spill(ctx); err != nil {
		return connector.File{}, err
	}
	var s bucket.Staged
	err := r.writer.Try(ctx, "finish "+r.key, func() (err error) {
		s, err = r.staged.Finish(ctx)
		return err
	})
	if err == nil {
		r.staged = nil
	}
	return connector.File{Staged: s, Rows: r.rows, SHA256: hex.EncodeToString(r.sum.Sum(nil)), Reject: true}, err
}

// abort drops what was staged; what cannot be dropped now is swept later.
func (r *rejects) abort(ctx context.Context) {
	if r.staged != nil && r.staged.Abort(ctx) == nil {
		r.staged = nil
	}
	if r.key != "" {
		r.writer.Release(r.key)
	}
}
