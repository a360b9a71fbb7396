package chunk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// rejects collects the refused rows of an epoch, compressed.
type rejects struct {
	rows int64
	buf  bytes.Buffer
	enc  *zstd.Encoder
}

func (r *rejects) add(all []rows.Reject, pipeline string) error {
	for _, x := range all {
		line := RejectLine{
			Kind: x.Kind, Message: x.Message, Column: x.Column, Source: x.Split.Source, Split: x.Split.ID,
			Position: x.Position, Offset: x.Offset, Time: x.Time, Pipeline: pipeline,
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
	}
	return nil
}

// stage writes the rejects as one staged file.
func (r *rejects) stage(ctx context.Context, w *commit.Writer) (connector.File, error) {
	if err := r.enc.Close(); err != nil {
		return connector.File{}, fault.As(fault.Internal, err)
	}
	key := w.RejectKey()
	out, err := w.Stage(ctx, key)
	if err != nil {
		return connector.File{}, err
	}
	err = w.Try(ctx, "write "+key, func() error {
		_, err := out.Write(r.buf.Bytes())
		return err
	})
	if err != nil {
		return connector.File{}, err
	}
	var s bucket.Staged
	err = w.Try(ctx, "finish "+key, func() (err error) {
		s, err = out.Finish(ctx)
		return err
	})
	sum := sha256.Sum256(r.buf.Bytes())
	return connector.File{Staged: s, Rows: r.rows, SHA256: hex.EncodeToString(sum[:]), Reject: true}, err
}
