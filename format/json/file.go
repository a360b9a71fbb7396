package json

import (
	"bytes"
	"context"
	"io"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// sniffLimit is how far into a file its shape is looked for.
const sniffLimit = 1 << 20

// Open returns a reader of blocks of lines. It opens in when it is read.
func Open(_ context.Context, in format.Input, opts format.ReadOptions) (format.Reader, error) {
	return &reader{in, opts}, nil
}

type reader struct {
	in   format.Input
	opts format.ReadOptions
}

// Schema is nil: the rows are payloads.
func (r *reader) Schema() *arrow.Schema { return nil }

// Read yields blocks of whole documents, one a line. The elements of an array, and documents that span lines, become
// lines: newlines and commas between and inside them are overwritten in place, so offsets stay those of the file.
func (r *reader) Read(ctx context.Context, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		cutter, err := r.open(ctx, pos)
		if err != nil {
			yield(rows.Batch{}, err)
			return
		}
		for {
			block, err := cutter.Next(ctx)
			if err == io.EOF {
				if err := cutter.Close(); err != nil {
					yield(rows.Batch{}, err)
				}
				return
			}
			if err != nil {
				_ = cutter.Close() // the first error says more
				yield(rows.Batch{}, err)
				return
			}
			if !yield(block.Batch("json", ""), nil) {
				_ = cutter.Close() // nothing was written, and nobody is left to hear it
				return
			}
		}
	}
}

func (r *reader) open(ctx context.Context, pos rows.Position) (*format.Cutter, error) {
	off, err := format.OffsetOf(r.in.Name, pos)
	if err != nil {
		return nil, err
	}
	text, err := format.OpenText(ctx, r.in)
	if err != nil {
		return nil, err
	}
	shape := asLines
	if err = text.SkipMark(ctx); err == nil {
		shape, err = sniff(ctx, text, mayBeDocument(r.in.Name))
	}
	if err == nil && off > 0 {
		err = text.SkipTo(ctx, off)
	}
	if err != nil {
		_ = text.Close() // the first error says more
		return nil, err
	}
	var ends format.RowEnds = format.Lines{}
	if shape != asLines {
		ends = &elements{array: shape == asArray, inside: shape == asArray && off > 0}
	}
	return format.NewCutter(text, ends, r.opts.Block, r.opts.Decode.MaxRow), nil
}

// shape is how documents follow each other in a file.
type shape int

const (
	unsure      shape = iota
	asLines           // one a line
	asArray           // elements of one array, or of several
	asDocuments       // one after the other, each over several lines
)

// mayBeDocument says whether a file of this name may hold a document that spans lines. A file that promises one a line
// may not: there, one broken line would swallow all that follow.
func mayBeDocument(name string) bool {
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return !strings.HasSuffix(name, ".jsonl") && !strings.HasSuffix(name, ".ndjson")
}

// sniff finds out the shape of a text, reading no further than it must.
func sniff(ctx context.Context, text *format.Text, document bool) (shape, error) {
	for {
		if s := shapeOf(text.Head(), document); s != unsure {
			return s, nil
		}
		if len(text.Head()) > sniffLimit {
			return asLines, nil
		}
		if err := text.More(); err == io.EOF {
			return asLines, nil
		} else if err != nil {
			return asLines, err
		}
		if err := ctx.Err(); err != nil {
			return asLines, err
		}
	}
}

// shapeOf tells the shape from the first bytes of a text; unsure asks for more of them. An array is one whose first
// element is an object, or that is empty. A document spans lines when its first line ends inside it, yet in no string,
// and the next line does not begin an object of its own.
func shapeOf(head []byte, document bool) shape {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 {
		return unsure
	}
	switch head[0] {
	case '[':
		head = bytes.TrimLeft(head[1:], " \t\r\n")
		if len(head) == 0 {
			return unsure
		}
		if head[0] == '{' || head[0] == ']' {
			return asArray
		}
	case '{':
		if !document {
			return asLines
		}
		end := bytes.IndexByte(head, '\n')
		if end < 0 {
			return unsure
		}
		e := elements{}
		if i, _ := e.Next(bytes.Clone(head[:end]), 0); i >= 0 || e.quoted {
			return asLines
		}
		next := bytes.TrimLeft(head[end:], " \t\r\n")
		if len(next) == 0 {
			return unsure
		}
		if next[0] != '{' {
			return asDocuments
		}
	}
	return asLines
}

var (
	errComma = fault.New(fault.Invalid, "no comma between two elements of the array")
	errAfter = fault.New(fault.Invalid, "text after the end of the array")
	errOpen  = fault.New(fault.Corrupt, "the text ends inside its array")
)

// elements are the elements of arrays, or documents that follow each other. It overwrites what is not of them with
// newlines, and newlines inside them with spaces.
type elements struct {
	array   bool // else documents
	inside  bool // an array
	after   bool // an element, and no comma yet
	depth   int  // of braces and brackets in the element
	scalar  bool // the element is no object or array
	quoted  bool // in a string
	escaped bool // after a backslash
}

// Next is format.RowEnds'. A row ends right after its element, so that no position is outside of the array.
func (e *elements) Next(data []byte, from int) (int, error) {
	for i := from; i < len(data); i++ {
		b := data[i]
		switch {
		case e.quoted:
			e.inString(data, i)
			if !e.quoted && e.depth == 0 {
				e.scalar = true
			}
		case e.scalar && ends(b):
			e.scalar, e.after = false, true
			return i, nil
		case e.depth > 0 || e.scalar:
			if e.inElement(data, i) {
				e.after = true
				return i + 1, nil
			}
		default:
			if err := e.between(data, i); err != nil {
				return -1, err
			}
		}
	}
	return -1, nil
}

// ends says whether b ends a number, a word or a string.
func ends(b byte) bool {
	switch b {
	case ',', ']', '}', '[', '{', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func (e *elements) inString(data []byte, i int) {
	switch {
	case data[i] == '\n':
		data[i] = ' '
		e.escaped = false
	case e.escaped:
		e.escaped = false
	case data[i] == '\\':
		e.escaped = true
	case data[i] == '"':
		e.quoted = false
	}
}

// inElement reports whether data[i] ends the element.
func (e *elements) inElement(data []byte, i int) bool {
	switch data[i] {
	case '"':
		e.quoted = true
	case '{', '[':
		e.depth++
	case '}', ']':
		e.depth--
		return e.depth == 0
	case '\n':
		data[i] = ' '
	}
	return false
}

// between deals with a byte outside of elements.
func (e *elements) between(data []byte, i int) error {
	b := data[i]
	switch {
	case b == ' ' || b == '\t' || b == '\r' || b == '\n':
		data[i] = '\n'
		return nil
	case e.array && !e.inside:
		if b != '[' {
			return errAfter
		}
		e.inside = true
	case e.array && b == ',':
		e.after = false
	case e.array && b == ']':
		e.inside, e.after = false, false
	case e.array && e.after:
		return errComma
	default:
		e.begin(b)
		return nil
	}
	data[i] = '\n'
	return nil
}

func (e *elements) begin(b byte) {
	switch b {
	case '"':
		e.quoted = true
	case '{', '[':
		e.depth = 1
	default:
		e.scalar = true
	}
}

// End is format.RowEnds'. What follows the last element is no row, so the last position too is inside the array.
func (e *elements) End() (row bool, err error) {
	if e.inside {
		return false, errOpen
	}
	return e.depth > 0 || e.scalar || e.quoted, nil
}
