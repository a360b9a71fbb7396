package parquet

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

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
	zstd         *zstd.Encoder
	layout       atomic.Pointer[layout] // the last one
	runs         sync.Pool              // of *[]byte
	scratch      sync.Pool              // of *scratch
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
		var err error
		e.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(e.level)),
			zstd.WithZeroFrames(true), zstd.WithAllLitEntropyCompression(true))
		return e, fault.As(fault.Internal, err)
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
	if _, err := e.layoutOf(s); err != nil {
		return nil, err
	}
	return []byte(magic), nil
}

// Encode makes one row group of recs. Columns that are not nested are written here. Of those that are, the library writes a
// file, whose columns then stand among ours.
func (e *encoder) Encode(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch) (run format.Run, err error) {
	l, err := e.layoutOf(s)
	if err != nil {
		return run, err
	}
	for _, r := range recs {
		run.Rows += r.NumRows()
	}
	if run.Rows == 0 {
		return run, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fault.Errorf(fault.Internal, "encoding a row group: %v", r)
		}
	}()
	nested, err := e.encodeNested(ctx, l.stored, recs, run.Rows)
	if err != nil {
		return format.Run{}, err
	}
	buffer, ok := e.runs.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	out, g := (*buffer)[:0], &group{rows: run.Rows, chunks: make([]chunk, 0, l.stored.NumFields())}
	for _, f := range l.stored.Fields() {
		if arrow.IsNested(f.Type.ID()) {
			out = nested.next(out, f, g)
			continue
		}
		chunks, err := gather(f, recs)
		if err != nil {
			return format.Run{}, err
		}
		var c chunk
		if out, c, err = e.appendColumn(ctx, out, f, flatValues(f.Type, chunks), int(run.Rows)); err != nil {
			return format.Run{}, err
		}
		g.chunks = append(g.chunks, c)
	}
	run.Bytes, run.Size, run.Meta = bytes.Clone(out), int64(len(out)), g
	*buffer = out
	e.runs.Put(buffer)
	return run, nil
}

// nestedFile is a file of the nested columns of a row group.
type nestedFile struct {
	file []byte
	meta *metadata.FileMetaData
	u    *unifier
	leaf int // the next one to be taken
}

func (e *encoder) encodeNested(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch, rows int64) (*nestedFile, error) {
	var fields []arrow.Field
	var columns []*arrow.Chunked
	u := newUnifier()
	for _, f := range s.Fields() {
		if !arrow.IsNested(f.Type.ID()) {
			continue
		}
		chunks, err := gather(f, recs)
		if err != nil {
			return nil, err
		}
		chunks = u.column(f.Name, f.Type, chunks)
		arrays := make([]arrow.Array, len(chunks))
		for i, c := range chunks {
			arrays[i] = array.MakeFromData(c)
		}
		fields = append(fields, f)
		columns = append(columns, arrow.NewChunked(typeOf(chunks, f.Type), arrays))
	}
	if len(fields) == 0 {
		return nil, nil
	}
	file, meta, err := e.write(ctx, arrow.NewSchema(fields, nil), columns, rows, u)
	if err != nil {
		return nil, err
	}
	if len(meta.RowGroups) != 1 || meta.RowGroups[0].NumRows != rows {
		return nil, fault.Errorf(fault.Internal, "encoding a row group: the footer has not its %d rows", rows)
	}
	return &nestedFile{file: file, meta: meta, u: u}, nil
}

// next appends the chunks of column f to a row group.
func (n *nestedFile) next(out []byte, f arrow.Field, g *group) []byte {
	eachLeaf(f.Name, f.Type, func(string, arrow.DataType) {
		c, begin, end := nestedChunk(n.meta, n.file, n.leaf, n.u)
		c.move(int64(len(out)) - begin)
		out = append(out, n.file[begin:end]...)
		g.chunks = append(g.chunks, c)
		n.leaf++
	})
	return out
}

// gather returns the values of column f in all recs.
func gather(f arrow.Field, recs []arrow.RecordBatch) ([]arrow.ArrayData, error) {
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
			return nil, requiredError(f.Name)
		}
		chunks = append(chunks, data)
	}
	return chunks, nil
}

func requiredError(column string) error {
	return fault.Errorf(fault.Invalid, "column %s: it is required, and a row has no value", column)
}

// properties says how the library writes the leaf columns of s.
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

// write has the library write a file of columns, one row group unless there are no rows.
func (e *encoder) write(ctx context.Context, s *arrow.Schema, columns []*arrow.Chunked, rows int64, u *unifier) (file []byte, meta *metadata.FileMetaData, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Errorf(fault.Internal, "encoding a row group: %v", r)
		}
	}()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(s, &out, e.properties(s, u), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, nil, err
	}
	if rows > 0 {
		w.NewRowGroup()
	}
	for i, c := range columns {
		if err := errors.Join(ctx.Err(), w.WriteColumnChunked(c, 0, rows)); err != nil {
			return nil, nil, fault.Errorf(fault.Internal, "column %s: %w", s.Field(i).Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	meta, err = w.FileMetadata()
	return out.Bytes(), meta, err
}

// compress appends a page as it stands in files.
func (e *encoder) compress(out, page []byte) []byte {
	switch e.codec {
	case compress.Codecs.Zstd:
		return e.zstd.EncodeAll(page, out)
	case compress.Codecs.Snappy:
		return append(out, snappy.Encode(nil, page)...)
	}
	return append(out, page...)
}
