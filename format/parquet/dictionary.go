package parquet

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A dictionary pays as long as it is small beside the rows that refer to it, and its page small altogether.
const (
	dictionaryBytes   = 1 << 20
	rowsPerEntry      = 4    // at least so many rows for each entry …
	alwaysEntries     = 1024 // … beyond this many
	sampledRows       = 2048 // of plain strings, to guess whether a dictionary would pay
	sampledRowsPerOne = 8
)

var dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// newDictionary returns the strings of a flat column with a dictionary, nil if that does not pay.
func newDictionary(chunks []arrow.ArrayData) *dictionaryValues {
	encoded, n := count(chunks)
	if encoded == 0 && !samplePays(chunks) {
		return nil
	}
	e := newEntries(n)
	if encoded == 1 && len(chunks) == 1 {
		e.at = nil // the entries differ already
	}
	indices := e.indices(chunks)
	if indices == nil {
		return nil
	}
	for k, c := range chunks {
		_, pad := validityOf(c)
		indices[k] = indices[k][pad:]
	}
	return &dictionaryValues{chunks: chunks, entries: e.list, indices: indices, width: widthOf(len(e.list))}
}

// count returns how many of chunks are dictionary-encoded, and the rows of all.
func count(chunks []arrow.ArrayData) (encoded, rows int) {
	for _, c := range chunks {
		rows += c.Len()
		if c.DataType().ID() == arrow.DICTIONARY {
			encoded++
		}
	}
	return encoded, rows
}

// unifier gives every nested leaf column of strings one dictionary for all its chunks where that pays, and plain strings where not.
// On the way it learns what the bounds of columns depend on. Two leaf columns may have one path, a struct's and one whose
// name has a dot: what is true of either is taken for true of both.
type unifier struct {
	dictionaries map[string]bool // paths of leaf columns that have one
	empties      map[string]bool // paths of leaf columns of which a value is empty
	nans         map[string]bool // paths of leaf columns of which a value is not a number
	widest       int             // mean bytes of a value of the column of plain strings or binaries with the longest ones
}

// column returns chunks of equal types. path is the leaf's or the parent's dotted path in the file, as eachLeaf builds it.
func (u *unifier) column(path string, t arrow.DataType, chunks []arrow.ArrayData) []arrow.ArrayData {
	switch t := t.(type) {
	case *arrow.StringType:
		return u.strings(path, chunks)
	case *arrow.BinaryType:
		u.note(path, chunks)
	case *arrow.Float32Type:
		u.nans[path] = u.nans[path] || hasNaN[float32](chunks)
	case *arrow.Float64Type:
		u.nans[path] = u.nans[path] || hasNaN[float64](chunks)
	case *arrow.StructType:
		types := make([]arrow.DataType, t.NumFields())
		children := make([][]arrow.ArrayData, t.NumFields())
		for i, f := range t.Fields() {
			children[i] = u.column(path+"."+f.Name, f.Type, childrenAt(chunks, i))
			types[i] = typeOf(children[i], f.Type)
		}
		fields := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = arrow.Field{Name: f.Name, Type: types[i], Nullable: f.Nullable}
		}
		return rebuild(chunks, arrow.StructOf(fields...), children)
	case *arrow.ListType:
		child := u.column(path+".list.element", t.Elem(), childrenAt(chunks, 0))
		e := t.ElemField()
		e.Type = typeOf(child, t.Elem())
		return rebuild(chunks, arrow.ListOfField(e), [][]arrow.ArrayData{child})
	case *arrow.MapType:
		entries := childrenAt(chunks, 0)
		keys := u.column(path+".key_value.key", t.KeyType(), childrenAt(entries, 0))
		items := u.column(path+".key_value.value", t.ItemType(), childrenAt(entries, 1))
		m := arrow.MapOf(typeOf(keys, t.KeyType()), typeOf(items, t.ItemType()))
		m.SetItemNullable(t.ItemField().Nullable)
		entries = rebuild(entries, m.Elem(), [][]arrow.ArrayData{keys, items})
		return rebuild(chunks, m, [][]arrow.ArrayData{entries})
	}
	return chunks
}

func newUnifier() *unifier {
	return &unifier{dictionaries: map[string]bool{}, empties: map[string]bool{}, nans: map[string]bool{}}
}

