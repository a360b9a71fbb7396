package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// everyType is a batch with a column of each type, and one value or literal of most.
func everyType(t *testing.T) (arrow.RecordBatch, []string) {
	r := batch(t, [2]string{"b boolean", "[true, null, false]"}, [2]string{"t8 tinyint", "[-128, null, 127]"}, [2]string{"i32 integer", "[-2147483648, null, 0]"},
		[2]string{"i64 bigint", "[-9223372036854775808, null, 9223372036854775807]"}, [2]string{"f32 float", "[1.5, null, 0]"}, [2]string{"f64 double", "[1e300, null, -0.5]"},
		[2]string{"d decimal(38,2)", `["99999999999999999999999999999999999.99", null, "-0.01"]`}, [2]string{"s varchar", `["12", null, "é"]`}, [2]string{"e dictionary varchar", `["12", null, "12"]`},
		[2]string{"bin blob", `["AQI=", null, ""]`}, [2]string{"day date", `["0001-01-01", null, "9999-12-31"]`}, [2]string{"clock time", `["00:00:00", null, "23:59:59"]`},
		[2]string{"ts timestamp", `["1969-12-31 23:59:59", null, "2024-02-29 00:00:00"]`}, [2]string{"tz timestamptz", `["1969-12-31 23:59:59Z", null, "2024-02-29 00:00:00Z"]`},
		[2]string{"l bigint[]", "[[1], null, []]"}, [2]string{"st struct(x bigint)", `[{"x": 1}, null, {"x": null}]`}, [2]string{"m map(varchar, bigint)", `[[], null, []]`}, [2]string{"u null", "[null, null, null]"})
	values := []string{"null", "true", "2", "-1.5", "1e3", "'x'", "'2024-01-01'", "date '2024-01-01'", "timestamp '2024-01-01 00:00:00'", "st.x"}
	for _, f := range r.Schema().Fields() {
		values = append(values, f.Name)
	}
	return r, values
}

func TestEveryFunctionTakesOrRefusesEveryType(t *testing.T) {
	r, values := everyType(t)
	bound, refused := 0, 0
	try := func(text string) {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.Bind(r.Schema())
		if err != nil {
			if refused++; !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", text, err)
			}
			return
		}
		bound++
		for _, in := range []arrow.RecordBatch{r, r.NewSlice(1, 3), r.NewSlice(0, 0)} {
			a, errs, err := p.Eval(t.Context(), in)
			if err != nil || int64(a.Len()) != in.NumRows() || !rows.SameType(a.DataType(), p.Type()) {
				t.Errorf("%s: %v %v %v", text, a, errs, err)
				continue
			}
			if err := array.ValidateFull(a); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	for _, x := range values {
		for _, text := range []string{"-(%s)", "not %s", "%s is null", "case when %s then 1 end", "case when b then %[1]s end", "cast(%s as varchar)", "cast(%s as double)", "cast(%s as decimal(9,1))",
			"cast(%s as timestamptz)", "cast(%s as blob)", "cast(%s as boolean)", "cast(%s as bigint[])", "try_cast(%s as tinyint)", "try_cast(%s as date)", "try_cast(%s as time)", "bucket(7, %s)", "truncate(7, %s)",
			"date_trunc('week', %s)", "substr(%s, 1, 2)", "substr(s, %s)", "split_part(%s, ',', 1)", "split_part(s, ',', %s)", "round(%s, 1)", "round(%s, -1)", "round(i32, %s)", "%s like 'x%%'", "%s like 'x' escape '!'",
			"regexp_matches(%s, 'x')", "regexp_matches(s, %s)", "regexp_extract(%s, '(x)', 1)", "regexp_extract(s, 'x', %s)", "date_trunc(%s, ts)", "bucket(%s, s)", "%s in (1, 2, 3, 4, 5, 6, 7)", "%s in ('a', 'b')",
			"replace(s, %s, 'x')", "replace(%s, 'a', 'b')", "trim(s, %s)"} {
			try(fmt.Sprintf(text, x))
		}
		for name, f := range functions {
			if f.min == 1 {
				try(name + "(" + x + ")")
			}
		}
		for _, y := range values {
			for operator, prec := range infix {
				if prec != precNone {
					try(x + " " + operator + " " + y)
				}
			}
			for name, f := range functions {
				if f.min <= 2 && (f.max >= 2 || f.max < 0) {
					try(name + "(" + x + ", " + y + ")")
				}
			}
			for _, text := range []string{"%s in (1, %s, null)", "%s between 1 and %s", "case %s when %s then 1 else 2 end", "case when b then %s else %s end", "%s like %s"} {
				try(fmt.Sprintf(text, x, y))
			}
		}
	}
	if bound < 1000 || refused < 1000 {
		t.Errorf("%d bound, %d refused", bound, refused)
	}
}

func TestFieldsOfStructsAreNullWhereTheStructIs(t *testing.T) {
	r := batch(t, [2]string{"s struct(d varchar, y struct(z bigint, ok boolean))", `[{"d": "p", "y": {"z": 1, "ok": true}}, null, {"d": "q", "y": null}, {"d": null, "y": {"z": 4, "ok": null}}]`})
	for text, want := range map[string]string{
		"s.y.z": "1 null null 4", "s.y.ok": "true null null null", "s.d || s.y.z": `"p1" null null null`, "s.d": `"p" null "q" null`, "s.y.z is null": "false true true false",
		`"s"."y".z + 1`: "2 null null 5",
	} {
		if got, _ := evalJSON(t, text, r); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
		if got, _ := evalJSON(t, text, r.NewSlice(1, 4)); got != want[strings.IndexByte(want, ' ')+1:] {
			t.Errorf("%s of a slice = %s, want %s", text, got, want)
		}
	}
}
