package json

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// kind is what a column holds, as far as decoding differs.
type kind uint8

const (
	undecided kind = iota
	boolean
	integer // of any width
	floating
	decimal
	words  // utf8
	octets // base64 in JSON
	day
	clock
	stamp
	list
	object
	mapping
)

// column grows one column of a batch. Slots are its rows, those of the struct around it, or the elements of the list or
// map around it. A slot that nobody wrote is null.
type column struct {
	name, path string
	kind       kind
	field      arrow.Field

	double, text *column // its companions, nil where there is none
	noDouble     bool    // the name of that companion is another column's
	noText       bool
	element      bool // of a list or a map, so that companions stand beside that
	bound        int  // companion: 1 + the slot last written for a value that did not fit

	kids  []*column   // object: fields; list: the element; mapping: key, value
	names *dictionary // object: names of kids
	first *column     // object: the field that came first last time
	next  *column     // the field that followed last time
	token token
	made  *arrow.Schema // root: of the last batch

	seen *dictionary // mapping: keys of the current one
	last []int       // and where they stood last

	low, high        int64 // integer: range
	width            int   // floating: bits
	precision, scale int32 // decimal
	zone             sort  // stamp: naive or zoned
	dates            dates

	n, room, nulls int
	valid          []byte // a bit per slot of room, cleared for null
	ints           []int64
	floats         []float64
	decs           []decimal128.Num
	bits           []byte
	offsets        []int32 // words, octets, list, mapping; words in a dictionary: ids
	data           []byte
	dict           *dictionary // words, while that pays
	spare          *dictionary
	plain          int // batches for which no dictionary is tried

	expect     int // slots of the last batch
	expectData int
	coerced    int64
	guess      *guess
}

// plan returns the root of the columns of s: an object whose slots are the rows.
func plan(s *arrow.Schema, seed uint64) (*column, error) {
	root := &column{kind: object}
	if err := root.fields(s.Fields(), seed, ""); err != nil {
		return nil, err
	}
	for _, c := range root.kids {
		if c.kind == words {
			c.spare = &dictionary{seed: seed}
		}
	}
	for _, c := range root.kids {
		if c.text != nil {
			c.text.spare = nil
		}
	}
	return root, nil
}

func (c *column) fields(fields []arrow.Field, seed uint64, path string) error {
	c.names = &dictionary{seed: seed}
	c.names.begin()
	for _, f := range fields {
		k := &column{name: f.Name, field: f}
		if k.path = f.Name; path != "" {
			k.path = path + "." + f.Name
		}
		if !c.name2id(f.Name, len(c.kids)) {
			return fault.Errorf(fault.Invalid, "column %s: there are two of this name", k.path)
		}
		c.kids = append(c.kids, k)
		if err := k.of(f.Type, seed); err != nil {
			return err
		}
	}
	for _, k := range c.kids {
		k.double, k.noDouble = c.companion(rows.DoubleCompanion(k.name))
		k.text, k.noText = c.companion(rows.TextCompanion(k.name))
	}
	return nil
}

// name2id enters a name, and reports whether it is new.
func (c *column) name2id(name string, row int) bool {
	v := append([]byte(name), make([]byte, 16)...)
	a, b, h := c.names.key(base(v), 0, len(name))
	id, at := c.names.find(v[:len(name)], a, b, h)
	if id >= 0 {
		return false
	}
	if _, full := c.names.add(v[:len(name)], a, b, at, row); full {
		c.names.grow()
	}
	return true
}

// companion returns the field that is want. taken says that a field of another type has its name.
func (c *column) companion(want arrow.Field) (k *column, taken bool) {
	switch k = c.named(want.Name); {
	case k == nil:
		return nil, false
	case arrow.TypeEqual(k.field.Type, want.Type):
		return k, false
	}
	return nil, true
}

// named returns the field of the name, nil if there is none.
func (c *column) named(name string) *column {
	v := append([]byte(name), make([]byte, 16)...)
	a, b, h := c.names.key(base(v), 0, len(name))
	id, _ := c.names.find(v[:len(name)], a, b, h)
	if id < 0 {
		return nil
	}
	return c.kids[id]
}

// of makes c a column of type dt.
func (c *column) of(dt arrow.DataType, seed uint64) error {
	switch t := dt.(type) {
	case *arrow.NullType:
		c.kind = undecided
	case *arrow.BooleanType:
		c.kind = boolean
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		c.kind = integer
		c.high = 1<<(dt.(arrow.FixedWidthDataType).BitWidth()-1) - 1
		c.low = -c.high - 1
	case *arrow.Float32Type, *arrow.Float64Type:
		c.kind, c.width = floating, dt.(arrow.FixedWidthDataType).BitWidth()
	case *arrow.Decimal128Type:
		c.kind, c.precision, c.scale = decimal, t.Precision, t.Scale
	case *arrow.StringType:
		c.kind = words
	case *arrow.BinaryType:
		c.kind = octets
	case *arrow.Date32Type:
		c.kind = day
	case *arrow.Time64Type:
		c.kind = clock
		if t.Unit != arrow.Microsecond {
			return c.unsupported(dt)
		}
	case *arrow.TimestampType:
		if c.kind, c.zone = stamp, naive; t.TimeZone != "" {
			c.zone = zoned
		}
		if t.Unit != arrow.Microsecond {
			return c.unsupported(dt)
		}
	case *arrow.DictionaryType:
		if t.ValueType.ID() != arrow.STRING {
			return c.unsupported(dt)
		}
		c.kind, c.field.Type = words, arrow.BinaryTypes.String
	case *arrow.StructType:
		c.kind = object
		return c.fields(t.Fields(), seed, c.path)
	case *arrow.ListType:
		c.kind = list
		return c.elements(seed, t.ElemField())
	case *arrow.MapType:
		c.kind, c.seen = mapping, &dictionary{seed: seed}
		if t.KeyType().ID() != arrow.STRING {
			return c.unsupported(dt)
		}
		return c.elements(seed, t.KeyField(), t.ItemField())
	default:
		return c.unsupported(dt)
	}
	return nil
}

