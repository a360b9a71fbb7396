package rows

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
)

func TestConform(t *testing.T) {
	for _, c := range []struct {
		name, held   string // schema, "" = new
		came, rows   string
		schema, want string
		coerced      string
		changes      string
	}{
		{"columns are matched by name, missing ones are null", "a bigint, b varchar", "b varchar, a bigint", `{"b":"x","a":1}`, "a bigint, b varchar", `{"a":1,"b":"x"}`, "", ""},
		{"a missing column is null", "a bigint, b varchar", "b varchar", `{"b":"x"}`, "a bigint, b varchar", `{"b":"x"}`, "", ""},
		{"new columns are added at the end", "a bigint", "b varchar, a bigint", `{"b":"x","a":1}`, "a bigint, b varchar", `{"a":1,"b":"x"}`, "", "column b varchar added"},
		{"an undecided column decides nothing", "a bigint", "a null, b null", `{}`, "a bigint, b null", `{}`, "", ""},
		{"an undecided column takes its type in place", "a null, b bigint", "a varchar, b bigint", `{"a":"x","b":1}`, "a varchar, b bigint", `{"a":"x","b":1}`, "", "column a varchar added"},
		{"100 in a double column is 100.0", "x double", "x bigint", `{"x":100}`, "x double", `{"x":100.0}`, "x 1", ""},
		{"2^53 fits a double", "x double", "x bigint", `{"x":9007199254740992}`, "x double", `{"x":9007199254740992.0}`, "x 1", ""},
		{"2^53+1 does not fit a double", "x double", "x bigint", "{\"x\":9007199254740993}\n{\"x\":1}", "x double, x__v_text varchar",
			"{\"x__v_text\":\"9007199254740993\"}\n{\"x\":1.0}", "x 2", "column x__v_text varchar added"},
		{"0.5 in a bigint column stands beside it", "x bigint", "x double", "{\"x\":0.5}\n{\"x\":2}\n{}", "x bigint, x__v_double double", "{\"x__v_double\":0.5}\n{\"x\":2}\n{}", "x 2", "column x__v_double double added"},
		{"text in a bigint column stands beside it", "x bigint", "x varchar", `{"x":"n/a"}`, "x bigint, x__v_text varchar", `{"x__v_text":"\"n/a\""}`, "x 1", "column x__v_text varchar added"},
		{"a number in a varchar column stands beside it", "x varchar", "x bigint", `{"x":5}`, "x varchar, x__v_double double", `{"x__v_double":5.0}`, "x 1", "column x__v_double double added"},
		{"a boolean in a bigint column stands beside it", "x bigint", "x boolean", `{"x":true}`, "x bigint, x__v_text varchar", `{"x__v_text":"true"}`, "x 1", "column x__v_text varchar added"},
		{"narrow integers widen", "x bigint", "x smallint", `{"x":-5}`, "x bigint", `{"x":-5}`, "x 1", ""},
		{"wide integers narrow where they fit", "x tinyint", "x bigint", "{\"x\":127}\n{\"x\":128}", "x tinyint, x__v_double double", "{\"x\":127}\n{\"x__v_double\":128.0}", "x 2", "column x__v_double double added"},
		{"integers fit decimals", "x decimal(5,2)", "x bigint", "{\"x\":999}\n{\"x\":1000}", "x decimal(5,2), x__v_double double", "{\"x\":999.00}\n{\"x__v_double\":1000.0}", "x 2", "column x__v_double double added"},
		{"scales of decimals change where nothing is lost", "x decimal(5,1)", "x decimal(6,3)", "{\"x\":\"1.500\"}\n{\"x\":\"1.505\"}", "x decimal(5,1), x__v_double double", "{\"x\":1.5}\n{\"x__v_double\":1.505}", "x 2", "column x__v_double double added"},
		{"a decimal beyond every double is text", "x bigint", "x decimal(20,0)", `{"x":"18446744073709551615"}`, "x bigint, x__v_text varchar", `{"x__v_text":"18446744073709551615"}`, "x 1", "column x__v_text varchar added"},
		{"dates fit timestamps", "x timestamp", "x date", `{"x":"2024-02-29"}`, "x timestamp", `{"x":"2024-02-29T00:00:00"}`, "x 1", ""},
		{"a time without zone is no instant", "x timestamptz", "x timestamp", `{"x":"2024-02-29 01:02:03"}`, "x timestamptz, x__v_text varchar", `{"x__v_text":"\"2024-02-29T01:02:03\""}`, "x 1", "column x__v_text varchar added"},
		{"structs merge field by field", "s struct(a bigint, b varchar)", "s struct(b varchar, a double, c bigint)", "{\"s\":{\"a\":0.5,\"b\":\"x\",\"c\":7}}\n{\"s\":null}",
			"s struct(a bigint, b varchar, a__v_double double, c bigint)", "{\"s\":{\"a\":null,\"b\":\"x\",\"a__v_double\":0.5,\"c\":7}}\n{}", "s.a 1", "column s.a__v_double double added; column s.c bigint added"},
		{"lists merge by element", "l double[]", "l bigint[]", "{\"l\":[1,null,2]}\n{\"l\":[]}\n{}", "l double[]", "{\"l\":[1.0,null,2.0]}\n{\"l\":[]}\n{}", "l.item 2", ""},
		{"a list with an element that does not fit is text", "l bigint[]", "l double[]", "{\"l\":[1,0.5]}\n{\"l\":[3]}", "l bigint[], l__v_text varchar", "{\"l__v_text\":\"[1.0,0.5]\"}\n{\"l\":[3]}", "l 1; l.item 2", "column l__v_text varchar added"},
		{"structs in lists merge field by field", "l struct(a bigint)[]", "l struct(b varchar, a varchar)[]", "{\"l\":[{\"b\":\"x\",\"a\":\"y\"}]}", "l struct(a bigint, b varchar, a__v_text varchar)[]",
			`{"l":[{"a":null,"b":"x","a__v_text":"\"y\""}]}`, "l.item.a 1", "column l.item.b varchar added; column l.item.a__v_text varchar added"},
		{"a scalar in a struct column is text", "s struct(a bigint)", "s varchar", `{"s":"x"}`, "s struct(a bigint), s__v_text varchar", `{"s__v_text":"\"x\""}`, "s 1", "column s__v_text varchar added"},
		{"a struct in a scalar column is text", "s bigint", "s struct(a bigint)", `{"s":{"a":1}}`, "s bigint, s__v_text varchar", `{"s__v_text":"{\"a\":1}"}`, "s 1", "column s__v_text varchar added"},
		{"maps merge by value", "m map(varchar, double)", "m map(varchar, bigint)", `{"m":[{"key":"k","value":1}]}`, "m map(varchar, double)", `{"m":{"k":1.0}}`, "m.value 1", ""},
		{"undecided elements take their type", "l null[]", "l bigint[]", `{"l":[1]}`, "l bigint[]", `{"l":[1]}`, "", "column l.item bigint added"},
		{"undecided elements decide nothing", "l bigint[]", "l null[]", `{"l":[null]}`, "l bigint[]", `{"l":[null]}`, "", ""},
		{"companions that come go to their companion", "x bigint, x__v_double double", "x bigint, x__v_double double, y bigint", "{\"x\":1}\n{\"x__v_double\":0.5}", "x bigint, x__v_double double, y bigint", "{\"x\":1}\n{\"x__v_double\":0.5}", "", "column y bigint added"},
		{"companions that come are added", "x bigint", "x bigint, x__v_text varchar", "{\"x\":1}\n{\"x__v_text\":\"true\"}", "x bigint, x__v_text varchar", "{\"x\":1}\n{\"x__v_text\":\"true\"}", "", "column x__v_text varchar added"},
		{"companions that come go where they fit", "x double", "x bigint, x__v_double double", "{\"x\":1}\n{\"x__v_double\":0.5}", "x double", "{\"x\":1.0}\n{\"x\":0.5}", "x 2", ""},
		{"a row may have a value in both", "x double", "x bigint, x__v_double double", "{\"x\":1,\"x__v_double\":0.5}", "x double, x__v_double double", "{\"x\":1.0,\"x__v_double\":0.5}", "x 1", "column x__v_double double added"},
		{"companions of text go where they fit", "x varchar", "x bigint, x__v_text varchar", "{\"x\":1}\n{\"x__v_text\":\"\\\"a\\\"\"}\n{\"x__v_text\":\"true\"}", "x varchar, x__v_double double, x__v_text varchar",
			"{\"x__v_double\":1.0}\n{\"x\":\"a\"}\n{\"x__v_text\":\"true\"}", "x 2", "column x__v_double double added; column x__v_text varchar added"},
		{"names that differ only by case are two columns", "Page varchar", "page varchar", `{"page":"a"}`, "Page varchar, page varchar", `{"page":"a"}`, "", "columns Page and page differ only by case; column page varchar added"},
		{"the first batch decides", "", "b bigint, a null, c varchar", `{"b":1}`, "b bigint, a null, c varchar", `{"b":1}`, "", "column b bigint added; column c varchar added"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var held *arrow.Schema
			if c.held != "" {
				held = columns(t, c.held)
			}
			for _, in := range []arrow.RecordBatch{table(t, c.came, c.rows), encode(table(t, c.came, c.rows))} {
				h := hold(t, held, nil, Contract{})
				got, err := h.Conform(in)
				if err != nil {
					t.Fatal(err)
				}
				if s := schemaText(h.Schema()); s != c.schema {
					t.Errorf("schema %s, want %s", s, c.schema)
				}
				if l := strings.TrimSpace(lines(got.Rows)); l != c.want {
					t.Errorf("rows\n%s\nwant\n%s", l, c.want)
				}
				if s := strings.Join(got.Changes, "; "); s != c.changes {
					t.Errorf("changes %q, want %q", s, c.changes)
				}
				if s := countsText(got.Coerced); s != c.coerced {
					t.Errorf("coerced %q, want %q", s, c.coerced)
				}
				if len(got.Rejects) > 0 || got.Filtered > 0 {
					t.Errorf("rejects %v, filtered %d", got.Rejects, got.Filtered)
				}
				checkHeld(t, h, got.Rows)
			}
		})
	}
}

