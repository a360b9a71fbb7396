package generate

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// plan is the columns of kind rows. Each value is a function of the seed, the column and the number of its row in the
// whole, so the rows are the same however many splits there are.
type plan struct {
	conf    Config
	columns [2][]column // before and after the drift
	schemas [2]*arrow.Schema
}

// cells is where the values of a column go: a random number for each, and the number of the row it belongs to.
type cells struct {
	keys []uint64
	rows []int64
}

// column makes the values of one column, or of one field of a struct, or the elements of a list.
type column struct {
	name  string
	salt  uint64
	typ   arrow.DataType
	key   bool   // it tells rows apart, or stamps them: mess leaves it alone
	nulls uint64 // threshold of random numbers
	// make fills one value per cell, whose keys are the column's own. The bitmap goes into the array as it is.
	make fill
}

func newColumn(name string, t arrow.DataType, make fill) column {
	salt := uint64(len(name))
	for _, b := range []byte(name) {
		salt = mix(salt*golden + uint64(b))
	}
	return column{name: name, salt: salt, typ: t, make: make}
}

func (c *column) field() arrow.Field { return arrow.Field{Name: c.name, Type: c.typ, Nullable: true} }

// fill makes the column's values for the cells of what it belongs to.
func (c *column) fill(of cells) arrow.Array {
	own := cells{make([]uint64, len(of.keys)), of.rows}
	for i, key := range of.keys {
		own.keys[i] = mix(key ^ c.salt)
	}
	if c.nulls == 0 {
		return c.make(own, nil, 0)
	}
	valid, nulls := validity(len(own.keys), func(i int) bool { return at(own.keys[i], drawNull) < c.nulls })
	return c.make(own, valid, nulls)
}

// drawNull is the draw from a cell's key that decides whether it is null, apart from those of its value.
const drawNull = 1 << 32

func newPlan(conf Config, start int64) (*plan, error) {
	if conf.Columns == nil || conf.Columns.Kind == setting.Null {
		at := setting.Place{Path: "columns"}
		if conf.Columns != nil {
			at = conf.Columns.Place
		}
		return nil, at.Errorf("kind: rows needs columns").WithHint("write for example columns: {id: sequence, amount: {normal: [100, 15]}}")
	}
	r := reader{start: start, nulls: chance(conf.Mess.Nulls), late: newMess(conf.Mess, mix(uint64(conf.Seed)))}
	columns, err := r.columns(conf.Columns)
	if err != nil {
		return nil, err
	}
	p := &plan{conf: conf, columns: [2][]column{columns, drift(columns)}}
	for i, columns := range p.columns {
		var fields []arrow.Field
		for _, c := range columns {
			fields = append(fields, c.field())
		}
		p.schemas[i] = arrow.NewSchema(fields, nil)
	}
	return p, nil
}

// drift returns columns as they are after the drift: the first column of numbers that is no sequence has become text, and
// there is a new one, drifted, which is true.
func drift(columns []column) []column {
	out := append([]column(nil), columns...)
	for i, c := range out {
		if c.typ.ID() != arrow.FLOAT64 && c.typ.ID() != arrow.INT64 || c.key {
			continue
		}
		number := c.make
		out[i].typ = arrow.BinaryTypes.String
		out[i].make = func(in cells, valid *memory.Buffer, nulls int) arrow.Array {
			values := number(in, nil, 0)
			return textArray(len(in.keys), 8*len(in.keys), valid, nulls, func(dst []byte, i int) []byte { return appendJSON(dst, values, i, false) })
		}
		break
	}
	return append(out, newColumn("drifted", arrow.FixedWidthTypes.Boolean, func(in cells, valid *memory.Buffer, nulls int) arrow.Array {
		return boolArray(len(in.keys), valid, nulls, func(int) bool { return true })
	}))
}

// enter opens the n-th split at a place.
func (p *plan) enter(n int, at place) stream {
	seed := mix(uint64(p.conf.Seed) ^ 0x726f7773)
	return &planned{plan: p, split: int64(n), row: at.Row, seed: seed, mess: newMess(p.conf.Mess, seed)}
}

// planned is a stream of a plan's rows.
type planned struct {
	*plan
	split int64
	row   int64
	seed  uint64
	mess  mess
	size  int // of the last block of lines
}

func (p *planned) place() place { return place{Row: p.row} }

func (p *planned) next(n int) (arrow.RecordBatch, time.Time) {
	in := cells{make([]uint64, n), make([]int64, n)}
	for i := range n {
		// Splits take rows in turns, so that n rows of all splits are the first n.
		row := (p.row+int64(i))*int64(p.conf.Splits) + p.split
		in.keys[i], in.rows[i] = at(p.seed, uint64(row)), row
	}
	stage := 0
	if p.conf.Mess.DriftAfter > 0 && p.row >= p.conf.Mess.DriftAfter {
		stage = 1
	}
	p.row += int64(n)
	values := make([]arrow.Array, len(p.columns[stage]))
	newest := time.Time{}
	for i := range p.columns[stage] {
		values[i] = p.columns[stage][i].fill(in)
		if stamps, ok := values[i].(*array.Timestamp); ok && newest.IsZero() {
			newest = latest(stamps)
		}
	}
	rec := array.NewRecordBatch(p.schemas[stage], values, int64(n))
	if p.conf.Payload == "json" {
		return p.lines(rec, in.rows), newest
	}
	return rec, newest
}

func latest(stamps *array.Timestamp) time.Time {
	newest, found := int64(0), false
	for i, v := range stamps.TimestampValues() {
		if stamps.IsValid(i) && (!found || int64(v) > newest) {
			newest, found = int64(v), true
		}
	}
	if !found {
		return time.Time{}
	}
	return time.UnixMicro(newest).UTC()
}

// lines writes rec as one block of JSON lines.
func (p *planned) lines(rec arrow.RecordBatch, numbers []int64) arrow.RecordBatch {
	block := make([]byte, 0, max(p.size, 64*len(numbers)))
	var keys [][]byte
	for i, f := range rec.Schema().Fields() {
		key := []byte{','}
		if i == 0 {
			key[0] = '{'
		}
		keys = append(keys, append(rows.AppendJSONString(key, f.Name), ':'))
	}
	legacy := p.conf.Timestamps == "legacy"
	for i, row := range numbers {
		from := len(block)
		for c, column := range rec.Columns() {
			block = appendJSON(append(block, keys[c]...), column, i, legacy)
		}
		block = append(block, '}', '\n')
		if p.mess.isBad(row) {
			block = p.mess.breakOff(block, from, row)
		}
	}
	p.size = len(block) + len(block)/20
	return rows.NewPayload("json", "", true, block)
}
