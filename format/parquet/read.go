package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

const (
	batchRows      = 64 << 10
	fewestRows     = 256
	batchBytes     = 32 << 20 // of values, by the sizes that the footer gives
	readAheadBytes = 16 << 20 // of all columns together
	readAheadMost  = 1 << 20  // of one column
	readAheadLeast = 16 << 10
	pageAlways     = 64 << 20 // a page may be so long …
	pageMost       = 1 << 30  // … and never longer than this
)

type reader struct {
	in          format.Input
	meta        *metadata.FileMetaData
	schema      *arrow.Schema
	leaves      []int // leaf columns to read
	conversions []*conversion
	dictionary  []int // of leaves: those that are read with their dictionaries
}

// Open reads the footer of a file. Rows come in the order of the file, in batches that never span row groups. A position is
// "group:row", the row group and the row in it that comes next, both counted from 0.
//
// Types that batches do not have are converted: unsigned integers to the next wider signed type, 64 bits of them to
// decimal(20,0), times and timestamps of any unit to microseconds, INT96 to a timestamp without zone, FLOAT16 to float32,
// UUIDs to their text, JSON and enumerations to strings, other binaries of fixed length to binary. A timestamp with a part
// of a microsecond is an error of kind Invalid.
func Open(ctx context.Context, in format.Input, o format.ReadOptions) (format.Reader, error) {
	r, err := open(ctx, in, o)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func open(ctx context.Context, in format.Input, o format.ReadOptions) (*reader, error) {
	meta, err := readFooter(ctx, in)
	if err != nil {
		return nil, err
	}
	r := &reader{in: in, meta: meta}
	if err := guard(func() error { return r.choose(o.Columns) }); err != nil {
		return nil, damaged(err, "%s", in.Name)
	}
	return r, nil
}

func (r *reader) Schema() *arrow.Schema { return r.schema }

// choose decides about columns: which, and what becomes of them. nil names mean all.
func (r *reader) choose(names []string) error {
	props := &pqarrow.ArrowReadProperties{}
	r.dictionary = dictionaryColumns(r.meta)
	for _, i := range r.dictionary {
		props.SetReadDict(i, true)
	}
	manifest, err := pqarrow.NewSchemaManifest(r.meta.Schema, nil, props)
	if err != nil {
		return err
	}
	var known []string
	for i := range manifest.Fields {
		known = append(known, manifest.Fields[i].Field.Name)
	}
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		err := fault.Errorf(fault.Invalid, "column %s: there is none of this name", name)
		if near := fault.Nearest(name, known); near != "" {
			return fault.Hint(err, "did you mean %q?", near)
		}
		return fault.Hint(err, "columns are %s", strings.Join(known, ", "))
	}
	var fields []arrow.Field
	for i := range manifest.Fields {
		f := &manifest.Fields[i]
		if names != nil && !slices.Contains(names, f.Field.Name) {
			continue
		}
		c, err := conversionOf(f.Field.Name, f, r.meta.Schema)
		if err != nil {
			return err
		}
		r.conversions = append(r.conversions, c)
		fields = append(fields, arrow.Field{Name: f.Field.Name, Type: c.to, Nullable: f.Field.Nullable})
		r.leaves = appendLeaves(r.leaves, f)
	}
	r.schema = arrow.NewSchema(fields, nil)
	return nil
}

func appendLeaves(leaves []int, f *pqarrow.SchemaField) []int {
	if f.IsLeaf() {
		return append(leaves, f.ColIndex)
	}
	for i := range f.Children {
		leaves = appendLeaves(leaves, &f.Children[i])
	}
	return leaves
}

