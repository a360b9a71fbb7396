package parquet

import "encoding/binary"

// thriftWriter writes structs in the compact protocol of Thrift.
type thriftWriter struct {
	out  []byte
	last int // field of the struct that is being written
}

func (w *thriftWriter) field(id int, kind byte) {
	if d := id - w.last; d > 0 && d < 16 {
		w.out = append(w.out, byte(d)<<4|kind)
	} else {
		w.out = binary.AppendVarint(append(w.out, kind), int64(id))
	}
	w.last = id
}

func (w *thriftWriter) i16(id int, v int16) {
	w.field(id, thriftI16)
	w.out = binary.AppendVarint(w.out, int64(v))
}

func (w *thriftWriter) i32(id int, v int32) {
	w.field(id, thriftI32)
	w.out = binary.AppendVarint(w.out, int64(v))
}

func (w *thriftWriter) i64(id int, v int64) {
	w.field(id, thriftI64)
	w.out = binary.AppendVarint(w.out, v)
}

func (w *thriftWriter) binary(id int, v []byte) {
	w.field(id, thriftBinary)
	w.text(v)
}

// text is an element of a list of binaries.
func (w *thriftWriter) text(v []byte) {
	w.out = append(binary.AppendUvarint(w.out, uint64(len(v))), v...)
}

// list begins a list of n elements.
func (w *thriftWriter) list(id int, kind byte, n int) {
	w.field(id, thriftList)
	if n < 15 {
		w.out = append(w.out, byte(n)<<4|kind)
	} else {
		w.out = binary.AppendUvarint(append(w.out, 0xf0|kind), uint64(n))
	}
}

// begin begins a struct as a field; end takes what it returned. As an element of a list it has no field, see element.
func (w *thriftWriter) begin(id int) int {
	w.field(id, thriftStruct)
	return w.element()
}

func (w *thriftWriter) element() int {
	outer := w.last
	w.last = 0
	return outer
}

func (w *thriftWriter) end(outer int) {
	w.out = append(w.out, thriftStop)
	w.last = outer
}

// pageHeader is that of a data page of version 1, or of a dictionary's page.
type pageHeader struct {
	kind                     int32
	uncompressed, compressed int
	values                   int
	encoding                 int32
}

func (h pageHeader) append(out []byte) []byte {
	const dataPageHeader, dictionaryPageHeader, rle = 5, 7, 3
	w := thriftWriter{out: out}
	w.i32(1, h.kind)
	w.i32(2, int32(h.uncompressed))
	w.i32(3, int32(h.compressed))
	if h.kind == dictionaryPage {
		outer := w.begin(dictionaryPageHeader)
		w.i32(1, int32(h.values))
		w.i32(2, h.encoding)
		w.end(outer)
	} else {
		outer := w.begin(dataPageHeader)
		w.i32(1, int32(h.values))
		w.i32(2, h.encoding)
		w.i32(3, rle)
		w.i32(4, rle)
		w.end(outer)
	}
	return append(w.out, thriftStop)
}

// columnIndex writes the ColumnIndex of pages.
func (c *chunk) appendColumnIndex(out []byte) []byte {
	w := thriftWriter{out: out}
	w.list(1, thriftTrue, len(c.pages))
	for _, p := range c.pages {
		is := byte(thriftFalse)
		if p.bounds.low == nil {
			is = thriftTrue
		}
		w.out = append(w.out, is)
	}
	w.list(2, thriftBinary, len(c.pages))
	for _, p := range c.pages {
		w.text(p.bounds.low)
	}
	w.list(3, thriftBinary, len(c.pages))
	for _, p := range c.pages {
		w.text(p.bounds.high)
	}
	const unordered = 0
	w.i32(4, unordered)
	w.list(5, thriftI64, len(c.pages))
	for _, p := range c.pages {
		w.out = binary.AppendVarint(w.out, p.nulls)
	}
	return append(w.out, thriftStop)
}

// appendOffsetIndex writes the OffsetIndex of pages.
func appendOffsetIndex(out []byte, pages []page, shift int64) []byte {
	w := thriftWriter{out: out}
	w.list(1, thriftStruct, len(pages))
	for _, p := range pages {
		outer := w.element()
		w.i64(1, p.offset+shift)
		w.i32(2, p.size)
		w.i64(3, p.firstRow)
		w.end(outer)
	}
	return append(w.out, thriftStop)
}

// index is where a page index of a column stands; the zero index is none.
type index struct {
	offset int64
	length int32
}

// columnChunk writes a ColumnChunk as an element.
func (w *thriftWriter) columnChunk(c *chunk, codec int32, shift int64, columns, offsets index) {
	outer := w.element()
	w.i64(2, 0) // readers take it for a place of the chunk's metadata outside of the footer; there is none
	meta := w.begin(3)
	w.i32(1, int32(c.typ))
	w.list(2, thriftI32, len(c.encodings))
	for _, e := range c.encodings {
		w.out = binary.AppendVarint(w.out, int64(e))
	}
	w.list(3, thriftBinary, len(c.path))
	for _, name := range c.path {
		w.text([]byte(name))
	}
	w.i32(4, codec)
	w.i64(5, c.values)
	w.i64(6, c.uncompressed)
	w.i64(7, c.compressed)
	w.i64(9, c.data+shift)
	if c.dictionary >= 0 {
		w.i64(11, c.dictionary+shift)
	}
	statistics := w.begin(12)
	if c.nulls >= 0 {
		w.i64(3, c.nulls)
	}
	if !c.bounds.none && c.bounds.low != nil {
		w.binary(5, c.bounds.high)
		w.binary(6, c.bounds.low)
	}
	w.end(statistics)
	w.end(meta)
	if offsets.length > 0 {
		w.i64(4, offsets.offset)
		w.i32(5, offsets.length)
	}
	if columns.length > 0 {
		w.i64(6, columns.offset)
		w.i32(7, columns.length)
	}
	w.end(outer)
}
