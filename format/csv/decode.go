package csv

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

const (
	defaultMaxRow = 64 << 20
	// keptRaw is how much of a row that is too long its reject keeps.
	keptRaw = 64 << 10
	// stripeRows is how many rows are taken apart before their columns are filled.
	stripeRows = 256
)

var errLongHeader = fault.New(fault.Invalid, "longer than a row may be")

// options are format.DecodeOptions, checked.
type options struct {
	delimiter  byte // 0: find out
	latin1     bool
	times      bool
	nulls      []string
	maxRow     int64
	maxColumns int
}

func optionsOf(o format.DecodeOptions) (options, error) {
	out := options{times: true, nulls: o.Nulls, maxRow: o.MaxRow, maxColumns: o.MaxColumns}
	if out.maxRow <= 0 {
		out.maxRow = defaultMaxRow
	}
	if out.maxColumns <= 0 {
		out.maxColumns = defaultMaxColumns
	}
	switch d := o.Delimiter; {
	case d == "":
	case d == `\t` || d == "tab":
		out.delimiter = '\t'
	case len(d) == 1 && d[0] < utf8.RuneSelf && !strings.Contains("\"\r\n\x00", d):
		out.delimiter = d[0]
	default:
		err := fault.Errorf(fault.Invalid, "delimiter: %q is not one ASCII character", d)
		return out, fault.Hint(err, "delimiters are , ; | and \\t, and others that are no quote and no line end")
	}
	switch strings.ToLower(o.Encoding) {
	case "", "utf-8", "utf8":
	case "latin-1", "latin1", "iso-8859-1":
		out.latin1 = true
	default:
		err := fault.Errorf(fault.Invalid, "encoding: %q is not known", o.Encoding)
		return out, fault.Hint(err, "encodings are utf-8 and latin-1")
	}
	switch o.Timestamps {
	case "", "on":
	case "off":
		out.times = false
	default:
		return out, fault.Hint(fault.Errorf(fault.Invalid, "timestamps: %q is not known", o.Timestamps), "use on or off")
	}
	return out, nil
}

// decoder is the format.Decoder of rows: many in a payload where payloads are blocks, else one.
//
// A value that does not fit its column stands in a companion column: a number that is exactly a double in x__v_double,
// anything else in x__v_text as it stands in the field. A payload without header has the columns of the schema in their
// order, or column_1, column_2 and so on.
type decoder struct {
	options
	idle sync.Pool // of *pass
}

// NewDecoder returns a decoder of CSV.
func NewDecoder(o format.DecodeOptions) (format.Decoder, error) {
	opts, err := optionsOf(o)
	if err != nil {
		return nil, err
	}
	return &decoder{options: opts}, nil
}

// Decode is format.Decoder's.
func (d *decoder) Decode(p rows.Payload, s *arrow.Schema) (format.Decoded, error) {
	t, err := d.begin(p, s)
	if err != nil {
		return format.Decoded{}, err
	}
	defer d.idle.Put(t)
	t.bind(s)
	for t.stripe() {
		if !t.fill() {
			return format.Decoded{Drift: true}, nil
		}
	}
	return t.decoded(s), nil
}

// pass is one reading of a payload.
type pass struct {
	options
	scanner
	head    *header
	payload rows.Payload
	value   int  // the payload's value that data is of, and the next
	at      int  // in data
	clean   bool // data is UTF-8
	raw     rawPlace
	rejects []rows.Reject
	headers int64
	first   int // row of the batch that fields begin with
	count   int // rows in fields
	most    int // rows that there may be

	columns []*column // of the schema
	from    []*column // of the header's fields: where their values go, nil if nowhere
	spares  spares
}

// begin prepares a pass over p.
func (d *decoder) begin(p rows.Payload, s *arrow.Schema) (*pass, error) {
	t, _ := d.idle.Get().(*pass)
	if t == nil {
		t = &pass{}
	}
	*t = pass{options: d.options, payload: p, scanner: scanner{fields: t.fields[:0], scratch: t.scratch[:0]}, spares: t.spares, columns: t.columns[:0], from: t.from[:0]}
	t.spares.next = 0
	head, err := t.headOf(s)
	if err != nil {
		return nil, err
	}
	if len(head.Columns) > d.maxColumns {
		return nil, fault.Errorf(fault.Invalid, "csv: header has %d columns, at most %d are allowed", len(head.Columns), d.maxColumns)
	}
	t.head, t.scanner.delimiter = head, head.Delimiter[0]
	for i := range p.Values.Len() {
		t.most += t.rowsIn(p.Values.Value(i))
	}
	t.rewind()
	return t, nil
}