// dictionaryColumns finds the columns of strings, not nested, all of whose data pages refer to dictionaries.
func dictionaryColumns(meta *metadata.FileMetaData) []int {
	var out []int
	for k := range meta.Schema.NumColumns() {
		column := meta.Schema.Column(k)
		if len(column.ColumnPath()) != 1 || column.MaxRepetitionLevel() > 0 || column.PhysicalType() != parquet.Types.ByteArray || !isString(column.LogicalType().String()) {
			continue
		}
		all := len(meta.RowGroups) > 0
		for _, rg := range meta.RowGroups {
			m, dataPages := rg.Columns[k].MetaData, false
			for _, s := range m.EncodingStats {
				if p := int(s.PageType); p == pageData || p == pageDataV2 {
					dataPages = true
					all = all && (parquet.Encoding(s.Encoding) == parquet.Encodings.RLEDict || parquet.Encoding(s.Encoding) == parquet.Encodings.PlainDict)
				}
			}
			all = all && dataPages
		}
		if all {
			out = append(out, k)
		}
	}
	return out
}

func isString(logical string) bool { return logical == "String" }

// Numbers of PageType in the Parquet specification.
const (
	pageData   = 0
	pageDataV2 = 3
)

func (r *reader) Read(ctx context.Context, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		group, row, err := r.parse(pos)
		if err != nil {
			yield(rows.Batch{}, err)
			return
		}
		for ; group < len(r.meta.RowGroups); group, row = group+1, 0 {
			ok, err := r.readGroup(ctx, group, row, func(b rows.Batch) bool { return yield(b, nil) })
			if err != nil {
				yield(rows.Batch{}, err)
				return
			}
			if !ok {
				return
			}
		}
	}
}

// parse returns the row group and the row in it that pos stands before.
func (r *reader) parse(pos rows.Position) (group int, row int64, err error) {
	if pos == "" {
		return 0, 0, nil
	}
	g, n, ok := strings.Cut(string(pos), ":")
	if ok {
		group, err = strconv.Atoi(g)
		if err == nil {
			row, err = strconv.ParseInt(n, 10, 64)
		}
	}
	if !ok || err != nil || group < 0 || row < 0 || group >= len(r.meta.RowGroups) || row > r.meta.RowGroups[group].NumRows {
		return 0, 0, fault.Errorf(fault.Invalid, "%s: position %q: the file has no such row", r.in.Name, pos)
	}
	return group, row, nil
}

// source is the file as the library wants it. It remembers the last error, so that it is not taken for damage.
type source struct {
	io.ReadSeeker // of nothing: the library wants it and uses ReadAt
	readAt        func(b []byte, off int64) error
	err           error
}

func (s *source) ReadAt(b []byte, off int64) (int, error) {
	if err := s.readAt(b, off); err != nil {
		s.err = err
		return 0, err
	}
	return len(b), nil
}

// readGroup yields the rows of a row group from row on; ok is false when yield wants no more.
func (r *reader) readGroup(ctx context.Context, group int, row int64, yield func(rows.Batch) bool) (ok bool, err error) {
	total := r.meta.RowGroups[group].NumRows
	if len(r.leaves) == 0 {
		return r.countGroup(group, row, total, yield), nil
	}
	src := &source{ReadSeeker: strings.NewReader(""), readAt: func(b []byte, off int64) error { return r.readAt(ctx, b, off) }}
	fail := func(err error) (bool, error) {
		if src.err != nil {
			return false, src.err
		}
		if strings.Contains(err.Error(), "outside the Arrow nanosecond range") {
			err = fault.Hint(fault.As(fault.Invalid, err), "INT96 timestamps are read from 1677 to 2262: write the others as TIMESTAMP_MICROS, or name the other columns")
		}
		return false, damaged(err, "%s: row group %d", r.in.Name, group)
	}
	var records pqarrow.RecordReader
	err = guard(func() error {
		records, err = r.records(ctx, src, group)
		return err
	})
	if err != nil {
		return fail(err)
	}
	for at := int64(0); at < total; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		var rec arrow.RecordBatch
		err := guard(func() error {
			rec, err = records.Read()
			if err == nil && src.err != nil {
				err = src.err
			}
			if err == nil {
				rec, err = r.convert(rec, total-at)
			}
			return err
		})
		if errors.Is(err, io.EOF) {
			err = fault.Errorf(fault.Corrupt, "it has %d rows of %d", at, total)
		}
		if err != nil {
			return fail(err)
		}
		at += rec.NumRows()
		if at <= row {
			continue
		}
		if skip := row - (at - rec.NumRows()); skip > 0 {
			rec = rec.NewSlice(skip, rec.NumRows())
		}
		if !yield(rows.Batch{Rows: rec, Position: position(group, at)}) {
			return false, nil
		}
	}
	return true, nil
}

