package parquet

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

const (
	pageBytes    = 1 << 20
	defaultLevel = 1
	valuesAtOnce = 16 << 10 // that the column writers take before they look whether a page is full, unless values are long
)

type encoder struct {
	codec        compress.Compression
	level        int
	pageBytes    int64
	valuesAtOnce int64
	scratch      sync.Pool // of *bytes.Buffer
}

// NewEncoder returns an encoder of Parquet files.
func NewEncoder(o format.EncodeOptions) (format.Encoder, error) {
	e := &encoder{level: o.Level, pageBytes: pageBytes, valuesAtOnce: valuesAtOnce}
	switch o.Compression {
	case "", "zstd":
		e.codec = compress.Codecs.Zstd
		if e.level == 0 {
			e.level = defaultLevel
		}
		if e.level < 1 || e.level > 22 {
			return nil, fault.Errorf(fault.Invalid, "compression level %d: zstd has 1 to 22", e.level)
		}
		return e, nil
	case "snappy":
		e.codec = compress.Codecs.Snappy
	case "none":
		e.codec = compress.Codecs.Uncompressed
	default:
		known := []string{"zstd", "snappy", "none"}
		err := fault.Errorf(fault.Invalid, "compression %q: Parquet files have none of this name", o.Compression)
		if near := fault.Nearest(o.Compression, known); near != "" {
			return nil, fault.Hint(err, "did you mean %q?", near)
		}
		return nil, fault.Hint(err, "compressions are zstd, snappy, none")
	}
	if o.Level != 0 {
		return nil, fault.Errorf(fault.Invalid, "compression level %d: %s has no levels", o.Level, o.Compression)
	}
	return e, nil
}

func (e *encoder) Suffix() string { return Format.Suffixes[0] }

func (e *encoder) Begin(s *arrow.Schema) ([]byte, error) {
	if _, err := storedSchema(s); err != nil {
		return nil, err
	}
	return []byte(magic), nil
}

// Encode makes one row group of recs. It writes a file of its own into memory, whose row group it keeps: offsets in the
// run's meta are those of that file, in which the row group stands right after the magic.
func (e *encoder) Encode(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch) (run format.Run, err error) {
	stored, err := storedSchema(s)
	if err != nil {
		return format.Run{}, err
	}
	for _, r := range recs {
		run.Rows += r.NumRows()
	}
	if run.Rows == 0 {
		return run, nil
	}
	u := newUnifier()
	columns := make([]*arrow.Chunked, stored.NumFields())
	for i, f := range stored.Fields() {
		if err := ctx.Err(); err != nil {
			return format.Run{}, err
		}
		if columns[i], err = gather(u, f, recs); err != nil {
			return format.Run{}, err
		}
	}
	out, ok := e.scratch.Get().(*bytes.Buffer)
	if !ok {
		out = new(bytes.Buffer)
	}
	defer e.scratch.Put(out)
	out.Reset()
	meta, err := e.write(ctx, out, stored, columns, run.Rows, u)
	if err != nil {
		return format.Run{}, err
	}
	g, size, err := newGroup(meta, out.Bytes(), run.Rows, u)
	if err != nil {
		return format.Run{}, err
	}
	run.Bytes = bytes.Clone(out.Bytes()[len(magic) : len(magic)+size])
	run.Size = int64(size)
	run.Meta = g
	return run, nil
}

// gather returns the values of column f in all recs.
func gather(u *unifier, f arrow.Field, recs []arrow.RecordBatch) (*arrow.Chunked, error) {
	var chunks []arrow.ArrayData
	for _, r := range recs {
		n := int(r.NumRows())
		if n == 0 {
			continue
		}
		at := r.Schema().FieldIndices(f.Name)
		var data arrow.ArrayData
		switch {
		case len(at) > 1:
			return nil, fault.Errorf(fault.Invalid, "column %s: it is %d times in a batch", f.Name, len(at))
		case len(at) == 0, r.Column(at[0]).DataType().ID() == arrow.NULL:
			data = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, n).Data()
		case !sameType(r.Column(at[0]).DataType(), f.Type):
			return nil, fault.Errorf(fault.Internal, "column %s: a batch has %s, the schema %s", f.Name, r.Column(at[0]).DataType(), f.Type)
		default:
			data = r.Column(at[0]).Data()
		}
		if !f.Nullable && array.MakeFromData(data).NullN() > 0 {
			return nil, fault.Errorf(fault.Invalid, "column %s: it is required, and a row has no value", f.Name)
		}
		chunks = append(chunks, data)
	}
	chunks = join(u.column(f.Name, f.Type, chunks))
	arrays := make([]arrow.Array, len(chunks))
	for i, c := range chunks {
		arrays[i] = array.MakeFromData(c)
	}
	return arrow.NewChunked(typeOf(chunks, f.Type), arrays), nil
}

