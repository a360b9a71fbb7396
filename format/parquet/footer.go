package parquet

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

// group is the Meta of a Run: what the footer must say of it.
type group struct {
	meta    *metadata.FileMetaData // of a file of this row group alone
	columns []columnIndexes
}

// columnIndexes are the page indexes of a column, which stand between the row groups and the footer.
type columnIndexes struct {
	columnIndex []byte // as written, it holds no offsets; nil = none
	pages       []page // offsets of a file of this row group alone; nil = none
}

type page struct {
	offset, firstRow int64
	size             int32
}

// newGroup takes apart file, which holds one row group, and returns what End needs and the size of the row group.
//
// The library leaves empty values out of the bounds of a column, so that readers would skip the rows that have them, and
// counts all values of a dictionary to the first page that refers to it: such bounds are mended or left out. So are those
// of numbers with NaN among them, which engines take for the largest of all though it is in no bound.
func newGroup(meta *metadata.FileMetaData, file []byte, rows int64, u *unifier) (*group, int, error) {
	if len(meta.RowGroups) != 1 || meta.RowGroups[0].NumRows != rows {
		return nil, 0, fault.Errorf(fault.Internal, "encoding a row group: the footer has not its %d rows", rows)
	}
	g := &group{meta: meta}
	end := int64(len(magic))
	for k, c := range meta.RowGroups[0].Columns {
		m, path := c.MetaData, meta.Schema.Column(k).Path()
		switch st := m.Statistics; {
		case st == nil:
		case u.nans[path]:
			st.MinValue, st.MaxValue, st.Min, st.Max = nil, nil, nil, nil
		case u.empties[path] && st.MinValue != nil:
			st.MinValue = []byte{}
		}
		begin := m.DataPageOffset
		if m.DictionaryPageOffset != nil && *m.DictionaryPageOffset > 0 {
			begin = *m.DictionaryPageOffset
		}
		end = max(end, begin+m.TotalCompressedSize)
		var ci columnIndexes
		if c.OffsetIndexOffset != nil && c.OffsetIndexLength != nil {
			index := metadata.NewOffsetIndex(file[*c.OffsetIndexOffset:][:*c.OffsetIndexLength], nil, nil)
			for _, l := range index.GetPageLocations() {
				ci.pages = append(ci.pages, page{l.Offset, l.FirstRowIndex, l.CompressedPageSize})
			}
		}
		oneBound := u.dictionaries[path] && len(ci.pages) > 1
		if c.ColumnIndexOffset != nil && c.ColumnIndexLength != nil && !oneBound && !u.empties[path] && !u.nans[path] {
			ci.columnIndex = bytes.Clone(file[*c.ColumnIndexOffset:][:*c.ColumnIndexLength])
		}
		g.columns = append(g.columns, ci)
	}
	return g, int(end) - len(magic), nil
}

// End writes the page indexes of all row groups, then the footer.
func (e *encoder) End(s *arrow.Schema, runs []format.Run) ([]byte, error) {
	stored, err := storedSchema(s)
	if err != nil {
		return nil, err
	}
	var scratch bytes.Buffer
	meta, err := e.write(context.Background(), &scratch, stored, nil, 0, newUnifier())
	if err != nil {
		return nil, err
	}
	var groups []*group
	var shifts []int64
	at := int64(len(magic))
	for _, r := range runs {
		if r.Rows == 0 {
			continue
		}
		g, ok := r.Meta.(*group)
		if !ok {
			return nil, fault.Errorf(fault.Internal, "a run of %d rows is not of this encoder", r.Rows)
		}
		meta.NumRows += r.Rows
		groups = append(groups, g)
		shifts = append(shifts, at-int64(len(magic)))
		at += r.Size
	}
	out := appendGroups(nil, at, meta, groups, shifts)
	return appendFooter(out, meta)
}

// appendGroups adds groups to meta, and their page indexes to out, which will stand at the offset at of the file.
func appendGroups(out []byte, at int64, meta *metadata.FileMetaData, groups []*group, shifts []int64) []byte {
	for i, g := range groups {
		rg := *g.meta.RowGroups[0]
		ordinal := int16(i)
		rg.Ordinal = &ordinal
		shift := shifts[i]
		moved := func(p *int64) *int64 {
			if p == nil {
				return nil
			}
			v := *p + shift
			return &v
		}
		rg.FileOffset = moved(rg.FileOffset)
		columns := append(rg.Columns[:0:0], rg.Columns...)
		for k, c := range columns {
			chunk, m := *c, *c.MetaData
			// Readers take it for a place of the chunk's metadata outside of the footer; there is none.
			chunk.FileOffset = 0
			m.DataPageOffset += shift
			m.DictionaryPageOffset = moved(m.DictionaryPageOffset)
			m.IndexPageOffset = moved(m.IndexPageOffset)
			m.BloomFilterOffset = moved(m.BloomFilterOffset)
			chunk.MetaData = &m
			chunk.ColumnIndexOffset, chunk.ColumnIndexLength = nil, nil
			chunk.OffsetIndexOffset, chunk.OffsetIndexLength = nil, nil
			if ci := g.columns[k]; ci.columnIndex != nil {
				offset, length := at+int64(len(out)), int32(len(ci.columnIndex))
				chunk.ColumnIndexOffset, chunk.ColumnIndexLength = &offset, &length
				out = append(out, ci.columnIndex...)
			}
			columns[k] = &chunk
		}
		rg.Columns = columns
		meta.RowGroups = append(meta.RowGroups, &rg)
	}
	for i, g := range groups {
		for k, chunk := range meta.RowGroups[i].Columns {
			if pages := g.columns[k].pages; pages != nil {
				offset, before := at+int64(len(out)), len(out)
				out = appendOffsetIndex(out, pages, shifts[i])
				length := int32(len(out) - before)
				chunk.OffsetIndexOffset, chunk.OffsetIndexLength = &offset, &length
			}
		}
	}
	return out
}

func appendFooter(out []byte, meta *metadata.FileMetaData) ([]byte, error) {
	by := createdBy
	meta.CreatedBy = &by
	footer, err := meta.Serialize(context.Background())
	if err != nil {
		return nil, err
	}
	out = append(out, footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, magic...), nil
}