// rewind goes back to the first row.
func (t *pass) rewind() {
	t.value, t.at, t.data, t.first, t.count = 0, 0, nil, 0, 0
	t.rejects, t.headers = nil, 0
}

func (t *pass) rowsIn(value []byte) int {
	if !t.payload.Blocks {
		return 1
	}
	return countLines(value) + 1
}

// bind makes the columns of s.
func (t *pass) bind(s *arrow.Schema) {
	byName := make(map[string]*column, s.NumFields())
	for _, f := range s.Fields() {
		c := columnOf(f, t.most, &t.spares)
		t.columns = append(t.columns, c)
		if rows.CompanionOf(f) == "" {
			byName[f.Name] = c
		}
	}
	for i, f := range s.Fields() {
		if of := byName[rows.CompanionOf(f)]; of != nil {
			if t.columns[i].id == arrow.FLOAT64 {
				of.double = t.columns[i]
			} else {
				of.text = t.columns[i]
			}
		}
	}
	for _, name := range t.head.Columns {
		t.from = append(t.from, byName[name])
	}
}

// stripe takes the next rows apart. It returns false when there are none.
func (t *pass) stripe() bool {
	t.first += t.count
	t.fields, t.scratch, t.count = t.fields[:0], t.scratch[:0], 0
	for t.count < stripeRows {
		if t.at >= len(t.data) {
			// The fields of a stripe are all of one value.
			if t.count > 0 {
				break
			}
			if !t.nextValue() {
				return false
			}
			continue
		}
		t.takeRow()
	}
	return true
}

// isNull says whether f is a null.
func (t *pass) isNull(f field, b []byte) bool {
	if f.quoted {
		return false
	}
	if len(b) == 0 {
		return true
	}
	for _, null := range t.nulls {
		if string(b) == null {
			return true
		}
	}
	return false
}

// fill puts the fields of the stripe into their columns. It returns false when one has no place.
func (t *pass) fill() bool {
	for j, c := range t.from {
		switch {
		case c != nil && c.set != nil && len(t.nulls) == 0:
			if !c.set.fill(c, t, j) {
				return false
			}
		case !t.fillAny(c, j):
			return false
		}
	}
	return true
}

func (t *pass) fillAny(c *column, j int) bool {
	for i, at := t.first, j; i < t.first+t.count; i, at = i+1, at+len(t.from) {
		f := t.fields[at]
		b := t.text(f)
		if t.isNull(f, b) {
			continue
		}
		if c == nil || !c.put(i, b) {
			return false
		}
	}
	if c != nil && c.texts != nil {
		c.texts.judge(t.most, float64(t.most)/float64(t.first+t.count))
	}
	return true
}

func (t *pass) decoded(s *arrow.Schema) format.Decoded {
	n := t.first
	cols, fields := make([]arrow.Array, len(t.columns)), make([]arrow.Field, len(t.columns))
	out := format.Decoded{Rejects: t.rejects, Headers: t.headers, Coerced: map[string]int64{}}
	for i, c := range t.columns {
		cols[i], fields[i] = c.array(n), c.field
		fields[i].Type = cols[i].DataType()
		if c.coerced > 0 {
			out.Coerced[c.field.Name] = c.coerced
		}
		t.columns[i] = nil
	}
	clear(t.from)
	md := s.Metadata()
	out.Rows = array.NewRecordBatch(arrow.NewSchema(fields, &md), cols, int64(n))
	return out
}

func (t *pass) reject(kind, column string, from, to int, message string) {
	raw := t.data[from:to]
	if kind == rows.Oversize {
		raw = raw[:min(len(raw), keptRaw)]
	}
	offset := int64(t.value - 1)
	if t.payload.Blocks {
		offset = t.raw.offset(t.data, from, t.latin1)
	}
	if t.latin1 {
		raw = toLatin1(raw)
	} else {
		raw = append([]byte(nil), raw...)
	}
	t.rejects = append(t.rejects, rows.Reject{Raw: raw, Kind: kind, Message: message, Column: column, Offset: offset})
}

func ragged(have, want int) string {
	s := "s"
	if have == 1 {
		s = ""
	}
	return fmt.Sprintf("row has %d field%s, header has %d", have, s, want)
}
