package stage_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/goccy/go-yaml"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

// node reads YAML. Its places have a path alone.
func node(t testing.TB, text string) *setting.Node {
	t.Helper()
	var v any
	if err := yaml.UnmarshalWithOptions([]byte(text), &v, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	return nodeOf(v, setting.Place{Path: "stages[0]"})
}

func nodeOf(v any, at setting.Place) *setting.Node {
	n := &setting.Node{Place: at}
	switch v := v.(type) {
	case nil:
	case yaml.MapSlice:
		n.Kind = setting.Map
		for _, item := range v {
			key := fmt.Sprint(item.Key)
			n.Pairs = append(n.Pairs, setting.Pair{Key: key, Place: at.Key(key), Value: nodeOf(item.Value, at.Key(key))})
		}
	case []any:
		n.Kind = setting.List
		for i, item := range v {
			n.Items = append(n.Items, nodeOf(item, at.Item(i)))
		}
	default:
		n.Kind, n.Text = setting.Scalar, fmt.Sprint(v)
	}
	return n
}

func open(t testing.TB, spec stage.Spec, config string) stage.Stage {
	t.Helper()
	s, err := tryOpen(t, spec, config)
	if err != nil {
		t.Fatalf("%s: %s: %v", spec.Name, config, err)
	}
	return s
}

func tryOpen(t testing.TB, spec stage.Spec, config string) (stage.Stage, error) {
	t.Helper()
	c := spec.Config()
	if err := setting.Decode(node(t, config), c); err != nil {
		return nil, err
	}
	return spec.Open(stage.Env{Pipeline: "p"}, c)
}

// table makes a batch of columns "name type" of JSON arrays; a type may begin with the word dictionary, a name may be
// that of a companion: x__v_text of x.
func table(t testing.TB, columns ...string) rows.Batch {
	t.Helper()
	var fields []arrow.Field
	var arrays []arrow.Array
	n := int64(0)
	for _, c := range columns {
		head, values, _ := strings.Cut(c, "=")
		name, typ, _ := strings.Cut(head, " ")
		plain, isDictionary := strings.CutPrefix(typ, "dictionary ")
		dt, err := rows.ParseType(plain)
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(values))
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if isDictionary {
			a = dictionary(t, a.(*array.String))
		}
		f := arrow.Field{Name: name, Type: a.DataType(), Nullable: true}
		if owner, ok := strings.CutSuffix(name, rows.TextSuffix); ok {
			f = rows.TextCompanion(owner)
		}
		fields, arrays, n = append(fields, f), append(arrays, a), int64(a.Len())
	}
	return rows.Batch{
		Rows:  array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, n),
		Split: rows.Split{Source: "s", ID: "0"}, Position: "42",
	}
}

func dictionary(t testing.TB, a *array.String) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, rows.TextDictionary).(*array.BinaryDictionaryBuilder)
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
		} else if err := b.AppendString(a.Value(i)); err != nil {
			t.Fatal(err)
		}
	}
	return b.NewArray()
}

