package csv

import (
	"bytes"
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// NewEncoder returns the encoder of CSV: a header, a comma between fields, lines that end with LF. A null is an empty field
// and the empty string is "". Strings stand as they are, all else as rows.AppendJSONValue writes it, without quotes around
// times and binary: structs, lists and maps are JSON.
func NewEncoder(opts format.EncodeOptions) (format.Encoder, error) {
	c, err := format.NewCompressor(opts.Compression, opts.Level)
	if err != nil {
		return nil, err
	}
	return encoder{c}, nil
}

type encoder struct{ *format.Compressor }

// Suffix is format.Encoder's.
func (e encoder) Suffix() string { return ".csv" + e.Compressor.Suffix() }

// Begin returns the header.
func (e encoder) Begin(s *arrow.Schema) ([]byte, error) {
	var out []byte
	for j, f := range s.Fields() {
		if j > 0 {
			out = append(out, ',')
		}
		out = appendField(out, []byte(f.Name))
	}
	return e.Compress(append(out, '\n'))
}

// End returns nothing.
func (encoder) End(*arrow.Schema, []format.Run) ([]byte, error) { return nil, nil }

// Encode is format.Encoder's.
func (e encoder) Encode(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch) (format.Run, error) {
	var out, room []byte
	var n int64
	cols := make([]arrow.Array, s.NumFields())
	for _, rec := range recs {
		if err := ctx.Err(); err != nil {
			return format.Run{}, err
		}
		for j, f := range s.Fields() {
			cols[j] = nil
			if at := rec.Schema().FieldIndices(f.Name); len(at) > 0 {
				cols[j] = rec.Column(at[0])
			}
		}
		for i := range int(rec.NumRows()) {
			for j, col := range cols {
				if j > 0 {
					out = append(out, ',')
				}
				if col != nil && col.IsValid(i) {
					out, room = appendValue(out, room, col, i)
				}
			}
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

// appendValue appends a value that is not null; room is memory to use again.
func appendValue(dst, room []byte, col arrow.Array, i int) (out, used []byte) {
	switch c := col.(type) {
	case *array.Null:
		return dst, room
	case *array.String:
		room = append(room[:0], c.Value(i)...)
		return appendField(dst, room), room
	case *array.Dictionary:
		return appendValue(dst, room, c.Dictionary(), c.GetValueIndex(i))
	case *array.Struct, array.ListLike:
		room = rows.AppendJSONValue(room[:0], col, i)
		return appendField(dst, room), room
	}
	from := len(dst)
	dst = rows.AppendJSONValue(dst, col, i)
	if dst[from] == '"' { // what stands between needs no quotes, unless it is nothing
		if len(dst) == from+2 {
			return dst, room
		}
		copy(dst[from:], dst[from+1:len(dst)-1])
		dst = dst[:len(dst)-2]
	}
	return dst, room
}

// appendField appends text with quotes where it needs them.
func appendField(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, "\",\r\n") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			return append(append(dst, text...), '"')
		}
		dst = append(append(dst, text[:i+1]...), '"')
		text = text[i+1:]
	}
}