func hasNaN[T float32 | float64](chunks []arrow.ArrayData) bool {
	for _, c := range chunks {
		for _, v := range valuesOf[T](c) {
			if v != v {
				return true
			}
		}
	}
	return false
}

func typeOf(chunks []arrow.ArrayData, none arrow.DataType) arrow.DataType {
	if len(chunks) == 0 {
		return none
	}
	return chunks[0].DataType()
}

func childrenAt(chunks []arrow.ArrayData, i int) []arrow.ArrayData {
	out := make([]arrow.ArrayData, len(chunks))
	for k, c := range chunks {
		out[k] = c.Children()[i]
	}
	return out
}

// rebuild returns chunks with type t and other children: children[i][k] is child i of chunk k.
func rebuild(chunks []arrow.ArrayData, t arrow.DataType, children [][]arrow.ArrayData) []arrow.ArrayData {
	out := make([]arrow.ArrayData, len(chunks))
	for k, c := range chunks {
		kids := make([]arrow.ArrayData, len(children))
		for i := range children {
			kids[i] = children[i][k]
		}
		out[k] = array.NewData(t, c.Len(), c.Buffers(), kids, c.NullN(), c.Offset())
	}
	return out
}

// strings unifies one leaf.
func (u *unifier) strings(path string, chunks []arrow.ArrayData) []arrow.ArrayData {
	encoded, n := count(chunks)
	if encoded == 0 && !samplePays(chunks) {
		u.note(path, chunks)
		return chunks
	}
	e := newEntries(n)
	if out := e.unify(chunks); out != nil {
		u.dictionaries[path] = true
		if _, ok := e.at[""]; ok {
			u.empties[path] = true
		}
		return out
	}
	out := make([]arrow.ArrayData, len(chunks))
	for i, c := range chunks {
		out[i] = plain(c)
	}
	u.note(path, out)
	return out
}

// note looks for empty values, and how long values are, in chunks of plain strings or binaries.
func (u *unifier) note(path string, chunks []arrow.ArrayData) {
	size, values := 0, 0
	for _, c := range chunks {
		a := array.MakeFromData(c).(array.BinaryLike)
		for i := range a.Len() {
			if n := a.ValueLen(i); n > 0 {
				size += n
				values++
			} else if a.IsValid(i) {
				u.empties[path] = true
			}
		}
	}
	u.widest = max(u.widest, size/max(values, 1))
}

// samplePays guesses from the first rows of plain strings.
func samplePays(chunks []arrow.ArrayData) bool {
	seen := make(map[string]struct{}, sampledRows/sampledRowsPerOne)
	n := 0
	for _, c := range chunks {
		a := array.NewStringData(c)
		for i := 0; i < a.Len() && n < sampledRows; i++ {
			n++
			if a.IsValid(i) {
				seen[a.Value(i)] = struct{}{}
			}
			if len(seen) > sampledRows/sampledRowsPerOne {
				return false
			}
		}
	}
	return n > 0 && len(seen)*sampledRowsPerOne <= n
}

// entries is a dictionary that grows.
type entries struct {
	at    map[string]int32 // nil: what is added differs from all that was
	list  []string
	bytes int
	most  int
}

func newEntries(rows int) *entries {
	return &entries{at: map[string]int32{}, most: max(alwaysEntries, rows/rowsPerEntry)}
}

// add returns the index of v; ok is false when the dictionary no longer pays.
func (e *entries) add(v string) (i int32, ok bool) {
	if i, ok = e.at[v]; ok {
		return i, true
	}
	if len(e.list) >= e.most || e.bytes+len(v)+4 > dictionaryBytes {
		return 0, false
	}
	i = int32(len(e.list))
	if e.at != nil {
		e.at[v] = i
	}
	e.list = append(e.list, v)
	e.bytes += len(v) + 4
	return i, true
}

func (e *entries) array() *array.Data {
	offsets := make([]int32, 1, len(e.list)+1)
	text := make([]byte, 0, e.bytes)
	for _, v := range e.list {
		text = append(text, v...)
		offsets = append(offsets, int32(len(text)))
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(text)}
	return array.NewData(arrow.BinaryTypes.String, len(e.list), buffers, nil, 0, 0)
}

