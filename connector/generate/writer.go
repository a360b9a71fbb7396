package generate

import (
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/rows"
)

// Drifted web events have geo_latitude as a number, and this field at the end.
const driftField = "page_load_ms"

// writer makes rows of events, as columns or as lines.
type writer struct {
	conf    Config
	seed    uint64
	people  *people
	mess    mess
	row     int64 // of the split, before those at hand
	events  []event
	users   []*user
	schemas [2]*arrow.Schema // before and after the drift
	dicts   [fieldCount]arrow.Array
	pages   [pages]string // the JSON of the fields of a page
	size    int           // of the last block of lines
}

func newWriter(conf Config, seed uint64) *writer {
	w := &writer{conf: conf, seed: seed, people: newPeople(conf.Seed, conf.Users), mess: newMess(conf.Mess, seed)}
	if conf.Payload == "json" {
		for p := range w.pages {
			w.pages[p] = `","event_type":"pageview","page_url":"` + fields[3].texts[p] + `","page_url_path":"` + fields[4].texts[p]
		}
		return w
	}
	for i, f := range fields {
		if f.texts != nil {
			w.dicts[i] = stringArray(f.texts)
		}
	}
	w.schemas = [2]*arrow.Schema{eventSchema(false), eventSchema(true)}
	return w
}

var (
	dictType  = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	stampType = arrow.FixedWidthTypes.Timestamp_us
)