// apply returns the rows that come out, one JSON object each, and the rejects, and checks that they add up.
func apply(t testing.TB, s stage.Stage, in rows.Batch, filters bool) ([]string, []rows.Reject) {
	t.Helper()
	var out []string
	var rejects []rows.Reject
	err := s.Apply(t.Context(), in, func(b rows.Batch) error {
		for i := range int(b.Len()) {
			out = append(out, string(rows.AppendJSON(nil, b.Rows, i)))
		}
		if b.Split != in.Split || b.Position != in.Position {
			t.Errorf("the batch is at %v %q", b.Split, b.Position)
		}
		rejects = append(rejects, b.Rejects...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(out) + len(rejects); got > int(in.Len()) || !filters && got != int(in.Len()) {
		t.Errorf("%d rows became %d and %d rejects", in.Len(), len(out), len(rejects))
	}
	for _, r := range rejects {
		if r.Split != in.Split || r.Position != in.Position || r.Pipeline != "p" || r.Time.IsZero() || string(r.Raw) != string(rows.AppendJSON(nil, in.Rows, int(r.Offset))) {
			t.Errorf("a reject does not say whence it came: %+v %s", r, r.Raw)
		}
	}
	return out, rejects
}

func want(t testing.TB, what string, got []string, lines ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("%s: rows are\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func wantRejects(t testing.TB, what, kind string, got []rows.Reject, messages ...string) {
	t.Helper()
	if len(got) != len(messages) {
		t.Errorf("%s: rejects are %+v, want %q", what, got, messages)
		return
	}
	for i, r := range got {
		if r.Kind != kind || r.Message != messages[i] {
			t.Errorf("%s: reject %d is %s %q, want %s %q", what, i, r.Kind, r.Message, kind, messages[i])
		}
	}
}

func TestDeriveAddsColumnsInOrder(t *testing.T) {
	s := open(t, stage.Derive, `{a2: "a * 2", a3: a2 + a, a: "a + 1", name: "upper(d)", copy: d, n: u}`)
	in := table(t, `a bigint=[1, null]`, `d dictionary varchar=["x", null]`, `u null=[null, null]`)
	got, _ := apply(t, s, in, false)
	want(t, "derive", got, `{"a":2,"d":"x","u":null,"a2":2,"a3":3,"name":"X","copy":"x","n":null}`,
		`{"a":null,"d":null,"u":null,"a2":null,"a3":null,"name":null,"copy":null,"n":null}`)
}

func TestDeriveRejectsRowsWithoutAValue(t *testing.T) {
	s := open(t, stage.Derive, `{n: cast(t as integer), m: n * 2_000_000_000}`)
	got, rejects := apply(t, s, table(t, `t varchar=["1", "x", null, "2"]`), false)
	want(t, "derive", got, `{"t":"1","n":1,"m":2000000000}`, `{"t":null,"n":null,"m":null}`)
	wantRejects(t, "derive", rows.BadType, rejects, "n: 'x' does not fit integer", "m: 2 * 2000000000 overflows")
	if rejects[0].Column != "n" || string(rejects[0].Raw) != `{"t":"x"}` {
		t.Errorf("reject is %+v %s", rejects[0], rejects[0].Raw)
	}
}

func TestDeriveThatReplacesAColumnDropsItsCompanions(t *testing.T) {
	s := open(t, stage.Derive, `{x: "coalesce(x, 0)"}`)
	got, _ := apply(t, s, table(t, `x bigint=[1, null]`, `x__v_text varchar=[null, "y"]`), false)
	want(t, "derive", got, `{"x":1}`, `{"x":0}`)
}

func TestFilterKeepsOnlyTrueRows(t *testing.T) {
	s := open(t, stage.Filter, `"kind <> 'Bot'"`)
	for _, typ := range []string{"varchar", "dictionary varchar"} {
		got, rejects := apply(t, s, table(t, `kind `+typ+`=["Bot", "Mobile", null, "Bot", "Computer"]`, `i bigint=[1, 2, 3, 4, 5]`), true)
		want(t, typ, got, `{"kind":"Mobile","i":2}`, `{"kind":"Computer","i":5}`)
		wantRejects(t, typ, "", rejects)
	}
	s = open(t, stage.Filter, `cast(kind as int) > 1`)
	got, rejects := apply(t, s, table(t, `kind varchar=["1", "2", "x"]`), true)
	want(t, "filter", got, `{"kind":"2"}`)
	wantRejects(t, "filter", rows.BadType, rejects, "filter: 'x' does not fit integer")
}

func TestSelectDropAndRenameKeepCompanionsWithTheirColumn(t *testing.T) {
	in := table(t, `a bigint=[1]`, `a__v_text varchar=["x"]`, `b bigint=[2]`, `c bigint=[3]`)
	for _, c := range []struct {
		spec         stage.Spec
		config, want string
	}{
		{stage.Select, "[c, a]", `{"c":3,"a":1,"a__v_text":"x"}`},
		{stage.Select, "[a, a__v_text]", `{"a":1,"a__v_text":"x"}`},
		{stage.Drop, "[a, c]", `{"b":2}`},
		{stage.Drop, "b", `{"a":1,"a__v_text":"x","c":3}`},
		{stage.Rename, "{a: z}", `{"z":1,"z__v_text":"x","b":2,"c":3}`},
		{stage.Rename, "{b: c, c: b}", `{"a":1,"a__v_text":"x","c":2,"b":3}`},
	} {
		s := open(t, c.spec, c.config)
		got, _ := apply(t, s, in, false)
		want(t, c.spec.Name+" "+c.config, got, c.want)
		out, err := s.(stage.Binder).Bind(in.Rows.Schema())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range out.Fields() {
			if owner, ok := strings.CutSuffix(f.Name, rows.TextSuffix); ok && rows.CompanionOf(f) != owner {
				t.Errorf("%s %s: %s is the companion of %q", c.spec.Name, c.config, f.Name, rows.CompanionOf(f))
			}
		}
	}
}

func TestCastRejectsWhatDoesNotFit(t *testing.T) {
	s := open(t, stage.Cast, `{n: integer, at: timestamptz, same: varchar}`)
	in := table(t, `n varchar=["1", "x", null]`, `n__v_text varchar=[null, null, "y"]`, `at varchar=["2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", null]`, `same dictionary varchar=["p", "q", "p"]`)
	got, rejects := apply(t, s, in, false)
	want(t, "cast", got, `{"n":1,"n__v_text":null,"at":"2024-01-01T00:00:00Z","same":"p"}`, `{"n":null,"n__v_text":"y","at":null,"same":"p"}`)
	wantRejects(t, "cast", rows.BadType, rejects, "n: 'x' does not fit integer")
}

func TestCheckRejectsRowsThatBreakARule(t *testing.T) {
	in := table(t, `id bigint=[1, null, 3, 4, 5, 6]`, `kind dictionary varchar=["a", "b", "z", null, "a", "b"]`, `price double=[0.5, 1, 2, null, 1000.5, 3]`,
		`mail varchar=["x@y", "x@y", "x@y", null, "x@y", "nobody"]`, `s struct(n bigint)=[{"n": 1}, {"n": 1}, {"n": 1}, {"n": 1}, {"n": 1}, null]`)
	for _, c := range []struct {
		config   string
		messages []string
	}{
		{"{not_null: [id]}", []string{"not_null: id is null"}},
		{"{not_null: [s.n]}", []string{"not_null: s.n is null"}},
		{"{accepted_values: {kind: [a, b]}}", []string{`accepted_values: kind is "z", none of [a, b]`}},
		{"{accepted_values: {kind: [a, b, null]}}", []string{`accepted_values: kind is "z", none of [a, b, null]`}},
		{"{accepted_values: {id: [1, '3', 4, 5, 6]}}", nil},
		{"{range: {price: [0.5, 1_000]}}", []string{"range: price is 1000.5, not in [0.5, 1000]"}},
		{"{range: {price: [null, 1_000]}}", []string{"range: price is 1000.5, not in [null, 1000]"}},
		{"{range: {id: [1.5, null]}}", []string{"range: id is 1, not in [1.5, null]"}},
		{"{regex: {mail: '^[^@]+@'}}", []string{`regex: mail is "nobody", which ^[^@]+@ does not match`}},
		{"{regex: {id: '^[1-5]$'}}", []string{`regex: id is 6, which ^[1-5]$ does not match`}},
		{"{expr: ['price < 100', 'id <> 5']}", []string{"expr: price < 100 is false"}},
		{"{not_null: [id, kind], expr: ['id + 9223372036854775802 > 0']}", []string{"not_null: id is null", "not_null: kind is null", "expr: 6 + 9223372036854775802 overflows"}},
		{"{}", nil},
	} {
		_, rejects := apply(t, open(t, stage.Check, c.config), in, false)
		wantRejects(t, c.config, rows.Failed, rejects, c.messages...)
	}
}

func TestANullAmongAcceptedValuesAcceptsNothingElse(t *testing.T) {
	in := table(t, `kind varchar=["", null, "a"]`)
	_, rejects := apply(t, open(t, stage.Check, "{accepted_values: {kind: [null, a]}}"), in, false)
	wantRejects(t, "with a", rows.Failed, rejects, `accepted_values: kind is "", none of [null, a]`)
	_, rejects = apply(t, open(t, stage.Check, "{accepted_values: {kind: [null]}}"), in, false)
	wantRejects(t, "null alone", rows.Failed, rejects, `accepted_values: kind is "", none of [null]`, `accepted_values: kind is "a", none of [null]`)
}

func TestStagesPassEmptyBatchesAndLaterSchemas(t *testing.T) {
	for _, c := range []struct {
		spec   stage.Spec
		config string
		out    string
	}{
		{stage.Derive, "{b: a + 1}", `{"a":1,"b":2}|{"a":1,"extra":"x","b":2}`},
		{stage.Filter, "a > 0", `{"a":1}|{"a":1,"extra":"x"}`},
		{stage.Select, "[a]", `{"a":1}|{"a":1}`},
		{stage.Drop, "[a]", `{}|{"extra":"x"}`},
		{stage.Rename, "{a: z}", `{"z":1}|{"z":1,"extra":"x"}`},
		{stage.Cast, "{a: varchar}", `{"a":"1"}|{"a":"1","extra":"x"}`},
		{stage.Check, "{not_null: [a]}", `{"a":1}|{"a":1,"extra":"x"}`},
	} {
		s := open(t, c.spec, c.config)
		emitted := 0
		empty := rows.Batch{Split: rows.Split{Source: "s"}, Position: "7"}
		if err := s.Apply(t.Context(), empty, func(b rows.Batch) error { emitted++; return nil }); err != nil || emitted != 1 {
			t.Errorf("%s: a batch without rows: %v, %d came out", c.spec.Name, err, emitted)
		}
		var got []string
		for _, in := range []rows.Batch{table(t), table(t, `a bigint=[]`), table(t, `a bigint=[1]`), table(t, `a bigint=[1]`, `extra varchar=["x"]`)} {
			out, _ := apply(t, s, in, false)
			got = append(got, out...)
		}
		want(t, c.spec.Name, got, strings.Split(c.out, "|")...)
	}
}

func TestColumnsThatAreNotThereAreErrorsWithTheirPlace(t *testing.T) {
	in := table(t, `amount bigint=[1]`, `name varchar=["x"]`).Rows.Schema()
	for _, c := range []struct {
		spec                  stage.Spec
		config, message, hint string
	}{
		{stage.Derive, "{b: amuont + 1}", "stages[0].b: amuont + 1: character 1: there is no column amuont", "did you mean amount?"},
		{stage.Filter, "1 < amuont", "1 < amuont: character 5: there is no column amuont", "did you mean amount?"},
		{stage.Filter, "amount + 1", "amount + 1 is bigint, no condition", "compare it"},
		{stage.Select, "[nmae]", "there is no column nmae", "did you mean name?"},
		{stage.Drop, "[zzz]", "there is no column zzz", "there are amount, name"},
		{stage.Rename, "{nmae: x}", "stages[0].nmae: there is no column nmae", "did you mean name?"},
		{stage.Rename, "{name: amount}", "two columns would be named amount", ""},
		{stage.Cast, "{nmae: int}", "stages[0].nmae: there is no column nmae", "did you mean name?"},
		{stage.Check, "{not_null: [nmae]}", "there is no column nmae", "did you mean name?"},
		{stage.Check, "{range: {nmae: [1, 2]}}", "stages[0].range.nmae", "did you mean name?"},
		{stage.Check, "{expr: [name]}", "stages[0].expr[0]: name is varchar, no condition", "compare it"},
	} {
		_, err := open(t, c.spec, c.config).(stage.Binder).Bind(in)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.message) || !strings.Contains(fault.HintOf(err), c.hint) {
			t.Errorf("%s %s: %v (hint %q)", c.spec.Name, c.config, err, fault.HintOf(err))
		}
	}
}

func TestSettingsThatMeanNothingAreErrors(t *testing.T) {
	for _, c := range []struct {
		spec                  stage.Spec
		config, message, hint string
	}{
		{stage.Derive, "{y: yaer(ts)}", "stages[0].y: yaer(ts): character 1: there is no function yaer", "did you mean year?"},
		{stage.Derive, "{y: [1]}", "stages[0].y: a list is no expression", ""},
		{stage.Derive, "{y: coalesce(x, 0)}", "stages[0].y: coalesce(x: character 11: the expression ends", "stands in quotes"},
		{stage.Filter, "a =", "ends where a value should be", ""},
		{stage.Select, "[]", "no column is named", "select: [a, b]"},
		{stage.Rename, "{a: {b: c}}", "stages[0].a: a map is no name", "old: new"},
		{stage.Cast, "{a: bigin}", `stages[0].a: "bigin" is no type`, "did you mean bigint?"},
		{stage.Check, "{accepted_values: {a: 5}}", "stages[0].accepted_values.a: 5 is no list", "[a, b]"},
		{stage.Check, "{range: {a: [1]}}", "stages[0].range.a: a list is no range", "least, greatest"},
		{stage.Check, "{notnull: [a]}", "unknown key", "not_null"},
	} {
		_, err := tryOpen(t, c.spec, c.config)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.message) || !strings.Contains(fault.HintOf(err), c.hint) {
			t.Errorf("%s %s: %v (hint %q)", c.spec.Name, c.config, err, fault.HintOf(err))
		}
	}
}

func TestBindSaysWhatApplyMakes(t *testing.T) {
	in := table(t, `a bigint=[1]`, `d dictionary varchar=["x"]`, `ts timestamptz=["2024-01-01 00:00:00Z"]`)
	for spec, config := range map[*stage.Spec]string{
		&stage.Derive: "{year: year(ts), copy: d, low: lower(d)}", &stage.Filter: "a > 0", &stage.Select: "[d, a]", &stage.Drop: "[a]",
		&stage.Rename: "{a: b}", &stage.Cast: "{a: double, ts: date}", &stage.Check: "{not_null: [a]}",
	} {
		s := open(t, *spec, config)
		schema, err := s.(stage.Binder).Bind(in.Rows.Schema())
		if err != nil {
			t.Fatal(err)
		}
		err = s.Apply(t.Context(), in, func(b rows.Batch) error {
			got := b.Rows.Schema()
			for i, f := range schema.Fields() {
				if i >= got.NumFields() || got.Field(i).Name != f.Name || !rows.SameType(got.Field(i).Type, f.Type) || !arrow.TypeEqual(got.Field(i).Type, b.Rows.Column(i).DataType()) {
					t.Errorf("%s: %v comes out, %v was said", spec.Name, got, schema)
					break
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestStagesServeManySplitsAtOnce(t *testing.T) {
	stages := []stage.Stage{
		open(t, stage.Derive, "{b: a + 1}"), open(t, stage.Filter, "a > 0"), open(t, stage.Select, "[a]"), open(t, stage.Cast, "{a: varchar}"),
		open(t, stage.Check, "{not_null: [a]}"),
	}
	batches := []rows.Batch{table(t, `a bigint=[1, 2]`), table(t, `a integer=[1, 2]`, `x varchar=["p", "q"]`)}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 50 {
				for _, s := range stages {
					n := int64(0)
					err := s.Apply(context.Background(), batches[(i+k)%2], func(b rows.Batch) error { n += b.Len(); return nil })
					if err != nil || n != 2 {
						t.Errorf("%d rows, %v", n, err)
					}
				}
			}
		})
	}
	wg.Wait()
}