// unify returns chunks that share e as their dictionary, or nil if that does not pay.
func (e *entries) unify(chunks []arrow.ArrayData) []arrow.ArrayData {
	indices := e.indices(chunks)
	if indices == nil {
		return nil
	}
	values := e.array()
	out := make([]arrow.ArrayData, len(chunks))
	for k, c := range chunks {
		validity, offset := validityOf(c)
		buffers := []*memory.Buffer{validity, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(indices[k]))}
		out[k] = array.NewDataWithDictionary(dictionaryType, c.Len(), buffers, c.NullN(), offset, values)
	}
	return out
}

// indices returns the places in e of the strings of chunks, after the padding that validityOf asks for; nil if a
// dictionary does not pay.
func (e *entries) indices(chunks []arrow.ArrayData) [][]int32 {
	indices := make([][]int32, len(chunks))
	var moved []int32 // from an index of the last dictionary to one of e, -1 = not yet known
	var last arrow.ArrayData
	for k, c := range chunks {
		var ok bool
		if c.DataType().ID() != arrow.DICTIONARY {
			indices[k], ok = e.addPlain(array.NewStringData(c))
		} else {
			d := array.NewDictionaryData(c)
			if d.Dictionary().NullN() > 0 {
				return nil
			}
			if c.Dictionary() != last {
				last = c.Dictionary()
				moved = moved[:0]
				for range last.Len() {
					moved = append(moved, -1)
				}
			}
			indices[k], ok = e.addEncoded(d, moved)
		}
		if !ok {
			return nil
		}
	}
	return indices
}

// validityOf returns the bitmap of c from the byte on that has its first bit, and the place of that bit.
func validityOf(c arrow.ArrayData) (*memory.Buffer, int) {
	b := c.Buffers()[0]
	if b == nil || b.Len() == 0 { // not by NullN, which a slice only knows once it was asked
		return nil, 0
	}
	return memory.NewBufferBytes(b.Bytes()[c.Offset()/8:]), c.Offset() % 8
}

// addPlain returns the indices of the strings of a, after the padding that validityOf asks for.
func (e *entries) addPlain(a *array.String) ([]int32, bool) {
	_, pad := validityOf(a.Data())
	out := make([]int32, pad+a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			continue
		}
		at, ok := e.add(a.Value(i))
		if !ok {
			return nil, false
		}
		out[pad+i] = at
	}
	return out, true
}

func (e *entries) addEncoded(d *array.Dictionary, moved []int32) ([]int32, bool) {
	_, pad := validityOf(d.Data())
	out := make([]int32, pad+d.Len())
	values := d.Dictionary().(*array.String)
	bits, offset := d.NullBitmapBytes(), d.Data().Offset()
	if d.NullN() == 0 {
		bits = nil
	}
	narrow, _ := d.Indices().(*array.Int32)
	if narrow != nil && bits == nil {
		return out, e.move(out[pad:], narrow.Int32Values(), values, moved)
	}
	for i := range d.Len() {
		if bits != nil && !bitutil.BitIsSet(bits, offset+i) {
			continue
		}
		var from int
		if narrow != nil {
			from = int(narrow.Value(i))
		} else {
			from = d.GetValueIndex(i)
		}
		to := moved[from]
		if to < 0 {
			var ok bool
			if to, ok = e.add(values.Value(from)); !ok {
				return nil, false
			}
			moved[from] = to
		}
		out[pad+i] = to
	}
	return out, true
}

// move is addEncoded of indices without nulls.
func (e *entries) move(out, indices []int32, values *array.String, moved []int32) bool {
	for i, from := range indices {
		to := moved[from]
		if to < 0 {
			var ok bool
			if to, ok = e.add(values.Value(int(from))); !ok {
				return false
			}
			moved[from] = to
		}
		out[i] = to
	}
	return true
}

// plain returns the strings of c without a dictionary.
func plain(c arrow.ArrayData) arrow.ArrayData {
	if c.DataType().ID() != arrow.DICTIONARY {
		return c
	}
	d := array.NewDictionaryData(c)
	values := d.Dictionary().(*array.String)
	size := 0
	for i := range d.Len() {
		if d.IsValid(i) {
			size += values.ValueLen(d.GetValueIndex(i))
		}
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Reserve(d.Len())
	b.ReserveData(size)
	for i := range d.Len() {
		if at := 0; d.IsValid(i) {
			if at = d.GetValueIndex(i); values.IsValid(at) {
				b.Append(values.Value(at))
				continue
			}
		}
		b.AppendNull()
	}
	return b.NewArray().Data()
}