func eventSchema(drifted bool) *arrow.Schema {
	var out []arrow.Field
	for i, f := range fields {
		var t arrow.DataType = arrow.BinaryTypes.String
		switch {
		case f.part == isStamp:
			t = stampType
		case f.part == isBool:
			t = arrow.FixedWidthTypes.Boolean
		case f.texts != nil:
			t = dictType
		case drifted && i == fieldLatitude:
			t = arrow.PrimitiveTypes.Float64
		}
		out = append(out, arrow.Field{Name: f.name, Type: t, Nullable: true})
	}
	if drifted {
		out = append(out, arrow.Field{Name: driftField, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	return arrow.NewSchema(out, nil)
}

// begin starts a batch of n rows.
func (w *writer) begin(row int64, n int) {
	w.row, w.events, w.users = row, w.events[:0], w.users[:0]
	if cap(w.events) < n {
		w.events, w.users = make([]event, 0, n), make([]*user, 0, n)
	}
}

func (w *writer) add(events []event) {
	for _, e := range events {
		if w.mess.late > 0 {
			e.micros -= w.mess.lateness(w.row + int64(len(w.events)))
		}
		w.events = append(w.events, e)
		w.users = append(w.users, w.people.get(e.user))
	}
}

func (w *writer) finish() (arrow.RecordBatch, time.Time) {
	newest := w.events[0].micros
	for _, e := range w.events {
		newest = max(newest, e.micros)
	}
	if w.conf.Payload == "json" {
		return w.lines(), time.UnixMicro(newest).UTC()
	}
	return w.columns(), time.UnixMicro(newest).UTC()
}

func (w *writer) drifted() bool { return w.conf.Mess.DriftAfter > 0 && w.row >= w.conf.Mess.DriftAfter }

func (w *writer) columns() arrow.RecordBatch {
	schema := w.schemas[0]
	if w.drifted() {
		schema = w.schemas[1]
	}
	cols := make([]arrow.Array, 0, len(schema.Fields()))
	for f := range fields {
		cols = append(cols, w.column(f, schema.Field(f).Type))
	}
	if w.drifted() {
		cols = append(cols, int64Array(w.loads(), nil, 0))
	}
	return array.NewRecordBatch(schema, cols, int64(len(w.events)))
}

func (w *writer) column(f int, t arrow.DataType) arrow.Array {
	n := len(w.events)
	var valid *memory.Buffer
	nulls := 0
	if w.mess.nulls > 0 && f > 1 {
		valid, nulls = validity(n, func(i int) bool { return w.mess.isNull(w.row+int64(i), f) })
	}
	switch fields[f].part {
	case isID:
		return textArray(n, 36*n, valid, nulls, func(dst []byte, i int) []byte { return w.appendID(dst, w.row+int64(i)) })
	case isStamp:
		stamps := make([]int64, n)
		for i, e := range w.events {
			stamps[i] = e.micros
		}
		return fixedArray(t, stamps, valid, nulls)
	case isPage:
		codes := make([]int32, n)
		for i, e := range w.events {
			codes[i] = int32(e.page)
		}
		return dictArray(codes, w.dicts[f], valid, nulls)
	case isCode:
		codes := make([]int32, n)
		for i, u := range w.users {
			codes[i] = int32(u.codes[f])
		}
		return dictArray(codes, w.dicts[f], valid, nulls)
	case isBool:
		bits := make([]byte, bitutil.BytesForBits(int64(n)))
		for i, u := range w.users {
			if u.mobile {
				bitutil.SetBit(bits, i)
			}
		}
		return newArray(t, n, valid, nulls, memory.NewBufferBytes(bits))
	}
	if t.ID() == arrow.FLOAT64 {
		numbers := make([]float64, n)
		for i, u := range w.users {
			numbers[i], _ = strconv.ParseFloat(u.texts[f], 64) // written by FormatFloat
		}
		return fixedArray(t, numbers, valid, nulls)
	}
	return textArray(n, len(w.users[0].texts[f])*n, valid, nulls, func(dst []byte, i int) []byte { return append(dst, w.users[i].texts[f]...) })
}

// lines writes the events as one block of JSON lines.
func (w *writer) lines() arrow.RecordBatch {
	block := make([]byte, 0, max(w.size, len(w.events)*1100)+4096)
	for i := range w.events {
		row := w.row + int64(i)
		from := len(block)
		if nulls := w.mess.nullFields(row); nulls != 0 || w.drifted() {
			block = w.appendOdd(block, i, nulls)
		} else {
			block = w.appendLine(block, i)
		}
		if w.mess.isBad(row) {
			block = w.mess.breakOff(block, from, row)
		}
	}
	w.size = len(block) + len(block)/50
	return rows.NewPayload("json", "", true, block)
}

func (w *writer) appendID(dst []byte, row int64) []byte {
	return appendUUID(dst, at(w.seed^0x6964, 2*uint64(row)), at(w.seed^0x6964, 2*uint64(row)+1))
}

func (w *writer) appendLine(dst []byte, i int) []byte {
	e, u := &w.events[i], w.users[i]
	if u.line == nil {
		u.line = userLine(u)
	}
	dst = append(dst, `{"event_id":"`...)
	dst = w.appendID(dst, w.row+int64(i))
	dst = append(dst, `","event_timestamp":"`...)
	dst = appendStamp(dst, e.micros, w.conf.Timestamps == "legacy")
	dst = append(dst, w.pages[e.page]...)
	return append(dst, u.line...)
}

// userLine is the end of all lines of a user, from the quote that ends page_url_path on.
func userLine(u *user) []byte {
	line := []byte{'"'}
	for f := 5; f < fieldCount; f++ {
		line = append(line, `,"`+fields[f].name+`":`...)
		if fields[f].part == isBool {
			line = strconv.AppendBool(line, u.mobile)
		} else {
			line = append(line, `"`+u.text(f)+`"`...)
		}
	}
	return append(line, '}', '\n')
}

// appendOdd writes a line with nulls, or after the drift, field by field.
func (w *writer) appendOdd(dst []byte, i int, nulls uint64) []byte {
	e, u := &w.events[i], w.users[i]
	for f, field := range fields {
		dst = append(dst, ',', '"')
		if f == 0 {
			dst[len(dst)-2] = '{'
		}
		dst = append(append(dst, field.name...), '"', ':')
		switch {
		case nulls>>f&1 == 1:
			dst = append(dst, "null"...)
		case field.part == isBool:
			dst = strconv.AppendBool(dst, u.mobile)
		case f == fieldLatitude && w.drifted():
			dst = append(dst, u.texts[f]...)
		default:
			dst = append(dst, '"')
			switch field.part {
			case isID:
				dst = w.appendID(dst, w.row+int64(i))
			case isStamp:
				dst = appendStamp(dst, e.micros, w.conf.Timestamps == "legacy")
			case isPage:
				dst = append(dst, field.texts[e.page]...)
			default:
				dst = append(dst, u.text(f)...)
			}
			dst = append(dst, '"')
		}
	}
	if w.drifted() {
		dst = append(dst, `,"`+driftField+`":`...)
		dst = strconv.AppendInt(dst, w.load(w.row+int64(i)), 10)
	}
	return append(dst, '}', '\n')
}

// load is the value of the field that appears with the drift.
func (w *writer) load(row int64) int64 {
	return 20 + int64(below(at(w.seed^0x6c6f6164, uint64(row)), 3000))
}

func (w *writer) loads() []int64 {
	out := make([]int64, len(w.events))
	for i := range out {
		out[i] = w.load(w.row + int64(i))
	}
	return out
}
