package stage

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// DecodeConfig is the settings of decode.
type DecodeConfig struct {
	Format        string        `setting:"format" doc:"format of the payloads; without it, what the source says" example:"json"`
	DuplicateKeys string        `setting:"duplicate_keys" doc:"a key twice in one object: last (it wins, and is counted) or reject" example:"reject"`
	Timestamps    string        `setting:"timestamps" doc:"on: ISO-8601 strings become timestamps and dates; off" example:"off"`
	Encoding      string        `setting:"encoding" doc:"of text: utf-8 or latin-1" example:"latin-1"`
	Delimiter     string        `setting:"delimiter" doc:"CSV: between fields; without it, found out from the header" example:";"`
	Nulls         []string      `setting:"nulls" doc:"CSV: texts that mean null, beside the empty field" example:"[NA]"`
	MaxRow        setting.Bytes `setting:"max_row" doc:"a longer document is a reject" default:"64MiB"`
	MaxColumns    int           `setting:"max_columns" doc:"how many columns inference may open" default:"10_000"`
}

// Decode turns payloads into columns.
var Decode = Of("decode", "payloads (JSON, CSV, …) become columns", func(env Env, c *DecodeConfig) (Stage, error) {
	return NewDecode(env, *c), nil
})

var errDrift = fault.New(fault.Internal, "decode: the schema inferred from a batch does not hold it")

func notPayloads(name string) error {
	return fault.Hint(fault.Errorf(fault.Invalid, "decode: format %s is one of files, not of payloads", name), "decode json or csv")
}

// decode holds the input schema of its source, which only grows.
type decode struct {
	env      Env
	format   string
	options  format.DecodeOptions
	schema   atomic.Pointer[arrow.Schema]
	mu       sync.Mutex
	decoders map[string]format.Decoder
}

// NewDecode returns the stage. Batches that hold columns already pass through it.
func NewDecode(env Env, c DecodeConfig) Evolver {
	o := env.Decode
	override(&o.DuplicateKeys, c.DuplicateKeys)
	override(&o.Timestamps, c.Timestamps)
	override(&o.Encoding, c.Encoding)
	override(&o.Delimiter, c.Delimiter)
	if c.Nulls != nil {
		o.Nulls = c.Nulls
	}
	if c.MaxRow != 0 {
		o.MaxRow = int64(c.MaxRow)
	}
	if c.MaxColumns != 0 {
		o.MaxColumns = c.MaxColumns
	}
	d := &decode{env: env, format: c.Format, options: o, decoders: map[string]format.Decoder{}}
	d.schema.Store(env.Schema)
	return d
}

func override(s *string, with string) {
	if with != "" {
		*s = with
	}
}

// Try decodes under the schema as it stands.
func (d *decode) Try(_ context.Context, in rows.Batch, emit func(rows.Batch) error) (bool, error) {
	p, dec, err := d.decoder(in)
	if err != nil {
		return false, err
	}
	if dec == nil {
		return true, emit(in)
	}
	s := d.schema.Load()
	if s == nil {
		return false, nil
	}
	return d.each(dec, p, s, in, emit)
}

// each decodes p under s and emits its rows, in several batches where one would take too much. False: s does not hold them.
func (d *decode) each(dec format.Decoder, p rows.Payload, s *arrow.Schema, in rows.Batch, emit func(rows.Batch) error) (bool, error) {
	start := startOf(in)
	for {
		out, err := dec.Decode(p, s)
		if err != nil || out.Drift {
			return false, err
		}
		if err := emit(d.batch(in, p, out, start)); err != nil || out.Rest == 0 {
			return true, err
		}
		block := p.Values.Value(0)
		done := int64(len(block)) - out.Rest
		if done <= 0 {
			return false, fault.Errorf(fault.Internal, "decode: %s leaves the whole block", p.Format)
		}
		start += done
		p, _ = rows.PayloadOf(rows.NewPayload(p.Format, p.Header, true, block[done:]))
	}
}

