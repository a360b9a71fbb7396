package expr

import (
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/rows"
)

// asJSON is the result of an expression over r as one text a row.
func asJSON(t *testing.T, p *Program, r arrow.RecordBatch) []string {
	t.Helper()
	a, errs, err := p.Eval(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, a.Len())
	for i := range out {
		out[i] = string(rows.AppendJSONValue(nil, a, i))
	}
	for _, e := range errs {
		if out[e.Row] != "null" {
			t.Errorf("%s: row %d failed and has the value %s", p.Expr(), e.Row, out[e.Row])
		}
		out[e.Row] = e.Message
	}
	return out
}

func TestDictionariesSlicesAndSingleRowsGiveTheSame(t *testing.T) {
	r := generated(t, 120)
	columns := slices.Clone(r.Columns())
	fields := r.Schema().Fields()
	for i, c := range columns {
		if s, ok := c.(*array.String); ok {
			columns[i] = dictionaryOf(s)
			fields[i].Type = columns[i].DataType()
		}
	}
	encoded := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, r.NumRows())
	if rows.SameType(fields[13].Type, r.Schema().Field(13).Type) == arrow.TypeEqual(fields[13].Type, r.Schema().Field(13).Type) {
		t.Fatalf("column %s is no dictionary", fields[13].Name)
	}
	for _, text := range differential() {
		p := bind(t, text, r.Schema())
		want := asJSON(t, p, r)
		if got := asJSON(t, p, encoded); !slices.Equal(got, want) {
			t.Errorf("%s: over dictionaries %q, else %q", text, got, want)
		}
		if got := asJSON(t, p, r.NewSlice(37, 91)); !slices.Equal(got, want[37:91]) {
			t.Errorf("%s: over a slice %q, want %q", text, got, want[37:91])
		}
		if got := asJSON(t, p, encoded.NewSlice(37, 41)); !slices.Equal(got, want[37:41]) {
			t.Errorf("%s: over a slice of dictionaries %q, want %q", text, got, want[37:41])
		}
		if got := asJSON(t, p, r.NewSlice(50, 50)); len(got) != 0 {
			t.Errorf("%s: no rows give %q", text, got)
		}
		if got := asJSON(t, bind(t, p.Expr().String(), r.Schema()), r); !slices.Equal(got, want) {
			t.Errorf("%s is not the same as %s", p.Expr(), text)
		}
	}
}

func TestProgramsServeManyGoroutinesAndChangeNoBatch(t *testing.T) {
	r := generated(t, 100)
	before := fmt.Sprint(r)
	for _, text := range []string{"upper(s) || n", "t8 + 100", "greatest(n, i32)", "coalesce(s, p)", "cast(num as integer)", "-n", "b and c", "abs(t8)", "greatest(t8)"} {
		p := bind(t, text, r.Schema())
		want := asJSON(t, p, r)
		for range 4 {
			t.Run(text, func(t *testing.T) {
				t.Parallel()
				if got := asJSON(t, p, r); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", text, got, want)
				}
			})
		}
	}
	if fmt.Sprint(r) != before {
		t.Error("a batch was changed")
	}
}

func TestTextsOfADictionaryAreADictionaryOfDistinctValues(t *testing.T) {
	r := batch(t, [2]string{"d dictionary varchar", `["a", "A", null, "b", "a", "x"]`})
	a, errs, err := bind(t, "upper(nullif(d, 'x'))", r.Schema()).Eval(t.Context(), r)
	if err != nil || len(errs) > 0 {
		t.Fatal(errs, err)
	}
	d, ok := a.(*array.Dictionary)
	if !ok || d.Dictionary().Len() != 2 || d.NullN() != 2 {
		t.Fatalf("the result is %v", a)
	}
	if err := array.Validate(d); err != nil {
		t.Error(err)
	}
	_, errs, err = bind(t, "cast(cast(nullif(d, 'A') as boolean) as varchar)", batch(t, [2]string{"d varchar", "[]"}).Schema()).Eval(t.Context(), batch(t, [2]string{"d dictionary varchar", `["t", "x", "A", "x", "t"]`}))
	if err != nil || len(errs) != 2 || errs[0].Row != 1 || errs[1].Row != 3 {
		t.Errorf("errors %v, %v", errs, err)
	}
}
