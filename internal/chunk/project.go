package chunk

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// JSONColumn is the metadata key of a column whose text is JSON, as merged ones are.
const JSONColumn = "gros.json"

// projection is what becomes of batches of a schema: which columns, merged or not.
type projection struct {
	options ReadOptions
	in      *arrow.Schema // that it was made for
	columns []merged
	schema  *arrow.Schema
	where   *expr.Program
}

// merged is one column of the result, and the companions that are folded into it.
type merged struct {
	at, double, text int // places in the batch; -1: none
	json             bool
}

func newProjection(o ReadOptions) projection { return projection{options: o} }

// bind makes the projection of batches of s.
func (p *projection) bind(s *arrow.Schema) error {
	if p.in != nil && p.in.Equal(s) {
		return nil
	}
	p.in, p.columns, p.where = s, nil, nil
	var fields []arrow.Field
	add := func(i int) {
		f, m := s.Field(i), merged{at: i, double: -1, text: -1}
		if p.options.Merge {
			m.double, m.text = companionsOf(s.Fields(), i)
			if m.json = m.double >= 0 || m.text >= 0 || variesInside(f.Type); m.json {
				f = arrow.Field{Name: f.Name, Type: arrow.BinaryTypes.String, Nullable: true, Metadata: arrow.MetadataFrom(map[string]string{JSONColumn: "true"})}
			}
		}
		fields, p.columns = append(fields, f), append(p.columns, m)
	}
	if p.options.Columns == nil {
		for i := range s.NumFields() {
			if !p.options.Merge || baseOf(s.Fields(), i) < 0 {
				add(i)
			}
		}
	}
	for _, name := range p.options.Columns {
		at := s.FieldIndices(name)
		if len(at) == 0 {
			return fault.Errorf(fault.Internal, "column %s: is not read", name)
		}
		add(at[0])
	}
	p.schema = arrow.NewSchema(fields, nil)
	return nil
}

// apply keeps the rows that where asks for, and makes the columns.
func (p *projection) apply(ctx context.Context, where *expr.Expr, rec arrow.RecordBatch) (arrow.RecordBatch, []expr.RowError, error) {
	if err := p.bind(rec.Schema()); err != nil {
		return nil, nil, err
	}
	var errs []expr.RowError
	if where != nil {
		if p.where == nil {
			var err error
			if p.where, err = where.Bind(rec.Schema()); err != nil {
				return nil, nil, err
			}
		}
		index, failed, err := p.where.Select(ctx, rec)
		if err != nil {
			return nil, nil, err
		}
		rec, errs = rows.Take(rec, index), failed
	}
	columns := make([]arrow.Array, len(p.columns))
	for i, m := range p.columns {
		columns[i] = rec.Column(m.at)
		if m.json {
			columns[i] = m.merge(rec)
		}
	}
	return array.NewRecordBatch(p.schema, columns, rec.NumRows()), errs, nil
}

// merge makes one column of JSON of a column and its companions.
func (m merged) merge(rec arrow.RecordBatch) arrow.Array {
	out := array.NewStringBuilder(memory.DefaultAllocator)
	var buf []byte
	for i := range int(rec.NumRows()) {
		buf = appendMerged(buf[:0], rec.Columns(), m, i)
		if string(buf) == "null" {
			out.AppendNull()
			continue
		}
		out.BinaryBuilder.Append(buf)
	}
	return out.NewArray()
}

// appendMerged writes the value of a row, wherever it stands.
func appendMerged(dst []byte, columns []arrow.Array, m merged, i int) []byte {
	switch {
	case m.double >= 0 && !columns[m.double].IsNull(i):
		return rows.AppendJSONValue(dst, columns[m.double], i)
	case m.text >= 0 && !columns[m.text].IsNull(i):
		return appendText(dst, columns[m.text], i)
	}
	return appendWhole(dst, columns[m.at], i)
}

// appendText writes a companion's text, which is JSON already.
func appendText(dst []byte, a arrow.Array, i int) []byte {
	if d, ok := a.(*array.Dictionary); ok {
		return appendText(dst, d.Dictionary(), d.GetValueIndex(i))
	}
	if s, ok := a.(*array.String); ok {
		return append(dst, s.Value(i)...)
	}
	return rows.AppendJSONValue(dst, a, i)
}

// appendWhole writes a value, with the companions inside it folded back.
func appendWhole(dst []byte, a arrow.Array, i int) []byte {
	if a.IsNull(i) || !variesInside(a.DataType()) {
		return rows.AppendJSONValue(dst, a, i)
	}
	switch a := a.(type) {
	case *array.Struct:
		fields, columns, first := a.DataType().(*arrow.StructType).Fields(), make([]arrow.Array, a.NumField()), true
		for j := range columns {
			columns[j] = a.Field(j)
		}
		dst = append(dst, '{')
		for j, f := range fields {
			if baseOf(fields, j) >= 0 {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(rows.AppendJSONString(dst, f.Name), ':')
			m := merged{at: j}
			m.double, m.text = companionsOf(fields, j)
			dst = appendMerged(dst, columns, m, i)
		}
		return append(dst, '}')
	case *array.List:
		from, to := a.ValueOffsets(i)
		dst = append(dst, '[')
		for j := from; j < to; j++ {
			if j > from {
				dst = append(dst, ',')
			}
			dst = appendWhole(dst, a.ListValues(), int(j))
		}
		return append(dst, ']')
	}
	return rows.AppendJSONValue(dst, a, i)
}

// variesInside says whether there is a companion somewhere in a type.
func variesInside(dt arrow.DataType) bool {
	switch t := dt.(type) {
	case *arrow.StructType:
		for i, f := range t.Fields() {
			if baseOf(t.Fields(), i) >= 0 || variesInside(f.Type) {
				return true
			}
		}
	case *arrow.ListType:
		return variesInside(t.Elem())
	}
	return false
}

// companionsOf finds the companions of a field among its neighbours, -1 where there is none.
func companionsOf(fields []arrow.Field, at int) (double, text int) {
	double, text = -1, -1
	for i := range fields {
		if baseOf(fields, i) != at {
			continue
		}
		if strings.HasSuffix(fields[i].Name, rows.DoubleSuffix) {
			double = i
		} else {
			text = i
		}
	}
	return double, text
}

// baseOf finds the field that a field is the companion of, -1 if it is none. Files do not keep the mark of companions, so
// that names and types must do.
func baseOf(fields []arrow.Field, at int) int {
	f := fields[at]
	base := rows.CompanionOf(f)
	if base == "" {
		if name, ok := strings.CutSuffix(f.Name, rows.DoubleSuffix); ok && f.Type.ID() == arrow.FLOAT64 {
			base = name
		} else if name, ok := strings.CutSuffix(f.Name, rows.TextSuffix); ok && rows.Logical(f.Type).ID() == arrow.STRING {
			base = name
		}
	}
	for i := range fields {
		if base != "" && fields[i].Name == base {
			return i
		}
	}
	return -1
}
