package rows

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
)

// evolves reports whether the schema takes a change up.
func (m Mode) evolves() bool { return m == Evolve || m == "" }

// level is one struct, or the batch, whose fields find their columns.
type level struct {
	*pass
	scope
	held *column
	outs []arrow.Array // by place in held; nil: null
	came []arrow.DataType
}

// structs returns the columns of held, in order, made of the columns that came.
func (p *pass) structs(held *column, fields []arrow.Field, cols []arrow.Array, s scope) []arrow.Array {
	l := level{pass: p, scope: s, held: held, outs: make([]arrow.Array, len(held.fields)), came: make([]arrow.DataType, len(held.fields))}
	seen := make(map[string]bool, len(fields))
	for i, f := range fields {
		if seen[f.Name] {
			p.err = fault.Errorf(fault.Invalid, "two columns are named %s%s", s.path, f.Name)
			return nil
		}
		seen[f.Name] = true
		if CompanionOf(f) == "" {
			l.value(f, cols[i])
		}
	}
	for i, f := range fields {
		if CompanionOf(f) != "" {
			l.companion(f, cols[i])
		}
	}
	if p.err != nil {
		return nil
	}
	for i, out := range l.outs {
		if out == nil {
			l.outs[i] = nullsOf(held.fields[i].typ(), s.n)
		}
	}
	return l.outs
}

func nullsOf(dt arrow.DataType, n int) arrow.Array {
	col, err := gather(dt, []source{{n: n}}, n)
	if err != nil { // only a type that no column has
		panic(err)
	}
	return col
}

// value takes up a column that came.
func (l *level) value(f arrow.Field, col arrow.Array) {
	at, ok := l.held.index[f.Name]
	if !ok {
		l.unknown(f, col, l.contract.Columns)
		return
	}
	held := l.held.fields[at]
	out, misfits := l.fit(held, col, l.scope)
	l.set(at, out)
	l.came[at] = col.DataType()
	l.depart(at, col, misfits)
}

// unknown adds a column, if mode lets it.
func (l *level) unknown(f arrow.Field, col arrow.Array, mode Mode) {
	path := l.path + f.Name
	undecided := f.Type.ID() == arrow.NULL
	if !mode.evolves() {
		if undecided {
			return
		}
		for i := range col.Len() {
			if !col.IsNull(i) {
				l.violate(mode, l.rowOf(int32(i)), Reject{Kind: Breach, Column: path, Message: "the destination has no such column"})
			}
		}
		return
	}
	if other := l.held.spelt(f.Name); other != "" && l.path == "" {
		l.change(fmt.Sprintf("columns %s and %s differ only by case", other, f.Name))
	}
	if l.err = l.holdable(path, f); l.err != nil {
		return
	}
	at := l.add(f)
	l.outs[at], l.came[at] = col, f.Type
	if !undecided {
		l.change(added(path, f.Type))
	}
}

// holdable reports a column that could not be saved with the schema.
func (p *pass) holdable(path string, f arrow.Field) error {
	if !utf8.ValidString(f.Name) {
		return fault.Errorf(fault.Invalid, "column %q: the name is not valid UTF-8", path)
	}
	if dt, ok := Canonical(f.Type); !ok || dt != f.Type {
		return fault.Errorf(fault.Invalid, "column %s: no batch holds %s", path, f.Type)
	}
	return p.err
}

func (l *level) add(f arrow.Field) int {
	at := l.held.add(columnOf(f))
	l.outs, l.came = append(l.outs, nil), append(l.came, nil)
	l.grown = true
	return at
}

// fit returns col as held, null where a value does not fit, and which those are.
func (p *pass) fit(held *column, col arrow.Array, s scope) (out arrow.Array, misfits []int32) {
	have, path := col.DataType(), s.path+held.field.Name
	if have.ID() == arrow.NULL {
		return nullsOf(held.typ(), col.Len()), nil
	}
	if held.field.Type.ID() == arrow.NULL {
		if p.err = p.holdable(path, arrow.Field{Type: have}); p.err != nil {
			return col, nil
		}
		held.adopt(have)
		p.change(added(path, have))
		return col, nil
	}
	want := held.typ()
	if SameType(want, have) {
		return col, nil
	}
	switch col := col.(type) {
	case *array.Struct:
		if want.ID() == arrow.STRUCT {
			return p.fitStruct(held, col, s), nil
		}
	case *array.List:
		if want.ID() == arrow.LIST {
			return p.fitList(held, col, s)
		}
	case *array.Map:
		if want.ID() == arrow.MAP {
			return p.fitList(held, col, s)
		}
	default:
		if _, nested := want.(arrow.NestedType); !nested {
			out, misfits = cast(col, want)
			p.coerce(path, col.Len()-col.NullN()-len(misfits))
			return out, misfits
		}
	}
	return nullsOf(want, col.Len()), valid(col)
}

