package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// describe reads YAML as a configuration file is read, with places by line 0.
func describe(t testing.TB, text string) *setting.Node {
	t.Helper()
	var v any
	if err := yaml.UnmarshalWithOptions([]byte(text), &v, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	return node(v, setting.Place{Path: "columns"})
}

func node(v any, at setting.Place) *setting.Node {
	n := &setting.Node{Place: at}
	switch v := v.(type) {
	case nil:
	case yaml.MapSlice:
		n.Kind = setting.Map
		for _, item := range v {
			key := fmt.Sprint(item.Key)
			n.Pairs = append(n.Pairs, setting.Pair{Key: key, Place: at.Key(key), Value: node(item.Value, at.Key(key))})
		}
	case []any:
		n.Kind = setting.List
		for i, item := range v {
			n.Items = append(n.Items, node(item, at.Item(i)))
		}
	default:
		n.Kind, n.Text = setting.Scalar, fmt.Sprint(v)
	}
	return n
}

// whole reads all rows of a source as JSON.
func whole(t testing.TB, c Config) []map[string]any {
	t.Helper()
	c.Kind, c.Payload = Rows, "json"
	s := newSource(t, c)
	var out []map[string]any
	for split := range max(1, c.Splits) {
		for _, b := range batches(t, s, fmt.Sprint(split), "") {
			p, ok := rows.PayloadOf(b.Rows)
			if !ok || !p.Blocks || p.Format != "json" {
				t.Fatal("no block of JSON")
			}
			d := json.NewDecoder(bytes.NewReader(p.Values.Value(0)))
			d.UseNumber()
			for d.More() {
				var row map[string]any
				if err := d.Decode(&row); err != nil {
					t.Fatal(err)
				}
				out = append(out, row)
			}
		}
	}
	return out
}

// moments are the mean and the standard deviation of a column.
func moments(t testing.TB, all []map[string]any, name string) (mean, deviation float64) {
	t.Helper()
	var sum, squares float64
	for _, row := range all {
		v, err := row[name].(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		sum, squares = sum+v, squares+v*v
	}
	n := float64(len(all))
	return sum / n, math.Sqrt(squares/n - sum/n*sum/n)
}

func TestDistributionsHaveTheirMoments(t *testing.T) {
	all := whole(t, Config{Rows: 40_000, Columns: describe(t, `
n: {normal: [100, 15]}
l: {lognormal: [1, 0.5]}
u: {uniform: [-1, 3]}
e: {exponential: 5}
d: {uniform: [1, 6], decimal: 0}
`)})
	for name, want := range map[string][2]float64{
		"n": {100, 15},
		"l": {math.Exp(1.125), math.Exp(1.125) * math.Sqrt(math.Exp(.25)-1)},
		"u": {1, 4 / math.Sqrt(12)},
		"e": {5, 5},
		"d": {3.5, math.Sqrt(2.25)}, // 1 and 6 get half as often as the others
	} {
		mean, deviation := moments(t, all, name)
		if math.Abs(mean-want[0]) > want[1]*.03 || math.Abs(deviation-want[1]) > want[1]*.05 {
			t.Errorf("%s: mean %.3f and deviation %.3f, want %.3f and %.3f", name, mean, deviation, want[0], want[1])
		}
	}
}

func TestValuesAreWhatTheirDescriptionSays(t *testing.T) {
	all := whole(t, Config{Rows: 20_000, Columns: describe(t, `
id: sequence
from: {sequence: 1000}
key: uuid
five: {constant: 5}
word: {constant: "it's \"so\""}
country: {one_of: {DE: 0.6, FR: 0.4}}
zip: {one_of: ["007", "123"]}
yes: {bool: 0.9, nulls: 0.25}
name: {text: [2, 4]}
ts: {every: 10ms, jitter: 3ms}
money: {normal: [10, 3], decimal: 2}
in: {struct: {a: uuid, b: {list: {of: {uniform: [1, 3], decimal: 0}, length: [0, 2]}}}}
`)})
	keys, lengths := map[string]bool{}, map[int]int{}
	germans, truths, nulls := 0, 0, 0
	for i, row := range all {
		text := func(name string) string { return fmt.Sprint(row[name]) }
		if text("id") != fmt.Sprint(i+1) || text("from") != fmt.Sprint(1000+i) || text("five") != "5" || text("word") != `it's "so"` {
			t.Fatalf("row %d: %v", i, row)
		}
		keys[text("key")] = true
		ts, err := time.Parse("2006-01-02T15:04:05.000000Z", text("ts"))
		want := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 10 * time.Millisecond)
		if err != nil || ts.Sub(want).Abs() > 3*time.Millisecond {
			t.Fatalf("row %d is of %v (%v), want about %v", i, ts, err, want)
		}
		if zip, ok := row["zip"].(string); !ok || zip != "007" && zip != "123" {
			t.Fatalf("zip %v", row["zip"])
		}
		if n := len(text("name")); n < 2 || n > 4 {
			t.Fatalf("name %q", text("name"))
		}
		if _, after, found := strings.Cut(text("money"), "."); !found || len(after) > 2 {
			t.Fatalf("money %s", text("money"))
		}
		in := row["in"].(map[string]any)
		lengths[len(in["b"].([]any))]++
		if in["a"] == row["key"] {
			t.Fatal("two columns of one kind are equal")
		}
		switch {
		case text("country") == "DE":
			germans++
		case text("country") != "FR":
			t.Fatalf("country %s", text("country"))
		}
		switch row["yes"] {
		case true:
			truths++
		case nil:
			nulls++
		}
	}
	if len(keys) != len(all) {
		t.Errorf("%d different uuids of %d", len(keys), len(all))
	}
	n := float64(len(all))
	for what, share := range map[string][2]float64{
		"DE": {float64(germans) / n, .6}, "null": {float64(nulls) / n, .25}, "true": {float64(truths) / n, .75 * .9},
		"no element": {float64(lengths[0]) / n, 1. / 3}, "two elements": {float64(lengths[2]) / n, 1. / 3},
	} {
		if math.Abs(share[0]-share[1]) > .02 {
			t.Errorf("%s: share %.3f, want %.3f", what, share[0], share[1])
		}
	}
}

func TestRowsAreTheSameHoweverManySplits(t *testing.T) {
	conf := Config{Rows: 1_001, Columns: describe(t, `{id: sequence, v: {normal: [0, 1]}}`)}
	byID := func(splits int) map[string]string {
		conf.Splits = splits
		out := map[string]string{}
		for _, row := range whole(t, conf) {
			out[fmt.Sprint(row["id"])] = fmt.Sprint(row["v"])
		}
		return out
	}
	one := byID(1)
	if len(one) != 1_001 || !maps.Equal(one, byID(3)) {
		t.Error("three splits have other rows than one")
	}
}

func TestDescriptionsThatMakeNoSenseSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{a: sequenc}`:                       "columns.a: there is no way sequenc to make a column; did you mean \"sequence\"?",
		`{a: {norml: [1, 2]}}`:               "columns.a.norml: there is no way norml to make a column; did you mean \"normal\"?",
		`{a: {normal: [1]}}`:                 "columns.a.normal: two numbers are needed; write {normal: [100, 15]}, the mean and the standard deviation",
		`{a: {normal: [1, -2]}}`:             "columns.a.normal: the standard deviation -2 is negative; ",
		`{a: {normal: [1, 2], null: 0.1}}`:   "columns.a.null: unknown key; did you mean \"nulls\"?",
		`{a: {normal: [1, 2], uuid: 1}}`:     "columns.a.uuid: the column is made by normal already; keep one of them",
		`{a: {uuid: , jitter: 3ms}}`:         "columns.a.jitter: unknown key; keys here are nulls",
		`{a: {text: [5, 2]}}`:                "columns.a.text: no length is between 5 and 2; lengths go from 0 to 1.048576e+06, the lesser one first",
		`{a: {one_of: {}}}`:                  "columns.a.one_of: there is no value to choose; write {one_of: {DE: 0.6, FR: 0.4}} or {one_of: [DE, FR]}",
		`{a: {one_of: {x: -1}}}`:             "columns.a.one_of.x: -1 is not between 0 and 1e+300; ",
		`{a: {struct: {b: {bool: 2}}}}`:      "columns.a.struct.b.bool: 2 is not between 0 and 1; ",
		`{a: {list: uuid}}`:                  "columns.a.list: a list needs to know what it is of; write {list: {of: uuid, length: [0, 5]}}",
		`{a: {list: {of: uuid, lenght: 2}}}`: "columns.a.list.lenght: unknown key; did you mean \"length\"?",
		`{a: [1]}`:                           "columns.a: a list does not say what is in the column; write for example sequence, or {normal: [100, 15]}",
		`{a: {every: 0s}}`:                   "columns.a.every: times are at least a microsecond apart; ",
		`{}`:                                 "columns: there are no columns; ",
		`[a]`:                                "columns: a list is no map of columns; write {id: sequence, amount: {normal: [100, 15]}}",
		`{a: {normal: [1, 2], decimal: 20}}`: "columns.a.decimal: 20 is not between 0 and 9; ",
		`{a: {nulls: 0.5}}`:                  "columns.a.nulls: there is no way nulls to make a column; keys here are sequence, uuid, constant, normal, lognormal, uniform, exponential, one_of, bool, text, every, struct, list",
	} {
		err := Config{Kind: Rows, Columns: describe(t, text)}.Check()
		if err == nil {
			t.Errorf("%s is taken", text)
			continue
		}
		if got := err.Error() + "; " + fault.HintOf(err); got != want || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"kind": {Kind: "web_event"}, "rows": {Rows: -1}, "splits": {Splits: -1}, "rate": {Rate: math.NaN()}, "start": {Start: "tomorrow"},
		"mess.bad_json": {Mess: Mess{BadJSON: .1}}, "columns": {Kind: Rows}, "mess.nulls": {Mess: Mess{Nulls: 2}}, "payload": {Payload: "avro"},
	} {
		if err := c.Check(); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
