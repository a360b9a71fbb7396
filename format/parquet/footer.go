package parquet

import (
	"context"
	"encoding/binary"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

// group is the Meta of a Run: what the footer must say of it.
type group struct {
	rows   int64
	chunks []chunk
}

// layout is a schema as files hold it, and the footer's fields that tell it, before and after those of row groups.
type layout struct {
	of            *arrow.Schema
	stored        *arrow.Schema
	before, after []thriftField
}

// The fields of FileMetaData that are written here; the others are of the schema, and the library writes them.
const (
	fieldRows      = 3
	fieldRowGroups = 4
)

// layoutOf returns the layout of s. Most often that is the one of the last call.
func (e *encoder) layoutOf(s *arrow.Schema) (*layout, error) {
	if l := e.layout.Load(); l != nil && l.of == s {
		return l, nil
	}
	l := &layout{of: s}
	var err error
	if l.stored, err = storedSchema(s); err != nil {
		return nil, err
	}
	meta, err := e.describe(l.stored)
	if err != nil {
		return nil, err
	}
	by := createdBy
	meta.CreatedBy = &by
	footer, err := meta.Serialize(context.Background())
	if err != nil {
		return nil, fault.As(fault.Internal, err)
	}
	fields, err := splitStruct(footer)
	if err != nil {
		return nil, fault.As(fault.Internal, err)
	}
	for _, f := range fields {
		if f.id < fieldRows {
			l.before = append(l.before, f)
		} else if f.id > fieldRowGroups {
			l.after = append(l.after, f)
		}
	}
	e.layout.Store(l)
	return l, nil
}

// End writes the page indexes of all row groups, then the footer.
func (e *encoder) End(s *arrow.Schema, runs []format.Run) ([]byte, error) {
	l, err := e.layoutOf(s)
	if err != nil {
		return nil, err
	}
	var groups []*group
	var shifts []int64
	at, rows := int64(len(magic)), int64(0)
	for _, r := range runs {
		if r.Rows == 0 {
			continue
		}
		g, ok := r.Meta.(*group)
		if !ok {
			return nil, fault.Errorf(fault.Internal, "a run of %d rows is not of this encoder", r.Rows)
		}
		groups = append(groups, g)
		shifts = append(shifts, at)
		at += r.Size
		rows += r.Rows
	}
	out, columns, offsets := appendIndexes(at, groups, shifts)
	footer := thriftWriter{out: out}
	for _, f := range l.before {
		footer.raw(f)
	}
	footer.i64(fieldRows, rows)
	footer.list(fieldRowGroups, thriftStruct, len(groups))
	for i, g := range groups {
		n := len(g.chunks)
		footer.rowGroup(g, int16(i), int32(e.codec), shifts[i], columns[:n], offsets[:n])
		columns, offsets = columns[n:], offsets[n:]
	}
	for _, f := range l.after {
		footer.raw(f)
	}
	footer.out = append(footer.out, thriftStop)
	length := len(footer.out) - len(out)
	return append(binary.LittleEndian.AppendUint32(footer.out, uint32(length)), magic...), nil
}

// raw writes a field as it was read.
func (w *thriftWriter) raw(f thriftField) {
	w.field(f.id, f.kind)
	w.out = append(w.out, f.raw...)
}

// appendIndexes writes the page indexes of groups, the first at the offset at of the file, and says where they stand.
func appendIndexes(at int64, groups []*group, shifts []int64) (out []byte, columns, offsets []index) {
	since := func(before int) index {
		return index{at + int64(before), int32(len(out) - before)}
	}
	for _, g := range groups {
		for k := range g.chunks {
			before := len(out)
			if c := &g.chunks[k]; c.columnIndex != nil {
				out = append(out, c.columnIndex...)
			} else if !c.bare {
				out = c.appendColumnIndex(out)
			}
			columns = append(columns, since(before))
		}
	}
	for i, g := range groups {
		for k := range g.chunks {
			before := len(out)
			if pages := g.chunks[k].pages; pages != nil {
				out = appendOffsetIndex(out, pages, shifts[i])
			}
			offsets = append(offsets, since(before))
		}
	}
	return out, columns, offsets
}

// rowGroup writes a RowGroup as an element.
func (w *thriftWriter) rowGroup(g *group, ordinal int16, codec int32, shift int64, columns, offsets []index) {
	outer := w.element()
	w.list(1, thriftStruct, len(g.chunks))
	var uncompressed, compressed int64
	for k := range g.chunks {
		c := &g.chunks[k]
		uncompressed, compressed = uncompressed+c.uncompressed, compressed+c.compressed
		w.columnChunk(c, codec, shift, columns[k], offsets[k])
	}
	w.i64(2, uncompressed)
	w.i64(3, g.rows)
	w.i64(5, shift)
	w.i64(6, compressed)
	w.i16(7, ordinal)
	w.end(outer)
}

// describe returns the metadata of a file that has no rows.
func (e *encoder) describe(s *arrow.Schema) (*metadata.FileMetaData, error) {
	_, meta, err := e.write(context.Background(), s, nil, 0, newUnifier())
	return meta, err
}