func (c *column) elements(seed uint64, fields ...arrow.Field) error {
	for _, f := range fields {
		k := &column{path: c.path, field: f, element: true}
		if err := k.of(f.Type, seed); err != nil {
			return err
		}
		c.kids = append(c.kids, k)
	}
	return nil
}

func (c *column) unsupported(dt arrow.DataType) error {
	return fault.Errorf(fault.Invalid, "column %s: JSON is not decoded as %s", c.path, dt)
}

// item is the column of the values of a list or map.
func (c *column) item() *column { return c.kids[len(c.kids)-1] }

// begin empties c for a batch. What the last one held was given away.
func (c *column) begin() {
	c.n, c.room, c.nulls, c.bound, c.coerced = 0, 0, 0, 0, 0
	if c.dict = nil; c.spare != nil {
		if c.plain > 0 {
			c.plain--
		} else {
			c.dict = c.spare
			c.dict.begin()
		}
	}
	for _, k := range c.kids {
		k.begin()
	}
}

// drop lets go of what was given away.
func (c *column) drop() {
	c.valid, c.ints, c.floats, c.decs, c.bits, c.offsets, c.data = nil, nil, nil, nil, nil, nil, nil
	if c.spare != nil {
		c.spare.drop()
	}
	for _, k := range c.kids {
		k.drop()
	}
}

// grow makes room for the slot at.
func (c *column) grow(at int) {
	room := max(2*c.room, at+1, 64)
	if c.room == 0 {
		room = max(room, c.expect+c.expect/16)
	}
	room = (room + 63) &^ 63
	c.valid = stretch(c.valid, room/8)
	for i := c.room / 8; i < room/8; i++ {
		c.valid[i] = 0xff
	}
	switch c.kind {
	case boolean:
		c.bits = stretch(c.bits, room/8)
	case integer, day, clock, stamp:
		c.ints = stretch(c.ints, room)
	case floating:
		c.floats = stretch(c.floats, room)
	case decimal:
		c.decs = stretch(c.decs, room)
	case words, octets:
		if c.room == 0 && c.dict == nil {
			c.data = make([]byte, 0, max(c.expectData+c.expectData/16, 1024))
		}
		c.offsets = stretch(c.offsets, room+1)
	case list, mapping:
		c.offsets = stretch(c.offsets, room+1)
	}
	c.room = room
}

func stretch[T any](s []T, n int) []T {
	out := make([]T, n)
	copy(out, s)
	return out
}

// pad makes the slots from the first that was not written up to before at null.
func (c *column) pad(at int) {
	if at > c.room {
		c.grow(at - 1)
	}
	from := c.n
	c.nulls += at - from
	for i := from; i < at; i++ {
		c.valid[i>>3] &^= 1 << (i & 7)
	}
	c.n = at
	switch c.kind {
	case boolean:
		for i := from; i < at; i++ {
			c.bits[i>>3] &^= 1 << (i & 7)
		}
	case integer, day, clock, stamp:
		clear(c.ints[from:at])
	case floating:
		clear(c.floats[from:at])
	case decimal:
		clear(c.decs[from:at])
	case words, octets:
		if c.dict != nil {
			clear(c.offsets[from:at])
			return
		}
		fill(c.offsets[from+1:at+1], int32(len(c.data)))
	case list, mapping:
		fill(c.offsets[from+1:at+1], int32(c.item().n))
	}
}

func fill(s []int32, v int32) {
	for i := range s {
		s[i] = v
	}
}

// rewind takes back the slots from at on.
func (c *column) rewind(at int) {
	if c.n <= at {
		return
	}
	for i := at; i < c.n; i++ {
		if bit := byte(1) << (i & 7); c.valid[i>>3]&bit == 0 {
			c.valid[i>>3] |= bit
			c.nulls--
		}
	}
	c.n = at
	if c.bound > at {
		c.bound = 0
	}
	switch c.kind {
	case words, octets:
		if c.dict != nil {
			c.dict.forget(at)
		} else {
			c.data = c.data[:c.offsets[at]]
		}
	case list, mapping:
		for _, k := range c.kids {
			k.rewind(int(c.offsets[at]))
		}
	case object:
		for _, k := range c.kids {
			k.rewind(at)
		}
	}
}

// spell replaces ids by the texts that they stand for: too many of them were new.
func (c *column) spell() {
	ids, d := c.offsets, c.dict
	size := 0
	for _, id := range ids[:c.n] {
		if d.len() > 0 {
			size += int(d.ends[id+1] - d.ends[id])
		}
	}
	c.offsets = make([]int32, len(ids))
	c.data = make([]byte, 0, max(2*size, c.expectData))
	for i, id := range ids[:c.n] {
		if c.valid[i>>3]>>(i&7)&1 != 0 {
			c.data = append(c.data, d.text(id)...)
		}
		c.offsets[i+1] = int32(len(c.data))
	}
	c.dict = nil
	c.plain = plainBatches
}

// plainBatches is how many batches go by before a dictionary is tried again.
const plainBatches = 16
