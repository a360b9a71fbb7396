package rows

import (
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
)

// depart sends values that do not fit their column to its companions, if the contract lets them.
func (l *level) depart(at int, col arrow.Array, misfits []int32) {
	if len(misfits) == 0 {
		return
	}
	held := l.held.fields[at]
	name, path := held.field.Name, l.path+held.field.Name
	if mode := l.contract.Types; !mode.evolves() {
		for _, i := range misfits {
			message := fmt.Sprintf("%s does not fit %s", shortJSON(col, int(i)), TypeName(held.typ()))
			l.violate(mode, l.rowOf(i), Reject{Kind: Breach, Column: path, Message: message})
		}
		return
	}
	doubles, texts := array.NewFloat64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	var asDouble, asText []int32
	var buf []byte
	for _, i := range misfits {
		if v, ok := scalarOf(col, int(i)).asDouble(); ok {
			doubles.Append(v)
			asDouble = append(asDouble, i)
			continue
		}
		buf = AppendJSONValue(buf[:0], col, int(i))
		texts.BinaryBuilder.Append(buf)
		asText = append(asText, i)
	}
	l.coerce(path, len(misfits))
	l.put(DoubleCompanion(name), asDouble, doubles.NewArray())
	l.put(TextCompanion(name), asText, texts.NewArray())
}

// shortJSON is a value as an error shows it.
func shortJSON(col arrow.Array, i int) string {
	text := AppendJSONValue(nil, col, i)
	if len(text) > 60 {
		text = append(text[:57:57], "…"...)
	}
	return string(text)
}

// put writes values into a companion, which is added if need be.
func (l *level) put(f arrow.Field, places []int32, values arrow.Array) {
	if len(places) == 0 {
		return
	}
	at, ok := l.held.index[f.Name]
	if !ok {
		at = l.add(f)
		l.change(added(l.path+f.Name, f.Type))
	}
	if held := l.held.fields[at]; CompanionOf(held.field) != CompanionOf(f) || !SameType(held.typ(), f.Type) {
		l.homeless(places, CompanionOf(f), "the destination has a column "+f.Name+" of its own")
		return
	}
	l.merge(at, places, values)
}

// homeless refuses rows with a value that no column can take.
func (l *level) homeless(places []int32, column, why string) {
	for _, i := range places {
		l.violate(Quarantine, l.rowOf(i), Reject{Kind: BadType, Column: l.path + column, Message: "a value fits no column: " + why})
	}
}

// merge writes values into places of a column that are null so far.
func (l *level) merge(at int, places []int32, values arrow.Array) {
	out, name := l.outs[at], l.held.fields[at].field.Name
	if out == nil {
		out = nullsOf(values.DataType(), l.n)
	}
	index := make([]int32, l.n)
	for i := range index {
		index[i] = int32(i)
	}
	for k, i := range places {
		if !out.IsNull(int(i)) {
			l.homeless([]int32{i}, name, "the row has a value in "+name+" already")
		}
		index[i] = int32(l.n + k)
	}
	both, err := gather(values.DataType(), []source{{col: out, n: l.n}, {col: values, n: values.Len()}}, l.n+values.Len())
	if err != nil {
		l.err = fault.Errorf(fault.Internal, "column %s%s: %w", l.path, name, err)
		return
	}
	l.outs[at] = gatherOne(source{col: both, index: index, n: l.n})
}

// set makes col the column at a place, beside the values that went there before.
func (l *level) set(at int, col arrow.Array) {
	if l.outs[at] == nil {
		l.outs[at] = col
		return
	}
	if places := valid(col); len(places) > 0 {
		l.merge(at, places, takeArray(col, places))
	}
}

// companion takes up a companion column that came: its values did not fit the type that their column had where they come
// from, and may fit the one that it has here.
func (l *level) companion(f arrow.Field, col arrow.Array) {
	base := CompanionOf(f)
	if at, ok := l.held.index[base]; ok && (l.came[at] == nil || !SameType(l.came[at], l.held.fields[at].typ())) {
		col = l.moveHome(at, col)
	}
	places := valid(col)
	if len(places) == 0 {
		return
	}
	if mode := l.contract.Types; !mode.evolves() {
		for _, i := range places {
			message := shortJSON(col, int(i)) + " does not fit its column"
			l.violate(mode, l.rowOf(i), Reject{Kind: Breach, Column: l.path + base, Message: message})
		}
		return
	}
	at, ok := l.held.index[f.Name]
	if !ok {
		l.unknown(f, col, Evolve)
		return
	}
	if CompanionOf(l.held.fields[at].field) != base {
		l.homeless(places, base, "the destination has a column "+f.Name+" of its own")
		return
	}
	out, misfits := l.fit(l.held.fields[at], col, l.scope)
	l.homeless(misfits, base, "the destination has a column "+f.Name+" of its own")
	l.set(at, out)
}

