package json

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

const (
	defaultMaxRow     = 64 << 20
	defaultMaxColumns = 10_000
	keptPad           = 1 << 20  // bytes of a buffer that an idle scanner keeps
	keptText          = 8 << 20  // bytes of text that a column is prepared for
	keptRaw           = 64 << 10 // bytes of an oversize document that its reject keeps
)

// decoder is the format.Decoder of JSON objects: one per line where payloads are blocks, else one per value.
//
// A value that does not fit its column stands in a companion column: a number that is the shortest text of a double in x__v_double,
// anything else in x__v_text as the JSON it was, quotes included, so that "5" and 5 stay apart. A fraction fits a column of
// doubles when the double, printed with as many digits, gives it back; a whole number up to 2^53. A list that holds an
// element which does not fit goes to the companion as a whole, a map likewise. As long as a column has no type, values that
// tell none, [] and {} and those of nulls only, stand in its text companion. Bytes are base64 with padding.
type decoder struct {
	maxRow     int64
	maxColumns int
	times      bool
	refuse     bool // duplicate keys
	seed       uint64

	mu   sync.Mutex
	idle []*scanner
	pad  []byte // for a long row: what inferred it lends it to what decodes it
	// What the last Decode that drifted inferred, for the Infer that follows.
	values  *array.Binary
	under   *arrow.Schema
	drifted *arrow.Schema
}

// NewDecoder returns a decoder of JSON.
func NewDecoder(o format.DecodeOptions) (format.Decoder, error) {
	d := &decoder{maxRow: o.MaxRow, maxColumns: o.MaxColumns, seed: rand.Uint64()}
	if d.maxRow <= 0 {
		d.maxRow = defaultMaxRow
	}
	if d.maxColumns <= 0 {
		d.maxColumns = defaultMaxColumns
	}
	switch o.DuplicateKeys {
	case "", "last":
	case "reject":
		d.refuse = true
	default:
		return nil, fault.Hint(fault.Errorf(fault.Invalid, "duplicate_keys: %q is not known", o.DuplicateKeys), "use last or reject")
	}
	switch o.Timestamps {
	case "", "on":
		d.times = true
	case "off":
	default:
		return nil, fault.Hint(fault.Errorf(fault.Invalid, "timestamps: %q is not known", o.Timestamps), "use on or off")
	}
	if e := strings.ToLower(o.Encoding); e != "" && e != "utf-8" && e != "utf8" {
		return nil, fault.Errorf(fault.Invalid, "encoding: JSON is UTF-8, not %q", o.Encoding)
	}
	return d, nil
}

// Decode implements format.Decoder.
func (d *decoder) Decode(p rows.Payload, s *arrow.Schema) (format.Decoded, error) {
	if s == nil {
		s = arrow.NewSchema(nil, nil)
	}
	sc, err := d.scanner(s)
	if err != nil {
		return format.Decoded{}, err
	}
	defer d.release(sc)
	if sc.run(p, decoding); sc.drift {
		grown, err := d.infer(p, s)
		if err != nil {
			return format.Decoded{}, err
		}
		if !grown.Equal(s) {
			d.mu.Lock()
			d.values, d.under, d.drifted = p.Values, s, grown
			d.mu.Unlock()
			return format.Decoded{Drift: true}, nil
		}
		sc.run(p, closed)
	}
	out := format.Decoded{
		Rows:       sc.root.batch(s),
		Rejects:    sc.rejects,
		Coerced:    make(map[string]int64),
		Duplicates: sc.duplicates,
		Rest:       int64(sc.rest),
	}
	sc.root.counted(out.Coerced)
	sc.rejects = nil
	if cap(sc.pad) > keptPad {
		sc.pad = nil // nothing is left to infer of it
	}
	return out, nil
}

// Infer implements format.Decoder.
func (d *decoder) Infer(p rows.Payload, s *arrow.Schema) (*arrow.Schema, error) {
	if s == nil {
		s = arrow.NewSchema(nil, nil)
	}
	d.mu.Lock()
	known := d.drifted
	hit := known != nil && d.values == p.Values && d.under == s
	d.values, d.under, d.drifted = nil, nil, nil
	d.mu.Unlock()
	if hit {
		return known, nil
	}
	return d.infer(p, s)
}

// infer extends s until p decodes without drift, or would need more columns than there may be.
func (d *decoder) infer(p rows.Payload, s *arrow.Schema) (*arrow.Schema, error) {
	for {
		sc, err := d.scanner(s)
		if err != nil {
			return nil, err
		}
		sc.guesses = newGuesses(sc, d)
		sc.run(p, guessing)
		grown := sc.guesses.schema(s)
		sc.guesses = nil
		d.release(sc)
		if grown.Equal(s) {
			return s, nil
		}
		s = grown
	}
}

// scanner returns an idle scanner for s, or a new one.
func (d *decoder) scanner(s *arrow.Schema) (*scanner, error) {
	d.mu.Lock()
	for i, sc := range d.idle {
		if sc.schema == s || sc.schema.Equal(s) {
			d.idle = append(d.idle[:i], d.idle[i+1:]...)
			d.mu.Unlock()
			return sc, nil
		}
	}
	d.mu.Unlock()
	root, err := plan(s, d.seed)
	if err != nil {
		return nil, err
	}
	return &scanner{d: d, schema: s, root: root, refuse: d.refuse}, nil
}

// release keeps a scanner for the next payload, and lets the longest idle go.
func (d *decoder) release(sc *scanner) {
	sc.root.drop()
	sc.set(nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pad = nil; cap(sc.pad) > keptPad {
		d.pad, sc.pad = sc.pad, nil
	}
	d.idle = append(d.idle, sc)
	if most := 2 * runtime.GOMAXPROCS(0); len(d.idle) > most {
		d.idle = append(d.idle[:0], d.idle[1:]...)
	}
}

// padOf returns an empty buffer of a capacity.
func (d *decoder) padOf(n int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pad; cap(p) >= n {
		d.pad = nil
		return p[:0]
	}
	return make([]byte, 0, n)
}
