package json

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// NewEncoder returns the encoder of JSON lines. Each row is one object with a key for every column in the order of the
// schema, null where there is no value; rows.AppendJSONValue says how values are written.
func NewEncoder(opts format.EncodeOptions) (format.Encoder, error) {
	c, err := format.NewCompressor(opts.Compression, opts.Level)
	if err != nil {
		return nil, err
	}
	return encoder{c}, nil
}

type encoder struct{ *format.Compressor }

// Suffix is format.Encoder's.
func (e encoder) Suffix() string { return ".jsonl" + e.Compressor.Suffix() }

// Begin returns nothing: lines have no header.
func (encoder) Begin(*arrow.Schema) ([]byte, error) { return nil, nil }

// End returns nothing.
func (encoder) End(*arrow.Schema, []format.Run) ([]byte, error) { return nil, nil }

// Encode is format.Encoder's.
func (e encoder) Encode(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch) (format.Run, error) {
	keys := make([][]byte, s.NumFields())
	for j, f := range s.Fields() {
		lead := byte(',')
		if j == 0 {
			lead = '{'
		}
		keys[j] = append(rows.AppendJSONString([]byte{lead}, f.Name), ':')
	}
	var out []byte
	var n int64
	for _, rec := range recs {
		if err := ctx.Err(); err != nil {
			return format.Run{}, err
		}
		cols := columns(s, rec)
		for i := range int(rec.NumRows()) {
			out = appendRow(out, keys, cols, i)
			out = append(out, '\n')
		}
		n += rec.NumRows()
	}
	out, err := e.Compress(out)
	if err != nil {
		return format.Run{}, err
	}
	return format.Run{Bytes: out, Size: int64(len(out)), Rows: n}, nil
}

// columns returns the columns of rec in the order of s, nil where it has none.
func columns(s *arrow.Schema, rec arrow.RecordBatch) []arrow.Array {
	cols := make([]arrow.Array, s.NumFields())
	for j, f := range s.Fields() {
		if at := rec.Schema().FieldIndices(f.Name); len(at) > 0 {
			cols[j] = rec.Column(at[0])
		}
	}
	return cols
}

func appendRow(dst []byte, keys [][]byte, cols []arrow.Array, i int) []byte {
	if len(cols) == 0 {
		return append(dst, '{', '}')
	}
	for j, col := range cols {
		dst = append(dst, keys[j]...)
		if col == nil {
			dst = append(dst, "null"...)
		} else {
			dst = rows.AppendJSONValue(dst, col, i)
		}
	}
	return append(dst, '}')
}