// join makes one chunk of many where that is cheap: the library allocates for each chunk what it could for all.
func join(chunks []arrow.ArrayData) []arrow.ArrayData {
	if len(chunks) < 2 || arrow.IsNested(chunks[0].DataType().ID()) {
		return chunks
	}
	encoded := chunks[0].DataType().ID() == arrow.DICTIONARY
	parts := make([]arrow.Array, len(chunks))
	for i, c := range chunks {
		if encoded {
			c = array.NewData(dictionaryType.IndexType, c.Len(), c.Buffers(), nil, c.NullN(), c.Offset())
		}
		parts[i] = array.MakeFromData(c)
	}
	whole, err := array.Concatenate(parts, memory.DefaultAllocator)
	if err != nil {
		return chunks // strings beyond 2 GiB, which have to stay apart
	}
	d := whole.Data()
	if encoded {
		d = array.NewDataWithDictionary(dictionaryType, d.Len(), d.Buffers(), d.NullN(), d.Offset(), chunks[0].Dictionary().(*array.Data))
	}
	return []arrow.ArrayData{d}
}

// properties says how the leaf columns of s are written.
func (e *encoder) properties(s *arrow.Schema, u *unifier) *parquet.WriterProperties {
	props := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(e.codec),
		parquet.WithDataPageSize(e.pageBytes),
		parquet.WithBatchSize(min(e.valuesAtOnce, max(16, e.pageBytes/8/int64(max(u.widest, 1))))),
		parquet.WithDictionaryDefault(false),
		parquet.WithDictionaryPageSizeLimit(8 * dictionaryBytes), // unify has decided already
		parquet.WithStoreDecimalAsInteger(true),
		parquet.WithPageIndexEnabled(true),
		parquet.WithCreatedBy(createdBy),
		parquet.WithMaxRowGroupLength(1 << 40),
	}
	if e.level != 0 {
		props = append(props, parquet.WithCompressionLevel(e.level))
	}
	seen := map[string]int{}
	for _, f := range s.Fields() {
		eachLeaf(f.Name, f.Type, func(path string, _ arrow.DataType) { seen[path]++ })
	}
	for _, f := range s.Fields() {
		eachLeaf(f.Name, f.Type, func(path string, t arrow.DataType) {
			p := parquet.ColumnPathFromString(path)
			switch {
			case seen[path] > 1: // the library would take one for the other
			case u.dictionaries[path]:
				props = append(props, parquet.WithDictionaryPath(p, true))
			case isInteger(t):
				props = append(props, parquet.WithEncodingPath(p, parquet.Encodings.DeltaBinaryPacked))
			}
		})
	}
	return parquet.NewWriterProperties(props...)
}

// isInteger reports whether values of t are INT32 or INT64 in files.
func isInteger(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.DATE32, arrow.TIME64, arrow.TIMESTAMP:
		return true
	case arrow.DECIMAL128:
		return t.(*arrow.Decimal128Type).Precision <= 18
	}
	return false
}

func (e *encoder) write(ctx context.Context, out *bytes.Buffer, s *arrow.Schema, columns []*arrow.Chunked, rows int64, u *unifier) (meta *metadata.FileMetaData, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Errorf(fault.Internal, "encoding a row group: %v", r)
		}
	}()
	w, err := pqarrow.NewFileWriter(s, out, e.properties(s, u), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, err
	}
	if rows > 0 {
		w.NewRowGroup()
	}
	for i, c := range columns {
		if err := errors.Join(ctx.Err(), w.WriteColumnChunked(c, 0, rows)); err != nil {
			return nil, fault.Errorf(fault.Internal, "column %s: %w", s.Field(i).Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if meta, err = w.FileMetadata(); err == nil && rows > 0 && len(columns) == 0 {
		meta.RowGroups[0].NumRows = rows // the writer counts the rows of columns
	}
	return meta, err
}