func position(group int, row int64) rows.Position {
	return rows.Position(fmt.Sprintf("%d:%d", group, row))
}

// countGroup yields batches without columns.
func (r *reader) countGroup(group int, row, total int64, yield func(rows.Batch) bool) bool {
	for at := row; at < total; {
		n := min(batchRows, total-at)
		at += n
		if !yield(rows.Batch{Rows: array.NewRecordBatch(r.schema, nil, n), Position: position(group, at)}) {
			return false
		}
	}
	return true
}

func (r *reader) readAt(ctx context.Context, b []byte, off int64) error {
	if off < 0 || off > r.in.Size-int64(len(b)) {
		return fault.Errorf(fault.Corrupt, "%s: %d bytes from %d on are beyond the file's %d", r.in.Name, len(b), off, r.in.Size)
	}
	return readInto(ctx, r.in, off, b)
}

// records opens the leaf columns of a row group.
func (r *reader) records(ctx context.Context, src *source, group int) (pqarrow.RecordReader, error) {
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.BufferSize = min(readAheadMost, max(readAheadLeast, readAheadBytes/int64(len(r.leaves))))
	rg := r.meta.RowGroups[group]
	var size, packed, unpacked int64
	for _, k := range r.leaves {
		m := rg.Columns[k].MetaData
		size += m.TotalUncompressedSize
		packed = max(packed, m.TotalCompressedSize)
		unpacked = max(unpacked, m.TotalUncompressedSize)
	}
	// A page is not longer than its column, whatever its header says; some programs leave the length out.
	props.MaxCompressedPageSize = packed
	props.MaxUncompressedPageSize = min(pageMost, max(pageAlways, unpacked))
	f, err := file.NewParquetReader(src, file.WithReadProps(props), file.WithMetadata(r.meta))
	if err != nil {
		return nil, err
	}
	n := int64(batchRows)
	if each := size / max(rg.NumRows, 1); each > 0 {
		n = min(n, max(fewestRows, batchBytes/each))
	}
	arrows := pqarrow.ArrowReadProperties{BatchSize: n}
	for _, k := range r.dictionary {
		arrows.SetReadDict(k, true)
	}
	p, err := pqarrow.NewFileReader(f, arrows, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	return p.GetRecordReader(ctx, r.leaves, []int{group})
}

// convert returns rec with the reader's schema; most is the number of rows that it may have.
func (r *reader) convert(rec arrow.RecordBatch, most int64) (arrow.RecordBatch, error) {
	if rec.NumRows() == 0 || rec.NumRows() > most || int(rec.NumCols()) != len(r.conversions) {
		return nil, fault.Errorf(fault.Corrupt, "a batch of %d rows where at most %d are left", rec.NumRows(), most)
	}
	columns := make([]arrow.Array, len(r.conversions))
	for i, c := range r.conversions {
		if err := verify(c.path, rec.Column(i).Data()); err != nil {
			return nil, err
		}
		a, err := c.apply(rec.Column(i))
		if err != nil {
			return nil, err
		}
		if int64(a.Len()) != rec.NumRows() {
			return nil, fault.Errorf(fault.Corrupt, "column %s: %d rows of %d", c.path, a.Len(), rec.NumRows())
		}
		columns[i] = a
	}
	return array.NewRecordBatch(r.schema, columns, rec.NumRows()), nil
}
