package chunk

import (
	"context"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// hiveTypes is the columns that only the folders of files say, in order, and their types.
type hiveTypes []arrow.Field

// learnHive finds them out: a column that the schema has is of its type, another is an integer where all values are, else
// text.
func learnHive(prefix string, files []Entry, held *arrow.Schema) hiveTypes {
	var h hiveTypes
	for _, f := range files {
		for _, p := range ParsePartitions(prefix + f.Key) {
			at := slices.IndexFunc(h, func(f arrow.Field) bool { return f.Name == p.Name })
			if at < 0 {
				at = len(h)
				h = append(h, arrow.Field{Name: p.Name, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
			}
			if n, err := strconv.ParseInt(p.Value, 10, 64); !p.Null && (err != nil || strconv.FormatInt(n, 10) != p.Value) {
				h[at].Type = arrow.BinaryTypes.String
			}
		}
	}
	for i := range h {
		if held == nil {
			break
		}
		if at := held.FieldIndices(h[i].Name); len(at) > 0 && held.Field(at[0]).Type.ID() != arrow.NULL {
			h[i].Type = held.Field(at[0]).Type
		}
	}
	return h
}

// addTo returns s with the columns of folders that it does not have.
func (h hiveTypes) addTo(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	for _, f := range h {
		if len(s.FieldIndices(f.Name)) == 0 {
			fields = append(fields, f)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// dropFrom returns s without the columns of folders: files do not hold them.
func (h hiveTypes) dropFrom(s *arrow.Schema) *arrow.Schema {
	if s == nil || len(h) == 0 {
		return s
	}
	fields := slices.DeleteFunc(s.Fields(), func(f arrow.Field) bool {
		return slices.ContainsFunc(h, func(g arrow.Field) bool { return g.Name == f.Name })
	})
	return arrow.NewSchema(fields, nil)
}

// add adds the columns that the folders of a key say to its rows. One that the file has itself, by has or in rec, stays.
func (h hiveTypes) add(key string, rec arrow.RecordBatch, has *arrow.Schema) (arrow.RecordBatch, error) {
	values := ParsePartitions(key)
	if len(values) == 0 {
		return rec, nil
	}
	fields, columns := slices.Clone(rec.Schema().Fields()), slices.Clone(rec.Columns())
	for i, p := range values {
		inner := slices.ContainsFunc(values[i+1:], func(q PartitionValue) bool { return q.Name == p.Name })
		if inner || len(rec.Schema().FieldIndices(p.Name)) > 0 || has != nil && len(has.FieldIndices(p.Name)) > 0 {
			continue
		}
		at := slices.IndexFunc(h, func(f arrow.Field) bool { return f.Name == p.Name })
		column, err := constant(h[at].Type, p, int(rec.NumRows()))
		if err != nil {
			return nil, err
		}
		fields = append(fields, arrow.Field{Name: p.Name, Type: column.DataType(), Nullable: true})
		columns = append(columns, column)
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rec.NumRows()), nil
}

// constant is a column of n times the value of a folder.
func constant(dt arrow.DataType, p PartitionValue, n int) (arrow.Array, error) {
	if p.Null {
		return array.MakeArrayOfNull(memory.DefaultAllocator, dt, n), nil
	}
	text := array.NewStringBuilder(memory.DefaultAllocator)
	text.Append(p.Value)
	one := arrow.Array(text.NewArray())
	if dt = rows.Logical(dt); dt.ID() != arrow.STRING {
		var err error
		if one, err = castText(one, dt); err != nil {
			return nil, fault.Errorf(fault.Corrupt, "the folder %s=%s is no %s: %w", p.Name, p.Value, rows.TypeName(dt), err)
		}
	}
	rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: p.Name, Type: dt, Nullable: true}}, nil), []arrow.Array{one}, 1)
	return rows.Take(rec, make([]int32, n)).Column(0), nil
}

// castText reads a text as expressions do.
func castText(col arrow.Array, dt arrow.DataType) (arrow.Array, error) {
	e, err := expr.Parse("cast(x as " + rows.TypeName(dt) + ")")
	if err != nil {
		return nil, err
	}
	rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "x", Type: col.DataType(), Nullable: true}}, nil), []arrow.Array{col}, int64(col.Len()))
	p, err := e.Bind(rec.Schema())
	if err != nil {
		return nil, err
	}
	out, errs, err := p.Eval(context.Background(), rec)
	if err == nil && len(errs) > 0 {
		err = fault.Errorf(fault.Invalid, "%s", errs[0].Message)
	}
	return out, err
}