// valid returns the places of values that are not null.
func valid(col arrow.Array) []int32 {
	if col.NullN() == col.Len() {
		return nil
	}
	var places []int32
	for i := range col.Len() {
		if !col.IsNull(i) {
			places = append(places, int32(i))
		}
	}
	return places
}

func (p *pass) fitStruct(held *column, col *array.Struct, s scope) arrow.Array {
	whole := source{col: col, n: col.Len()}
	mask := whole.masked().index
	cols := make([]arrow.Array, col.NumField())
	for i := range cols {
		cols[i] = col.Field(i)
		if mask != nil {
			cols[i] = gatherOne(source{col: cols[i], index: mask, n: len(mask), holes: true})
		}
	}
	outs := p.structs(held, col.DataType().(*arrow.StructType).Fields(), cols, s.within(held.field.Name))
	if p.err != nil {
		return col
	}
	children := make([]arrow.ArrayData, len(outs))
	fields := held.arrowFields()
	for i, out := range outs {
		children[i], fields[i].Type = out.Data(), out.DataType()
	}
	return build(arrow.StructOf(fields...), []source{whole}, col.Len(), children)
}

func gatherOne(s source) arrow.Array {
	col, err := gather(s.col.DataType(), []source{s}, s.n)
	if err != nil { // the type is the array's own
		panic(err)
	}
	return col
}

// fitList fits a list or a map by its elements. Where one does not fit, the whole list does not.
func (p *pass) fitList(held *column, col array.ListLike, s scope) (arrow.Array, []int32) {
	compact := gatherOne(source{col: col, n: col.Len()}).(array.ListLike) // its elements are those of its lists, in order
	elements := compact.ListValues()
	inner := scope{path: s.path, n: elements.Len(), row: make([]int32, elements.Len())}
	list := make([]int32, elements.Len()) // that each element is of
	for i := range compact.Len() {
		from, to := compact.ValueOffsets(i)
		for ; from < to; from++ {
			list[from], inner.row[from] = int32(i), s.rowOf(int32(i))
		}
	}
	parts := []arrow.Array{elements}
	entries, isMap := elements.(*array.Struct)
	if isMap = isMap && len(held.fields) == 2 && held.field.Type.ID() == arrow.MAP; isMap {
		parts = []arrow.Array{entries.Field(0), entries.Field(1)}
	}
	misfit := make([]bool, compact.Len())
	for i, part := range parts {
		inner.path = s.path + held.field.Name + "."
		out, bad := p.fit(held.fields[i], part, inner)
		for _, at := range bad {
			misfit[list[at]] = true
		}
		parts[i] = out
	}
	if p.err != nil {
		return col, nil
	}
	return rebuild(compact, parts, misfit)
}

// rebuild puts new elements into the lists of col, and drops the lists that are misfits.
func rebuild(col array.ListLike, parts []arrow.Array, misfit []bool) (arrow.Array, []int32) {
	var dt arrow.DataType = arrow.ListOf(parts[0].DataType())
	child := parts[0].Data()
	if len(parts) == 2 {
		m := arrow.MapOf(parts[0].DataType(), parts[1].DataType())
		entries := []arrow.ArrayData{parts[0].Data(), parts[1].Data()}
		child = array.NewData(m.Elem(), parts[0].Len(), []*memory.Buffer{nil}, entries, 0, 0)
		dt = m
	}
	whole := source{col: col, n: col.Len()}
	out := build(dt, []source{whole}, col.Len(), []arrow.ArrayData{child}, col.Data().Buffers()[1])
	var bad []int32
	index := make([]int32, col.Len())
	for i := range index {
		index[i] = int32(i)
		if misfit[i] {
			index[i] = -1
			bad = append(bad, int32(i))
		}
	}
	if bad == nil {
		return out, nil
	}
	return gatherOne(source{col: out, index: index, n: len(index), holes: true}), bad
}
