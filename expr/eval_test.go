package expr

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// batch makes a batch of columns "name type", whose values are JSON arrays.
func batch(t testing.TB, columns ...[2]string) arrow.RecordBatch {
	t.Helper()
	fields, arrays := make([]arrow.Field, len(columns)), make([]arrow.Array, len(columns))
	n := int64(0)
	for i, c := range columns {
		name, typ, _ := strings.Cut(c[0], " ")
		dt, err := rows.ParseType(strings.TrimPrefix(typ, "dictionary "))
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(c[1]))
		if err != nil {
			t.Fatalf("%s: %v", c[0], err)
		}
		if strings.HasPrefix(typ, "dictionary ") {
			a = dictionaryOf(a.(*array.String))
		}
		fields[i], arrays[i], n = arrow.Field{Name: name, Type: a.DataType(), Nullable: true}, a, int64(a.Len())
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, n)
}

func dictionaryOf(a *array.String) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, rows.TextDictionary).(*array.BinaryDictionaryBuilder)
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
		} else if err := b.AppendString(a.Value(i)); err != nil {
			panic(err)
		}
	}
	return b.NewArray()
}

func bind(t testing.TB, text string, s *arrow.Schema) *Program {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Bind(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// evalJSON returns the values of text over r as JSON, and the errors of its rows.
func evalJSON(t testing.TB, text string, r arrow.RecordBatch) (string, []RowError) {
	t.Helper()
	p := bind(t, text, r.Schema())
	a, errs, err := p.Eval(t.Context(), r)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !rows.SameType(a.DataType(), p.Type()) || int64(a.Len()) != r.NumRows() {
		t.Fatalf("%s: %d values of %s, want %d of %s", text, a.Len(), a.DataType(), r.NumRows(), p.Type())
	}
	var out []byte
	for i := range a.Len() {
		out = append(rows.AppendJSONValue(out, a, i), ' ')
	}
	return strings.TrimSuffix(string(out), " "), errs
}

func TestExpressionsAreComputedByColumn(t *testing.T) {
	r := batch(t, [2]string{"a bigint", "[1, null, 3, -4]"}, [2]string{"b double", "[0.5, 1.5, null, 2]"}, [2]string{"d dictionary varchar", `["Bot", "Mobile", null, "Bot"]`},
		[2]string{"ts timestamptz", `["2024-02-29 23:59:59.999999Z", "1969-12-31 23:00:00Z", null, "2000-01-01 00:00:00Z"]`},
		[2]string{"s struct(x bigint, y struct(z varchar))", `[{"x": 1, "y": {"z": "p"}}, {"x": null, "y": null}, null, {"x": 4, "y": {"z": null}}]`},
		[2]string{"u null", "[null, null, null, null]"})
	for text, want := range map[string]string{
		"a*2+1":                  "3 null 7 -7",
		"d <> 'Bot'":             "false true null false",
		"upper(d)":               `"BOT" "MOBILE" null "BOT"`,
		"year(ts)":               "2024 1969 null 2000",
		"month(ts)":              "2 12 null 1",
		"day(ts)":                "29 31 null 1",
		"hour(ts)":               "23 23 null 0",
		"s.x + 1":                "2 null null 5",
		"s.y.z":                  `"p" null null null`,
		"s.y is null":            "false true true false",
		"u":                      "null null null null",
		"'日xy' like '%__x%'":     "false false false false",
		"'日yxy' like '%__x%'":    "true true true true",
		"u + a":                  "null null null null",
		"u is null":              "true true true true",
		"1 + 1":                  "2 2 2 2",
		"'x' || a || d":          `"x1Bot" null null "x-4Bot"`,
		"coalesce(u, a)":         "1 null 3 -4",
		"a > 0 or d like 'Mob%'": "true true true false",
		"case when a > 1 then 'big' when a is null then 'none' end": `null "none" "big" null`,
		"case d when 'Bot' then 0 else 1 end":                       "0 1 1 0",
		"a in (1, null)":                                            "true null null null",
		"greatest(a, b)":                                            "1.0 1.5 3.0 2.0",
	} {
		if got, errs := evalJSON(t, text, r); got != want || len(errs) > 0 {
			t.Errorf("%s = %s %v, want %s", text, got, errs, want)
		}
	}
}

func TestRowsWithoutAValueAreErrorsWhereItIsNeeded(t *testing.T) {
	r := batch(t, [2]string{"a bigint", "[1, 2, 3, 4]"}, [2]string{"s varchar", `["1", "x", null, "4"]`}, [2]string{"d dictionary varchar", `["x", "2", "x", "4"]`},
		[2]string{"big bigint", "[9223372036854775807, 1, 2, 3]"})
	for _, c := range []struct {
		text, want string
		failed     []int
	}{
		{"cast(s as int)", "1 null null 4", []int{1}},
		{"try_cast(s as int)", "1 null null 4", nil},
		{"cast(d as int) + 1", "null 3 null 5", []int{0, 2}},
		{"big + 1", "null 2 3 4", []int{0}},
		{"case when s = 'x' then 0 else cast(s as int) end", "1 0 null 4", nil},
		{"s <> 'x' and cast(s as int) > 0", "true false null true", nil},
		{"cast(s as int) > 0 and s <> 'x'", "true null null true", []int{1}},
		{"coalesce(cast(s as int), a)", "1 null 3 4", []int{1}},
		{"coalesce(a, cast(s as int))", "1 2 3 4", nil},
		{"case when cast(s as int) > 1 then 1 else 0 end", "0 null 0 1", []int{1}},
		{"case cast(s as int) when 4 then 1 else 0 end", "0 null 0 1", []int{1}},
		{"case when a = 2 then 9 when cast(s as int) > 1 then 1 else 0 end", "0 9 0 1", nil},
		{"nullif(a, cast(s as int))", "null null 3 null", []int{1}},
		{"cast(s as int) in (1, 2)", "true null null false", []int{1}},
		{"a in (2, cast(s as int))", "true true null true", nil},
		{"a between 0 and cast(s as int)", "true null null true", []int{1}},
		{"cast(s as int) is null", "false null true false", []int{1}},
		{"cast(s as int) + cast(d as int)", "null null null 8", []int{0, 1, 2}},
		{"greatest(a, cast(s as int))", "1 null 3 4", []int{1}},
	} {
		got, errs := evalJSON(t, c.text, r)
		ok := got == c.want && len(errs) == len(c.failed)
		for i := range c.failed {
			ok = ok && errs[i].Row == c.failed[i] && errs[i].Message != ""
		}
		if !ok {
			t.Errorf("%s = %s %v, want %s %v", c.text, got, errs, c.want, c.failed)
		}
	}
	_, errs := evalJSON(t, "cast(s as date)", r)
	if len(errs) == 0 || errs[0].Message != "'1' does not fit date" {
		t.Errorf("errors are %v", errs)
	}
}

func TestTypesAreCheckedBeforeARowFlows(t *testing.T) {
	s := batch(t, [2]string{"amount bigint", "[]"}, [2]string{"name varchar", "[]"}, [2]string{"ts timestamp", "[]"}, [2]string{"l bigint[]", "[]"},
		[2]string{"s struct(inner bigint)", "[]"}).Schema()
	for text, want := range map[string][2]string{
		`amount = "ten's"`:               {"character 10: there is no column \"ten's\"", "double quotes are for names; a text is written 'ten''s'"},
		"amuont + 1":                     {"character 1: there is no column amuont", "did you mean amount?"},
		"1 + s.iner":                     {"character 5: s has no field iner", "did you mean inner?"},
		"name.x":                         {"name is a varchar, which has no field x", ""},
		"l.x":                            {"l is a bigint[]", "explode"},
		"name + 1":                       {"character 1: + takes numbers, not varchar", ""},
		"name = amount":                  {"=: varchar and bigint are not of one kind", "cast"},
		"amount and true":                {"and takes conditions, not bigint", "<> 0"},
		"year(amount)":                   {"year takes a date or a timestamp, not bigint", "year(date or timestamp)"},
		"year(name)":                     {"not varchar", "year(cast(name as timestamp))"},
		"ts > 'abc'":                     {"character 6: 'abc' does not fit timestamp", ""},
		"cast('abc' as int) + amount":    {"'abc' does not fit integer", ""},
		"cast(l as int)":                 {"bigint[] cannot be cast to integer", ""},
		"amount::timestamp":              {"bigint cannot be cast to timestamp", "epoch_ms"},
		"l = l":                          {"= does not take bigint[]", "field"},
		"date_trunc('mnth', ts)":         {"character 12: 'mnth' is no unit", "did you mean 'month'?"},
		"date_trunc(name, ts)":           {"the same for all rows", "date_trunc('month', timestamp)"},
		"regexp_matches(name, '(')":      {"character 22: error parsing regexp", ""},
		"regexp_matches(name, 'a', 'y')": {"no option", "c, i, l, s"},
		"regexp_extract(name, 'a', 1)":   {"no group 1", "0 groups"},
		"bucket(0, amount)":              {"from 1 to 2147483647", ""},
		"bucket(4, 1.5::double)":         {"bucket takes", "decimal"},
		"2147483647 + 1":                 {"2147483647 + 1 overflows", ""},
		"name like 'a!' escape '!'":      {"ends with its escape", ""},
		"ts - ts":                        {"timestamp - timestamp has no meaning", "date - date"},
	} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Bind(s)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want[0]) || !strings.Contains(fault.HintOf(err), want[1]) {
			t.Errorf("%s: %v (hint %q), want %q (hint %q)", text, err, fault.HintOf(err), want[0], want[1])
		}
	}
}