// checkHeld checks that rows have the held columns in order, and that the schema survives being saved.
func checkHeld(t *testing.T, h *Holder, r arrow.RecordBatch) {
	t.Helper()
	for i, f := range h.Schema().Fields() {
		if g := r.Schema().Field(i); g.Name != f.Name || !SameType(g.Type, f.Type) {
			t.Errorf("column %d is %s %s, held is %s %s", i, g.Name, TypeName(g.Type), f.Name, TypeName(f.Type))
		}
	}
	again, err := UnmarshalSchema(MarshalSchema(h.Schema()))
	if err != nil || !again.Equal(arrow.NewSchema(h.Schema().Fields(), nil)) {
		t.Errorf("saved schema\n%v\ncomes back as\n%v\n%v", h.Schema(), again, err)
	}
}

func countsText(m map[string]int64) string {
	var parts []string
	for _, k := range sortedKeys(m) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, "; ")
}

func TestContracts(t *testing.T) {
	const came, rows = "a bigint, x double, n varchar", `{"a":1,"x":1}
		{"a":2,"x":0.5}
		{"a":3,"x":2,"n":"new"}`
	for _, c := range []struct {
		contract Contract
		held     string
		want     string // values of a that are written
		rejects  string
		filtered int64
		schema   string
	}{
		{Contract{}, "a bigint, x bigint", "123", "", 0, "a bigint, x bigint, x__v_double double, n varchar"},
		{Contract{Types: Freeze}, "a bigint, x bigint", "13", "1 contract x", 0, "a bigint, x bigint, n varchar"},
		{Contract{Types: Quarantine, Columns: Freeze}, "a bigint, x bigint", "1", "1 contract x; 2 contract n", 0, "a bigint, x bigint"},
		{Contract{Types: DiscardRow, Columns: DiscardRow}, "a bigint, x bigint", "1", "", 2, "a bigint, x bigint"},
		{Contract{Types: DiscardValue, Columns: DiscardValue}, "a bigint, x bigint", "123", "", 0, "a bigint, x bigint"},
		{Contract{Columns: Quarantine}, "a bigint, x bigint", "12", "2 contract n", 0, "a bigint, x bigint, x__v_double double"},
		{Contract{Tables: Freeze}, "a bigint, x bigint", "123", "", 0, "a bigint, x bigint, x__v_double double, n varchar"},
		{Contract{Tables: Freeze}, "", "", "0 contract ; 1 contract ; 2 contract ", 0, ""},
		{Contract{Tables: DiscardValue}, "", "", "", 3, ""},
		{Contract{Columns: Freeze, Types: Freeze}, "", "123", "", 0, "a bigint, x double, n varchar"},
		{Contract{Columns: Fail}, "a bigint, x bigint", "fails", "", 0, "a bigint, x bigint"},
		{Contract{Types: Fail}, "a bigint, x bigint", "fails", "", 0, "a bigint, x bigint"},
		{Contract{Tables: Fail}, "", "fails", "", 0, ""},
	} {
		t.Run(fmt.Sprint(c.contract, c.held), func(t *testing.T) {
			var held *arrow.Schema
			if c.held != "" {
				held = columns(t, c.held)
			}
			h := hold(t, held, nil, c.contract)
			got, err := h.Conform(table(t, came, rows))
			if s := schemaText(h.Schema()); s != c.schema {
				t.Errorf("schema %s, want %s", s, c.schema)
			}
			if c.want == "fails" {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			written := ""
			for i := range int(got.Rows.NumRows()) {
				written += string(AppendJSONValue(nil, got.Rows.Column(0), i))
			}
			var rejects []string
			for _, r := range got.Rejects {
				rejects = append(rejects, fmt.Sprintf("%d %s %s", r.Offset, r.Kind, r.Column))
				if !strings.HasPrefix(string(r.Raw), fmt.Sprintf(`{"a":%d,`, r.Offset+1)) || r.Message == "" {
					t.Errorf("reject %s: %s", r.Raw, r.Message)
				}
			}
			if written != c.want || strings.Join(rejects, "; ") != c.rejects || got.Filtered != c.filtered {
				t.Errorf("written %q, rejects %q, filtered %d; want %q, %q, %d", written, rejects, got.Filtered, c.want, c.rejects, c.filtered)
			}
			checkHeld(t, h, got.Rows)
		})
	}
}

func TestTheFirstRowsMakeTheColumnsAndLaterOnesMayNot(t *testing.T) {
	h := hold(t, nil, nil, Contract{Columns: Freeze})
	for i, want := range []int{0, 0, 1} {
		in := []arrow.RecordBatch{table(t, "a bigint", ""), table(t, "a bigint, b bigint", `{"a":1}`), table(t, "c bigint", `{"c":1}`)}[i]
		got, err := h.Conform(in)
		if err != nil || len(got.Rejects) != want {
			t.Errorf("batch %d: %v, %v", i, got, err)
		}
	}
	if s := schemaText(h.Schema()); s != "a bigint, b bigint" {
		t.Error(s)
	}
}

func TestWhatStandsBelowANullStructIsNoValue(t *testing.T) {
	st := arrow.StructOf(arrow.Field{Name: "p", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	data := table(t, "p bigint", "{\"p\":1}\n{\"p\":2}").Column(0).Data()
	col := array.MakeFromData(array.NewData(st, 2, []*memory.Buffer{memory.NewBufferBytes([]byte{1})}, []arrow.ArrayData{data}, 1, 0))
	in := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "s", Type: st, Nullable: true}}, nil), []arrow.Array{col}, 2)
	h := hold(t, columns(t, "s struct(p varchar)"), nil, Contract{Types: Freeze})
	got, err := h.Conform(Take(in, []int32{1}))
	if err != nil || len(got.Rejects) > 0 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err = h.Conform(in.NewSlice(1, 2)); err != nil || len(got.Rejects) > 0 {
		t.Errorf("%v, %v", got, err)
	}
	copied, err := Gather(in.Schema(), []Part{{Rows: in, Index: []int32{1, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	if inner := copied.Column(0).(*array.Struct).Field(0); !inner.IsNull(0) || inner.IsNull(1) {
		t.Errorf("%v", inner)
	}
}

func TestTheHeldSchemaCostsNothing(t *testing.T) {
	r := encode(table(t, "a bigint, b varchar", `{"a":1,"b":"x"}`))
	h := hold(t, columns(t, "a bigint, b varchar"), nil, Contract{})
	first, err := h.Conform(r)
	if err != nil || first.Rows != r {
		t.Fatalf("%v, %v", first, err)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = h.Conform(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestValuesFindTheirColumnBatchAfterBatch(t *testing.T) {
	h := hold(t, nil, nil, Contract{})
	var parts []Part
	for _, in := range []arrow.RecordBatch{
		table(t, "a null, s null", `{}`),
		table(t, "b double, a bigint", `{"a":1,"b":1.5}`),
		table(t, "b bigint, a double", `{"a":1.5,"b":2}`),
		table(t, "s struct(p bigint, q null), a bigint", `{"a":7,"s":{"p":1}}`),
		table(t, "s struct(p varchar, q varchar[])", `{"s":{"p":"x","q":["y"]}}`),
	} {
		got, err := h.Conform(in)
		if err != nil {
			t.Fatal(err)
		}
		checkHeld(t, h, got.Rows)
		parts = append(parts, Part{Rows: got.Rows})
	}
	all, err := Gather(Decided(h.Schema()), parts)
	if err != nil {
		t.Fatal(err)
	}
	want := `{}
{"a":1,"b":1.5}
{"b":2.0,"a__v_double":1.5}
{"a":7,"s":{"p":1,"q":null,"p__v_text":null}}
{"s":{"p":null,"q":["y"],"p__v_text":"\"x\""}}
`
	if got := lines(all); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDeclaredColumnsAreTaken(t *testing.T) {
	h := hold(t, nil, columns(t, "a double, z varchar"), Contract{Tables: Freeze, Columns: Freeze})
	got, err := h.Conform(table(t, "a bigint", `{"a":1}`))
	if err != nil || len(got.Rejects) > 0 || lines(got.Rows) != "{\"a\":1.0}\n" {
		t.Errorf("%v, %v", got, err)
	}
	h = hold(t, columns(t, "a bigint, u null"), columns(t, "a double, u varchar, n struct(x bigint)"), Contract{})
	if s := schemaText(h.Schema()); s != "a bigint, u varchar, n struct(x bigint)" {
		t.Error(s)
	}
	got, err = h.Conform(table(t, "a bigint, u varchar, n struct(x bigint)", `{"a":1}`))
	if err != nil || strings.Join(got.Changes, "; ") != "column n struct(x bigint) added" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhatCannotBeHeldCannotBeDeclared(t *testing.T) {
	for _, s := range []*arrow.Schema{twice(t).Schema(), arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Uint8}}, nil)} {
		if _, err := NewHolder(nil, s, Contract{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", s, err)
		}
	}
}

func TestAValueWithoutAPlaceIsARejectAndNotLost(t *testing.T) {
	own := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}, {Name: "x__v_text", Type: arrow.BinaryTypes.String}}, nil)
	h := hold(t, own, nil, Contract{})
	got, err := h.Conform(table(t, "x varchar", `{"x":"a"}`))
	if err != nil || len(got.Rejects) != 1 || got.Rejects[0].Kind != BadType || string(got.Rejects[0].Raw) != `{"x":"a"}` {
		t.Errorf("%v, %v", got, err)
	}
	got, err = h.Conform(table(t, "x bigint, x__v_text varchar", `{"x__v_text":"true"}`))
	if err != nil || len(got.Rejects) != 1 || got.Rejects[0].Kind != BadType {
		t.Errorf("%v, %v", got, err)
	}
	odd := twice(t).Schema().Fields()
	for _, f := range []arrow.Field{{Name: "\xff", Type: arrow.PrimitiveTypes.Int64}, {Name: "y", Type: arrow.PrimitiveTypes.Uint64}} {
		odd[1] = f
		col := nullsOf(arrow.PrimitiveTypes.Int64, 1)
		if f.Type.ID() == arrow.UINT64 {
			col = array.NewUint64Builder(memory.DefaultAllocator).NewArray()
		}
		n := int64(col.Len())
		if _, err := h.Conform(array.NewRecordBatch(arrow.NewSchema(odd, nil), []arrow.Array{twice(t).Column(0), col}, n)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", f, err)
		}
	}
	if _, err := h.Conform(Take(twice(t), []int32{0})); !fault.Is(err, fault.Invalid) {
		t.Errorf("two columns of one name: %v", err)
	}
}

func BenchmarkConform(b *testing.B) {
	r := wide(8192)
	held := append([]arrow.Field{{Name: "more", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, r.Schema().Fields()...)
	cast := slices.Clone(held)
	for i, f := range cast {
		if f.Type.ID() == arrow.INT64 {
			cast[i].Type = arrow.PrimitiveTypes.Float64
		}
	}
	for _, c := range []struct {
		name string
		held *arrow.Schema
	}{{"same", r.Schema()}, {"other_columns", arrow.NewSchema(held, nil)}, {"five_casts", arrow.NewSchema(cast, nil)}} {
		b.Run(c.name, func(b *testing.B) {
			h := hold(b, c.held, nil, Contract{})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Conform(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
