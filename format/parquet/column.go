package parquet

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// chunk is what the footer says of a column in a row group. Offsets are from the begin of the row group.
type chunk struct {
	path         []string
	typ          parquet.Type
	encodings    []int32
	values       int64 // rows, or elements, with or without a value
	nulls        int64 // -1: nobody knows
	uncompressed int64 // with headers
	compressed   int64
	data         int64 // offset of the first data page
	dictionary   int64 // offset of the dictionary's page, -1 = none
	bounds       bounds
	pages        []page
	bare         bool   // the pages have no column index
	columnIndex  []byte // as written, it holds no offsets; nil: it is made of pages
}

type page struct {
	offset, firstRow int64
	size             int32
	nulls            int64
	bounds           bounds
}

// maxBound is the length beyond which the least and the greatest text of a column are not told.
const maxBound = 1024

// Page types of Parquet.
const (
	dataPage       = 0
	dictionaryPage = 2
)

// appendColumn writes the column chunk of a flat column of rows rows behind the row group so far.
func (e *encoder) appendColumn(ctx context.Context, out []byte, f arrow.Field, v values, rows int) ([]byte, chunk, error) {
	typ, encoding := v.kind()
	c := chunk{path: []string{f.Name}, typ: typ, values: int64(rows), dictionary: -1, encodings: []int32{int32(parquet.Encodings.RLE), int32(encoding)}}
	begin := len(out)
	s, ok := e.scratch.Get().(*scratch)
	if !ok {
		s = new(scratch)
	}
	defer e.scratch.Put(s)
	if d, ok := v.(*dictionaryValues); ok {
		c.dictionary = int64(begin)
		c.encodings = append(c.encodings, int32(parquet.Encodings.Plain))
		s.page = d.appendEntries(s.page[:0])
		out = e.appendPage(out, s, &c, pageHeader{kind: dictionaryPage, values: len(d.entries), encoding: int32(parquet.Encodings.Plain)})
	}
	c.data = int64(len(out))
	for a := 0; a < rows; {
		if err := ctx.Err(); err != nil {
			return out, c, err
		}
		b := v.fit(a, rows, e.pageBytes)
		p := page{offset: int64(len(out)), firstRow: int64(a)}
		s.page = s.page[:0]
		nulls := countNulls(v.rows(), a, b)
		if f.Nullable {
			s.page = appendLevels(s.page, v.rows(), a, b, nulls)
		} else if nulls > 0 { // of a dictionary with an entry that is null
			return out, c, requiredError(f.Name)
		}
		p.nulls = int64(nulls)
		s.page, p.bounds = v.append(s.page, a, b)
		out = e.appendPage(out, s, &c, pageHeader{kind: dataPage, values: b - a, encoding: int32(encoding)})
		p.size = int32(int64(len(out)) - p.offset)
		c.nulls += p.nulls
		c.pages = append(c.pages, p)
		a = b
	}
	c.compressed = int64(len(out) - begin)
	c.unite(v)
	return out, c, nil
}

// scratch is what an appender of columns writes in.
type scratch struct{ page, packed []byte }

// appendPage writes the page in s behind its header.
func (e *encoder) appendPage(out []byte, s *scratch, c *chunk, h pageHeader) []byte {
	s.packed = e.compress(s.packed[:0], s.page)
	h.uncompressed, h.compressed = len(s.page), len(s.packed)
	before := len(out)
	out = h.append(out)
	c.uncompressed += int64(len(out) - before + len(s.page))
	return append(out, s.packed...)
}

// unite makes the bounds of the column of those of its pages.
func (c *chunk) unite(v values) {
	for _, p := range c.pages {
		switch b := p.bounds; {
		case b.none:
			c.bounds, c.bare = bounds{none: true}, true
			return
		case b.low == nil:
		case c.bounds.low == nil:
			c.bounds = b
		default:
			if v.less(b.low, c.bounds.low) {
				c.bounds.low = b.low
			}
			if v.less(c.bounds.high, b.high) {
				c.bounds.high = b.high
			}
		}
	}
}

// nestedChunk is what the library wrote of the leaf column k of a file of one row group.
//
// The library leaves empty values out of the bounds of a column, so that readers would skip the rows that have them, and
// counts all values of a dictionary to the first page that refers to it: such bounds are mended or left out. So are those
// of numbers with NaN among them, which engines take for the largest of all though it is in no bound.
func nestedChunk(meta *metadata.FileMetaData, file []byte, k int, u *unifier) (c chunk, begin, end int64) {
	from := meta.RowGroups[0].Columns[k]
	m, path := from.MetaData, meta.Schema.Column(k).Path()
	c = chunk{
		path: m.PathInSchema, typ: parquet.Type(m.Type), values: m.NumValues, nulls: -1,
		uncompressed: m.TotalUncompressedSize, compressed: m.TotalCompressedSize, data: m.DataPageOffset, dictionary: -1, bare: true,
	}
	for _, e := range m.Encodings {
		c.encodings = append(c.encodings, int32(e))
	}
	if st := m.Statistics; st != nil {
		if st.NullCount != nil {
			c.nulls = *st.NullCount
		}
		c.bounds = bounds{low: st.MinValue, high: st.MaxValue, none: u.nans[path]}
		if u.empties[path] && st.MinValue != nil {
			c.bounds.low = []byte{}
		}
		if len(c.bounds.low) > maxBound || len(c.bounds.high) > maxBound {
			c.bounds = bounds{none: true}
		}
	}
	begin = m.DataPageOffset
	if m.DictionaryPageOffset != nil && *m.DictionaryPageOffset > 0 {
		begin = *m.DictionaryPageOffset
		c.dictionary = begin
	}
	if from.OffsetIndexOffset != nil && from.OffsetIndexLength != nil {
		index := metadata.NewOffsetIndex(file[*from.OffsetIndexOffset:][:*from.OffsetIndexLength], nil, nil)
		for _, l := range index.GetPageLocations() {
			c.pages = append(c.pages, page{offset: l.Offset, firstRow: l.FirstRowIndex, size: l.CompressedPageSize})
		}
	}
	oneBound := u.dictionaries[path] && len(c.pages) > 1
	if from.ColumnIndexOffset != nil && from.ColumnIndexLength != nil && !oneBound && !u.empties[path] && !u.nans[path] {
		c.columnIndex = append([]byte{}, file[*from.ColumnIndexOffset:][:*from.ColumnIndexLength]...)
	}
	return c, begin, begin + m.TotalCompressedSize
}

// move adds to all offsets.
func (c *chunk) move(by int64) {
	c.data += by
	if c.dictionary >= 0 {
		c.dictionary += by
	}
	for i := range c.pages {
		c.pages[i].offset += by
	}
}