func TestSelectTakesOnlyTrueRows(t *testing.T) {
	r := batch(t, [2]string{"a bigint", "[1, null, 3, -4]"}, [2]string{"s varchar", `["1", "x", "x", "4"]`})
	for text, want := range map[string]int{"a > 0": 2, "null": 0, "true": 4, "a is null or a < 0": 2, "missing > 0": 0} {
		s := arrow.NewSchema(append(r.Schema().Fields(), arrow.Field{Name: "missing", Type: arrow.PrimitiveTypes.Int64}), nil)
		index, errs, err := bind(t, text, s).Select(t.Context(), r)
		if err != nil || len(errs) > 0 || len(index) != want {
			t.Errorf("%s: rows %v %v %v, want %d", text, index, errs, err, want)
		}
	}
	index, errs, err := bind(t, "cast(s as int) > 0", r.Schema()).Select(t.Context(), r)
	if err != nil || len(index) != 2 || len(errs) != 2 {
		t.Errorf("rows %v, errors %v, %v", index, errs, err)
	}
	if _, _, err := bind(t, "a + 1", r.Schema()).Select(t.Context(), r); !fault.Is(err, fault.Invalid) {
		t.Errorf("a number selects: %v", err)
	}
}

func TestBatchesMayDifferFromTheSchema(t *testing.T) {
	s := batch(t, [2]string{"a bigint", "[]"}, [2]string{"d varchar", "[]"}).Schema()
	p := bind(t, "coalesce(d, 'none') || a", s)
	for _, c := range []struct {
		r    arrow.RecordBatch
		want string
	}{
		{batch(t, [2]string{"x bigint", "[7]"}, [2]string{"a bigint", "[1]"}), `["none1"]`},
		{batch(t, [2]string{"d dictionary varchar", `["p", "q", "p", "p", null]`}, [2]string{"a bigint", "[1, 2, 3, 4, 5]"}), `["p1" "q2" "p3" "p4" "none5"]`},
		{batch(t, [2]string{"d null", `[null]`}, [2]string{"a bigint", "[1]"}), `["none1"]`},
		{batch(t, [2]string{"d varchar", `[]`}, [2]string{"a bigint", "[]"}), `[]`},
		{batch(t, [2]string{"d varchar", `["p", "q", "r"]`}, [2]string{"a bigint", "[1, 2, 3]"}).NewSlice(1, 3), `["q2" "r3"]`},
		{batch(t, [2]string{"d dictionary varchar", `["p", "q", "r"]`}, [2]string{"a bigint", "[1, 2, 3]"}).NewSlice(1, 3), `["q2" "r3"]`},
	} {
		a, errs, err := p.Eval(t.Context(), c.r)
		if err != nil || len(errs) > 0 || a.String() != c.want {
			t.Errorf("%v %v %v, want %s", a, errs, err, c.want)
		}
	}
	p = bind(t, "cast(coalesce(d, 'x') as int) + a", s) // without d it fails the same for all rows
	_, errs, err := p.Eval(t.Context(), batch(t, [2]string{"a bigint", "[1, 2]"}))
	if err != nil || len(errs) != 2 || errs[0].Row != 0 || errs[1].Row != 1 {
		t.Errorf("errors %v, %v", errs, err)
	}
	if _, _, err := p.Eval(t.Context(), batch(t, [2]string{"a varchar", `["x"]`})); !fault.Is(err, fault.Internal) {
		t.Errorf("a column of another type: %v", err)
	}
}
