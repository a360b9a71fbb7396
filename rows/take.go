package rows

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
)

// Part is some rows of a batch: those of Index in its order, all of them if it is nil.
type Part struct {
	Rows  arrow.RecordBatch
	Index []int32
}

// Len is the number of rows of p.
func (p Part) Len() int {
	if p.Index == nil {
		return int(p.Rows.NumRows())
	}
	return len(p.Index)
}

// Take returns the rows of r at index, in its order. Dictionaries are shared with r, so they keep their memory alive.
func Take(r arrow.RecordBatch, index []int32) arrow.RecordBatch {
	cols := make([]arrow.Array, r.NumCols())
	for i, col := range r.Columns() {
		cols[i] = takeArray(col, index)
	}
	return array.NewRecordBatch(r.Schema(), cols, int64(len(index)))
}

// Gather copies the rows of all parts, in order, into one batch that shares no memory with them. Columns are those of
// schema, found by name; one that a part lacks, or has undecided, is null there. A column whose type in a part is not that
// of schema is an error (fault.Internal). Strings come out dictionary-encoded when they went in so and repeat enough, whatever
// the schema says of that: the schema of the result has the types of its columns.
func Gather(schema *arrow.Schema, parts []Part) (arrow.RecordBatch, error) {
	n := 0
	for _, p := range parts {
		n += p.Len()
	}
	fields, cols := schema.Fields(), make([]arrow.Array, schema.NumFields())
	sources := make([]source, len(parts))
	var places []int
	var last *arrow.Schema // parts in a row mostly have one schema: find its columns once
	find := make([][]int, len(parts))
	for i, p := range parts {
		if s := p.Rows.Schema(); s != last {
			places, last = placesOf(schema, s), s
		}
		find[i] = places
	}
	for c, f := range fields {
		for i, p := range parts {
			sources[i] = source{index: p.Index, n: p.Len()}
			if at := find[i][c]; at >= 0 {
				sources[i].col = p.Rows.Column(at)
			}
		}
		col, err := gather(f.Type, sources, n)
		if err != nil {
			return nil, fault.Errorf(fault.Internal, "column %s: %w", f.Name, err)
		}
		cols[c] = col
	}
	if !fits(schema, cols) {
		if last != nil && inPlace(places) && last.Metadata().Equal(schema.Metadata()) && fits(last, cols) {
			schema = last // many small batches share one schema
		} else {
			for c, col := range cols {
				fields[c].Type = col.DataType()
			}
			meta := schema.Metadata()
			schema = arrow.NewSchema(fields, &meta)
		}
	}
	return array.NewRecordBatch(schema, cols, int64(n)), nil
}

// inPlace reports whether every column stands where it is looked for.
func inPlace(places []int) bool {
	for i, at := range places {
		if at != i {
			return false
		}
	}
	return true
}

// fits reports whether cols have the types of s.
func fits(s *arrow.Schema, cols []arrow.Array) bool {
	if s.NumFields() != len(cols) {
		return false
	}
	for i, col := range cols {
		if have := col.DataType(); have != s.Field(i).Type && !arrow.TypeEqual(have, s.Field(i).Type) {
			return false
		}
	}
	return true
}

// placesOf returns where the columns of want stand in have, -1 for those that it lacks.
func placesOf(want, have *arrow.Schema) []int {
	places := make([]int, want.NumFields())
	for i, f := range want.Fields() {
		places[i] = -1
		if i < have.NumFields() && have.Field(i).Name == f.Name {
			places[i] = i
		} else if at := have.FieldIndices(f.Name); len(at) > 0 {
			places[i] = at[0]
		}
	}
	return places
}

// source is some values of one array: those at index, all if that is nil; null where the index is negative, and
// everywhere if col is nil.
type source struct {
	col   arrow.Array
	index []int32
	n     int
	holes bool // index may be negative
}

// at is the place of value i in the array, -1 if it is null.
func (s source) at(i int) int {
	if s.index != nil {
		i = int(s.index[i])
	}
	if s.col == nil || i < 0 || s.col.IsNull(i) {
		return -1
	}
	return i
}

// hasNulls reports whether a value of s may be null.
func (s source) hasNulls() bool { return s.col == nil || s.holes || s.col.NullN() > 0 }

func takeArray(col arrow.Array, index []int32) arrow.Array {
	if index == nil {
		index = []int32{}
	}
	if d, ok := col.(*array.Dictionary); ok {
		return takeDictionary(d, index)
	}
	taken, err := gather(col.DataType(), []source{{col: col, index: index, n: len(index)}}, len(index))
	if err != nil { // the type is the array's own
		panic(err)
	}
	return taken
}
