package parquet

import (
	"encoding/binary"

	"github.com/gros-lake/gros/fault"
)

// The compact protocol of Thrift, as far as page indexes and the check of a footer need it.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
	thriftUUID   = 13

	thriftDepth = 32 // footers nest less than ten deep
)

var errThrift = fault.New(fault.Corrupt, "it is no Thrift of the compact protocol")

// checkThrift reports whether b begins with a struct whose lists and texts all lie within b: the library that reads it
// allocates what is declared before it looks.
func checkThrift(b []byte) error {
	w := &thriftWalk{rest: b}
	w.structure(thriftDepth)
	return w.err
}

type thriftWalk struct {
	rest []byte
	err  error
}

func (w *thriftWalk) fail() { w.err = errThrift }

func (w *thriftWalk) skip(n uint64) {
	if n > uint64(len(w.rest)) {
		w.fail()
		return
	}
	w.rest = w.rest[n:]
}

func (w *thriftWalk) byte() byte {
	if len(w.rest) == 0 {
		w.fail()
		return 0
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b
}

func (w *thriftWalk) uvarint() uint64 {
	v, n := binary.Uvarint(w.rest)
	if n <= 0 {
		w.fail()
		return 0
	}
	w.rest = w.rest[n:]
	return v
}

func (w *thriftWalk) structure(depth int) {
	for w.err == nil {
		header := w.byte()
		if header == thriftStop {
			return
		}
		if header>>4 == 0 {
			w.uvarint()
		}
		if t := header & 0xf; t != thriftTrue && t != thriftFalse {
			w.value(t, depth-1)
		}
	}
}

func (w *thriftWalk) value(t byte, depth int) {
	if depth == 0 {
		w.fail()
		return
	}
	switch t {
	case thriftTrue, thriftFalse, thriftByte:
		w.byte()
	case thriftI16, thriftI32, thriftI64:
		w.uvarint()
	case thriftDouble:
		w.skip(8)
	case thriftUUID:
		w.skip(16)
	case thriftBinary:
		w.skip(w.uvarint())
	case thriftList, thriftSet:
		header := w.byte()
		n := uint64(header >> 4)
		if n == 15 {
			n = w.uvarint()
		}
		w.many(n, depth, header&0xf)
	case thriftMap:
		if n := w.uvarint(); n > 0 {
			types := w.byte()
			w.many(n, depth, types>>4, types&0xf)
		}
	case thriftStruct:
		w.structure(depth)
	default:
		w.fail()
	}
}

// many walks n times over values of these types. Each takes a byte or more.
func (w *thriftWalk) many(n uint64, depth int, types ...byte) {
	if n > uint64(len(w.rest)) {
		w.fail()
		return
	}
	for range n {
		for _, t := range types {
			if w.err != nil {
				return
			}
			w.value(t, depth-1)
		}
	}
}

// thriftField is a field of a struct as it stands in its bytes, behind its header.
type thriftField struct {
	id   int
	kind byte
	raw  []byte
}

// splitStruct returns the fields of the struct that b begins with.
func splitStruct(b []byte) ([]thriftField, error) {
	w := &thriftWalk{rest: b}
	var fields []thriftField
	for id := 0; w.err == nil; {
		header := w.byte()
		if header == thriftStop {
			break
		}
		if d := int(header >> 4); d > 0 {
			id += d
		} else {
			v := w.uvarint()
			id = int(int64(v>>1) ^ -int64(v&1))
		}
		f, before := thriftField{id: id, kind: header & 0xf}, w.rest
		if f.kind != thriftTrue && f.kind != thriftFalse {
			w.value(f.kind, thriftDepth)
		}
		f.raw = before[:len(before)-len(w.rest)]
		fields = append(fields, f)
	}
	return fields, w.err
}
