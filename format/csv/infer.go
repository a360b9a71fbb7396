package csv

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

// guess is what the values of a column say of its type.
type guess struct {
	at     int     // of its field in the schema
	probe  *column // of a column whose type is decided: takes what fits
	double bool    // for the companion of doubles; undecided: a number with a fraction
	text   bool    // for the companion of text; undecided: what is none of the others

	small, large, boolean, day, naive, zoned bool
}

// Infer is format.Decoder's.
func (d *decoder) Infer(p rows.Payload, s *arrow.Schema) (*arrow.Schema, error) {
	if s == nil {
		s = arrow.NewSchema(nil, nil)
	}
	t, err := d.begin(p, s)
	if err != nil {
		return nil, err
	}
	defer d.idle.Put(t)
	guesses, fields := t.guesses(s)
	var x number
	for t.stripe() {
		width := len(t.head.Columns)
		for j, g := range guesses {
			for i := range t.count {
				f := t.fields[i*width+j]
				if b := t.text(f); !t.isNull(f, b) {
					g.learn(b, t.times, &x)
				}
			}
		}
	}
	if t.first == 0 && s.NumFields() == 0 && p.Header == "" {
		return s, nil // no row says how many columns there are
	}
	return extended(s, fields, guesses), nil
}

// guesses returns one guess for each column of the header, and the fields of s and those that it lacks.
func (t *pass) guesses(s *arrow.Schema) ([]*guess, []arrow.Field) {
	fields := s.Fields()
	fields = fields[:len(fields):len(fields)]
	places := make(map[string]int, len(fields))
	for i, f := range fields {
		if rows.CompanionOf(f) == "" {
			places[f.Name] = i
		}
	}
	out := make([]*guess, len(t.head.Columns))
	for j, name := range t.head.Columns {
		at, ok := places[name]
		if !ok {
			at = len(fields)
			fields = append(fields, arrow.Field{Name: name, Type: arrow.Null, Nullable: true})
		}
		out[j] = &guess{at: at}
		if id := fields[at].Type.ID(); id != arrow.NULL {
			out[j].probe = columnOf(fields[at], 1, &t.spares)
		}
	}
	return out, fields
}

// learn takes up a value.
func (g *guess) learn(b []byte, times bool, x *number) {
	switch {
	case g.probe != nil:
		g.fit(b)
	case g.text: // nothing can change that
	default:
		g.classify(b, times, x)
	}
}

func (g *guess) fit(b []byte) {
	c := g.probe
	switch {
	case c.id == arrow.STRING || g.double && g.text:
	case c.fits(0, b):
		if c.binary != nil {
			c.binary.Resize(0)
		}
	case c.wantsDouble(b):
		g.double = true
	default:
		g.text = true
	}
}

func (g *guess) classify(b []byte, times bool, x *number) {
	if v, ok := parseInt(b); ok {
		if -1<<53 <= v && v <= 1<<53 {
			g.small = true
		} else {
			g.large = true
		}
		return
	}
	if _, ok := parseBool(b); ok {
		g.boolean = true
		return
	}
	if _, ok := parseFloat(b, 64, x); ok {
		g.double = true
		return
	}
	if times {
		switch _, e := parseTime(b); e {
		case dayOnly:
			g.day = true
			return
		case naive:
			g.naive = true
			return
		case zoned:
			g.zoned = true
			return
		}
	}
	g.text = true
}

// decide returns the type that holds all values without loss.
func (g *guess) decide() arrow.DataType {
	number := g.small || g.large || g.double
	time := g.day || g.naive || g.zoned
	switch {
	case g.text, number && time, number && g.boolean, time && g.boolean, g.large && g.double, g.naive && g.zoned:
		return arrow.BinaryTypes.String
	case g.double:
		return arrow.PrimitiveTypes.Float64
	case number:
		return arrow.PrimitiveTypes.Int64
	case g.boolean:
		return arrow.FixedWidthTypes.Boolean
	case g.zoned:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case g.naive:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case g.day:
		return arrow.FixedWidthTypes.Date32
	}
	return arrow.Null
}

// extended returns s with the types that were decided, and the companions that are needed.
func extended(s *arrow.Schema, fields []arrow.Field, guesses []*guess) *arrow.Schema {
	taken, has := make(map[string]bool, len(fields)), make(map[string]bool)
	for _, f := range fields {
		taken[f.Name] = true
		if of := rows.CompanionOf(f); of != "" {
			has[of+"\x00"+f.Type.Name()] = true
		}
	}
	for _, g := range guesses {
		if g.probe == nil {
			fields[g.at].Type = g.decide()
			continue
		}
		name := fields[g.at].Name
		for _, need := range []struct {
			is bool
			f  arrow.Field
		}{{g.double, rows.DoubleCompanion(name)}, {g.text, rows.TextCompanion(name)}} {
			if !need.is || has[name+"\x00"+need.f.Type.Name()] {
				continue
			}
			for n, first := 2, need.f.Name; taken[need.f.Name]; n++ {
				need.f.Name = fmt.Sprintf("%s_%d", first, n)
			}
			taken[need.f.Name] = true
			fields = append(fields, need.f)
		}
	}
	md := s.Metadata()
	return arrow.NewSchema(fields, &md)
}
