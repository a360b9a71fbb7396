package cli

import (
	"bufio"
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// rowWriter prints rows. The columns of a batch are those of the one before, or more.
type rowWriter interface {
	write(rec arrow.RecordBatch) error
	end() error
}

// rowWriter opens the writer of a format.
func (a *app) rowWriter(ctx context.Context, as string, r *gros.Reading) (rowWriter, error) {
	switch as {
	case "table":
		return &table{out: a.stdout, width: a.columns(), note: a.stderr, reading: r, ctx: ctx}, nil
	case "jsonl", "json", "ndjson":
		return &lines{out: bufio.NewWriterSize(a.stdout, 64<<10)}, nil
	case "csv", "parquet", "arrow":
	default:
		return nil, unknownFormat(as)
	}
	schema, err := r.Schema(ctx)
	if err != nil {
		return nil, err
	}
	if as == "arrow" {
		return &stream{schema: schema, out: ipc.NewWriter(a.stdout, ipc.WithSchema(plainSchema(schema)))}, nil
	}
	spec, err := gros.Formats().Lookup(as)
	if err != nil {
		return nil, err
	}
	encoder, err := spec.Encoder(format.EncodeOptions{})
	if err != nil {
		return nil, err
	}
	f := &file{ctx: ctx, out: a.stdout, encoder: encoder, schema: schema}
	return f, f.begin()
}

// lines writes an object a line.
type lines struct {
	out *bufio.Writer
	buf []byte
}

func (l *lines) write(rec arrow.RecordBatch) error {
	schema := rec.Schema()
	raw := make([]bool, schema.NumFields())
	for j, f := range schema.Fields() {
		_, raw[j] = f.Metadata.GetValue(gros.JSONColumn)
	}
	for i := range int(rec.NumRows()) {
		l.buf = append(l.buf[:0], '{')
		for j := range schema.NumFields() {
			if j > 0 {
				l.buf = append(l.buf, ',')
			}
			l.buf = append(rows.AppendJSONString(l.buf, schema.Field(j).Name), ':')
			if text, ok := rec.Column(j).(*array.String); ok && raw[j] && !text.IsNull(i) {
				l.buf = append(l.buf, text.Value(i)...)
			} else {
				l.buf = rows.AppendJSONValue(l.buf, rec.Column(j), i)
			}
		}
		if _, err := l.out.Write(append(l.buf, '}', '\n')); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) end() error { return l.out.Flush() }

// Bounds of the rows that wait for one run of a file.
const (
	runRows  = 1 << 20
	runBytes = 64 << 20
)

// file writes one file of a format.
type file struct {
	ctx     context.Context
	out     io.Writer
	encoder format.Encoder
	schema  *arrow.Schema
	waiting []rows.Part
	rows    int64
	bytes   int64
	runs    []format.Run
}

func (f *file) begin() error {
	begin, err := f.encoder.Begin(f.schema)
	if err != nil {
		return err
	}
	_, err = f.out.Write(begin)
	return err
}

func (f *file) write(rec arrow.RecordBatch) error {
	f.waiting = append(f.waiting, rows.Part{Rows: rec})
	f.rows += rec.NumRows()
	f.bytes += rows.Size(rec)
	if f.rows < runRows && f.bytes < runBytes {
		return nil
	}
	return f.flush()
}

func (f *file) flush() error {
	if f.rows == 0 {
		return nil
	}
	rec, err := rows.Gather(f.schema, f.waiting)
	if err != nil {
		return err
	}
	f.waiting, f.rows, f.bytes = nil, 0, 0
	run, err := f.encoder.Encode(f.ctx, f.schema, []arrow.RecordBatch{rec})
	if err != nil {
		return err
	}
	_, err = f.out.Write(run.Bytes)
	run.Bytes = nil
	f.runs = append(f.runs, run)
	return err
}

func (f *file) end() error {
	if err := f.flush(); err != nil {
		return err
	}
	end, err := f.encoder.End(f.schema, f.runs)
	if err != nil {
		return err
	}
	_, err = f.out.Write(end)
	return err
}

// stream writes Arrow's IPC stream.
type stream struct {
	schema *arrow.Schema
	out    *ipc.Writer
}

func plainSchema(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	for i := range fields {
		fields[i].Type, fields[i].Metadata = rows.Logical(fields[i].Type), arrow.Metadata{}
	}
	return arrow.NewSchema(fields, nil)
}

func (s *stream) write(rec arrow.RecordBatch) error {
	rec, err := rows.Gather(s.schema, []rows.Part{{Rows: rec}})
	if err != nil {
		return err
	}
	columns := make([]arrow.Array, rec.NumCols())
	for i := range columns {
		columns[i] = withoutDictionary(rec.Column(i))
	}
	return s.out.Write(array.NewRecordBatch(plainSchema(s.schema), columns, rec.NumRows()))
}

func (s *stream) end() error { return s.out.Close() }

// withoutDictionary returns texts as they are.
func withoutDictionary(col arrow.Array) arrow.Array {
	d, ok := col.(*array.Dictionary)
	if !ok {
		return col
	}
	words := d.Dictionary().(*array.String)
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range d.Len() {
		if d.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(words.Value(d.GetValueIndex(i)))
		}
	}
	return b.NewArray()
}