// Apply decodes, and extends the schema by what all documents of the batch need.
func (d *decode) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if ok, err := d.Try(ctx, in, emit); ok || err != nil {
		return err
	}
	p, dec, err := d.decoder(in)
	if err != nil {
		return err
	}
	s, err := dec.Infer(p, d.schema.Load())
	if err != nil {
		return err
	}
	if ok, err := d.each(dec, p, s, in, emit); err != nil {
		return err
	} else if !ok {
		return errDrift
	}
	d.schema.Store(s)
	return nil
}

// batch is what was decoded of in, of which start is the place in its split.
func (d *decode) batch(in rows.Batch, p rows.Payload, out format.Decoded, start int64) rows.Batch {
	in.Rows, in.Rejects = beside(in.Rows, out.Rows), out.Rejects
	now := time.Now().UTC()
	for i := range in.Rejects {
		r := &in.Rejects[i]
		r.Offset += start
		r.Split, r.Position, r.Time, r.Pipeline = in.Split, in.Position, now, d.env.Pipeline
		r.Format, r.Header = p.Format, p.Header
	}
	in.Coerced, in.Duplicates = out.Coerced, out.Duplicates
	return in
}

// startOf is where the blocks of a batch of text begin in their split, 0 if its positions are no offsets.
func startOf(in rows.Batch) int64 {
	p, _ := rows.PayloadOf(in.Rows)
	if !p.Blocks || in.Position == "" {
		return 0
	}
	end, err := format.OffsetOf("", in.Position)
	if err != nil {
		return 0
	}
	for i := range p.Values.Len() {
		end -= int64(p.Values.ValueLen(i))
	}
	return max(end, 0)
}

// beside adds to decoded rows the columns that stand beside their payload, which hold for all of them: the payload must be
// one block. A column that the rows have themselves stays theirs.
func beside(payload, decoded arrow.RecordBatch) arrow.RecordBatch {
	if payload.NumCols() == 1 || payload.NumRows() != 1 || decoded == nil {
		return decoded
	}
	fields, columns := slices.Clone(decoded.Schema().Fields()), slices.Clone(decoded.Columns())
	same := make([]int32, decoded.NumRows())
	for i, f := range payload.Schema().Fields() {
		if f.Name == rows.PayloadColumn || decoded.Schema().HasField(f.Name) {
			continue
		}
		one := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{f}, nil), []arrow.Array{payload.Column(i)}, 1)
		fields, columns = append(fields, f), append(columns, rows.Take(one, same).Column(0))
	}
	md := decoded.Schema().Metadata()
	return array.NewRecordBatch(arrow.NewSchema(fields, &md), columns, decoded.NumRows())
}

// decoder returns the payloads of a batch and what decodes them, nil when it holds columns or undecoded payloads that
// nobody named a format for.
func (d *decode) decoder(in rows.Batch) (rows.Payload, format.Decoder, error) {
	p, ok := rows.PayloadOf(in.Rows)
	if !ok {
		return p, nil, nil
	}
	name := p.Format
	if d.format != "" {
		name = d.format
	}
	if p.Format = name; name == "" {
		return p, nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if dec := d.decoders[name]; dec != nil {
		return p, dec, nil
	}
	spec, err := d.env.Formats.Lookup(name)
	if err != nil {
		return p, nil, err
	}
	if spec.Decoder == nil {
		return p, nil, notPayloads(name)
	}
	dec, err := spec.Decoder(d.options)
	if err != nil {
		return p, nil, err
	}
	d.decoders[name] = dec
	return p, dec, nil
}

// Mark is the input schema as JSON.
func (d *decode) Mark() []byte {
	s := d.schema.Load()
	if s == nil {
		return nil
	}
	return rows.MarshalSchema(s)
}

// Reset goes back to the input schema of a mark, or to the declared one.
func (d *decode) Reset(mark []byte) error {
	if mark == nil {
		d.schema.Store(d.env.Schema)
		return nil
	}
	s, err := rows.UnmarshalSchema(json.RawMessage(mark))
	if err == nil {
		d.schema.Store(s)
	}
	return err
}
