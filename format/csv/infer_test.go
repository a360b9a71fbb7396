package csv

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// Whatever the header, the values and what is held already: what was inferred from a payload decodes it.
func TestWhatWasInferredDecodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	names := []string{"a", "b", "A", "a_2", "a__v_text", "a__v_double", "b__v_text", "column_1", "column_2", "c", "a__v_text_2"}
	values := []string{"1", "0.5", "x", "", "true", "2024-01-01", "99999999999999999999", `"q"`, `""`, "cQ=="}
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean,
		arrow.FixedWidthTypes.Date32, arrow.Null, arrow.ListOf(arrow.PrimitiveTypes.Int64), arrow.BinaryTypes.Binary,
	}
	dec, err := NewDecoder(format.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	one := func(of []string) string { return of[rng.IntN(len(of))] }
	drifts := 0
	for range 5000 {
		h := header{Delimiter: ","}
		for _, k := range rng.Perm(len(names))[:1+rng.IntN(4)] {
			h.Columns = append(h.Columns, names[k])
		}
		var body strings.Builder
		for range 1 + rng.IntN(3) {
			line := make([]string, len(h.Columns))
			for i := range line {
				line[i] = one(values)
			}
			body.WriteString(strings.Join(line, ",") + "\n")
		}
		var held []arrow.Field
		for _, k := range rng.Perm(len(names))[:rng.IntN(4)] {
			f := arrow.Field{Name: names[k], Type: types[rng.IntN(len(types))], Nullable: true}
			if of, ok := strings.CutSuffix(f.Name, rows.TextSuffix); ok && rng.IntN(2) == 0 {
				f = rows.TextCompanion(of)
			}
			held = append(held, f)
		}
		p, _ := rows.PayloadOf(rows.NewPayload("csv", h.String(), true, []byte(body.String())))
		s := arrow.NewSchema(held, nil)
		d, err := dec.Decode(p, s)
		if err != nil || !d.Drift {
			continue
		}
		drifts++
		if s, err = dec.Infer(p, s); err != nil {
			t.Fatalf("%v\n%s: %v", h.Columns, body.String(), err)
		}
		if d, err = dec.Decode(p, s); err != nil || d.Drift {
			t.Fatalf("%v\n%sheld %v\ninferred %v: drift %v, %v", h.Columns, body.String(), held, s, d.Drift, err)
		}
	}
	if drifts < 1000 {
		t.Errorf("only %d payloads drifted", drifts)
	}
}