// moveHome moves the values of a companion that fit the column here, and returns the others.
func (l *level) moveHome(at int, col arrow.Array) arrow.Array {
	held := l.held.fields[at].typ()
	var fitting arrow.Array
	if Logical(col.DataType()).ID() == arrow.STRING {
		fitting = castJSON(col, held)
	} else if _, nested := held.(arrow.NestedType); !nested {
		fitting, _ = cast(col, held)
	}
	if fitting == nil || fitting.NullN() == fitting.Len() {
		return col
	}
	var places []int32
	rest := make([]int32, col.Len())
	for i := range rest {
		rest[i] = int32(i)
		if fitting.IsNull(i) || l.outs[at] != nil && !l.outs[at].IsNull(i) {
			continue
		}
		rest[i] = -1
		places = append(places, int32(i))
	}
	l.coerce(l.path+l.held.fields[at].field.Name, len(places))
	if len(places) > 0 {
		l.merge(at, places, takeArray(fitting, places))
	}
	return gatherOne(source{col: col, index: rest, n: len(rest), holes: true})
}

// castJSON returns the values whose JSON col holds as dt, null where they do not fit; nil if none can.
func castJSON(col arrow.Array, dt arrow.DataType) arrow.Array {
	switch dt.(type) {
	case arrow.NestedType, *arrow.NullType:
		return nil
	}
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	b.Reserve(col.Len())
	for i := range col.Len() {
		if col.IsNull(i) {
			b.AppendNull()
		} else {
			scalarOfJSON(scalarOf(col, i).s).appendTo(b)
		}
	}
	return b.NewArray()
}

// scalarOfJSON reads a string, a number or a boolean; anything else is opaque.
func scalarOfJSON(s string) scalar {
	switch {
	case s == "true":
		return scalar{kind: boolean, i: 1}
	case s == "false":
		return scalar{kind: boolean}
	case s != "" && s[0] == '"':
		var v string
		if json.Unmarshal([]byte(s), &v) == nil {
			return scalar{kind: text, s: v}
		}
	default:
		if d, scale, ok := parseDecimal([]byte(s)); ok && (d.Sign() != 0 || s[0] != '-') {
			return scalar{kind: exact, d: d, scale: scale}
		}
	}
	return scalar{}
}

// Decided returns s without what has no type yet: undecided columns and fields, lists of nothing, structs with no field.
// Files hold only the rest; Gather makes batches of it.
func Decided(s *arrow.Schema) *arrow.Schema {
	fields, changed := decidedFields(s.Fields())
	if !changed {
		return s
	}
	meta := s.Metadata()
	return arrow.NewSchema(fields, &meta)
}

func decidedFields(fields []arrow.Field) (kept []arrow.Field, changed bool) {
	for _, f := range fields {
		dt := decided(f.Type)
		changed = changed || dt != f.Type
		if dt != nil {
			f.Type = dt
			kept = append(kept, f)
		}
	}
	return kept, changed
}

// decided returns dt without what has no type in it, nil if nothing is left; dt itself if all has.
func decided(dt arrow.DataType) arrow.DataType {
	switch t := dt.(type) {
	case *arrow.NullType:
		return nil
	case *arrow.ListType:
		elem := decided(t.Elem())
		if elem == nil || elem == t.Elem() {
			return orNil(dt, elem)
		}
		return arrow.ListOf(elem)
	case *arrow.MapType:
		key, value := decided(t.KeyType()), decided(t.ItemType())
		if key == nil || value == nil {
			return nil
		}
		if key != t.KeyType() || value != t.ItemType() {
			return arrow.MapOf(key, value)
		}
	case *arrow.StructType:
		fields, changed := decidedFields(t.Fields())
		if len(fields) == 0 {
			return nil
		}
		if changed {
			return arrow.StructOf(fields...)
		}
	}
	return dt
}

func orNil(dt, inner arrow.DataType) arrow.DataType {
	if inner == nil {
		return nil
	}
	return dt
}
