package setting

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gros-lake/gros/fault"
)

// place gives n and all below it paths, and lines in the order they come.
func place(n *Node, p Place, line *int) *Node {
	*line++
	p.File, p.Line, p.Column = "p.yaml", *line, 3
	n.Place = p
	for i := range n.Pairs {
		at := p.Key(n.Pairs[i].Key)
		at.Line = *line + 1
		n.Pairs[i].Place = at
		place(n.Pairs[i].Value, at, line)
	}
	for i, item := range n.Items {
		place(item, p.Item(i), line)
	}
	return n
}

func text(s string) *Node         { return &Node{Kind: Scalar, Text: s} }
func list(items ...*Node) *Node   { return &Node{Kind: List, Items: items} }
func pair(k string, v *Node) Pair { return Pair{Key: k, Value: v} }
func mapOf(pairs ...Pair) *Node   { return &Node{Kind: Map, Pairs: pairs} }
func placed(pairs ...Pair) *Node  { return place(mapOf(pairs...), Place{}, new(int)) }
func messages(err error) []string { return collect(err, (*Error).Error) }
func hints(err error) []string    { return collect(err, func(e *Error) string { return e.Hint }) }
func equal[T any](a, b T) bool    { return reflect.DeepEqual(a, b) }

func collect(err error, of func(*Error) string) (all []string) {
	for _, e := range Errors(err) {
		all = append(all, of(e))
	}
	return all
}

type roll struct {
	Size  Bytes         `setting:"size" default:"128MiB" doc:"of the encoded file"`
	Every time.Duration `setting:"every"`
}

type base struct {
	Name string `setting:"name,required" doc:"how it is called" example:"web"`
}

// ratio reads "25 of 1000", or a map as usual.
type ratio struct {
	Part  int64 `setting:"part"`
	Whole int64 `setting:"whole"`
}

func (r *ratio) UnmarshalSetting(n *Node) error {
	if n.Kind == Scalar {
		if _, err := fmt.Sscanf(n.Text, "%d of %d", &r.Part, &r.Whole); err != nil {
			return fault.Hint(fmt.Errorf("%s is no ratio", n.Text), "write 25 of 1000")
		}
		return nil
	}
	type plain ratio
	return Decode(n, (*plain)(r))
}

type config struct {
	base
	Path   []string `setting:"path"`
	Roll   roll     `setting:"roll"`
	Spare  *roll    `setting:"spare"`
	Rows   int64    `setting:"rows" default:"1_000"`
	Small  int8     `setting:"small"`
	Count  uint16   `setting:"count"`
	Rate   float64  `setting:"rate"`
	On     bool     `setting:"on" default:"true"`
	Mode   string   `setting:"mode" oneof:"append upsert" default:"append"`
	Keys   []string `setting:"keys" default:"a, b"`
	Rolls  []roll   `setting:"rolls"`
	Any    *Node    `setting:"any"`
	Fields Pairs    `setting:"fields"`
	Max    ratio    `setting:"max"`
	Weeks  []Bytes  `setting:"weeks"`
	Runs   int      // no setting
}

func (c *config) Check() error {
	if c.Rows == 13 {
		return fault.Hint(errors.New("13 rows bring bad luck"), "write 14")
	}
	return nil
}

func TestDecodeFillsEveryType(t *testing.T) {
	anything := list(text("x"))
	n := placed(
		pair("name", text("007")), pair("path", text("a,b")), pair("roll", mapOf(pair("every", text("1m30s")))),
		pair("spare", mapOf(pair("size", text("64k")))), pair("rows", text("1_000_000")), pair("small", text("-128")),
		pair("count", text("65535")), pair("rate", text("0.25")), pair("on", text("false")), pair("mode", text("upsert")),
		pair("rolls", list(mapOf(pair("size", text("1GB"))), mapOf())), pair("any", anything),
		pair("fields", mapOf(pair("b", text("1")), pair("a", text("2")))), pair("max", text("25 of 1000")),
		pair("weeks", text("4096")),
	)
	var c config
	if err := Decode(n, &c); err != nil {
		t.Fatal(err)
	}
	want := config{
		base: base{"007"}, Path: []string{"a,b"}, Roll: roll{128 << 20, 90 * time.Second}, Spare: &roll{Size: 64000},
		Rows: 1e6, Small: -128, Count: 65535, Rate: 0.25, Mode: "upsert", Keys: []string{"a", "b"},
		Rolls: []roll{{Size: 1e9}, {Size: 128 << 20}}, Any: anything, Fields: c.Fields, Max: ratio{25, 1000}, Weeks: []Bytes{4096},
	}
	if !equal(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if len(c.Fields) != 2 || c.Fields[0].Key != "b" || c.Fields[1].Value.Text != "2" {
		t.Errorf("the pairs lost their order: %+v", c.Fields)
	}
}

func TestAbsentAndNullSettingsHaveTheirDefaults(t *testing.T) {
	want := config{base: base{"x"}, Roll: roll{Size: 128 << 20}, Rows: 1000, On: true, Mode: "append", Keys: []string{"a", "b"}}
	for _, n := range []*Node{
		placed(pair("name", text("x"))),
		placed(pair("name", text("x")), pair("rows", &Node{}), pair("roll", &Node{}), pair("spare", &Node{}), pair("max", &Node{})),
	} {
		var c config
		if err := Decode(n, &c); err != nil || !equal(c, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, c, want)
		}
	}
	var r roll
	if err := Decode(nil, &r); err != nil || r.Size != 128<<20 {
		t.Errorf("nothing: %v %+v", err, r)
	}
}

func TestDecodeTakesWhatIsNoStruct(t *testing.T) {
	var s string
	var l []int
	var p Pairs
	for n, into := range map[*Node]any{text("a > 1"): &s, text("5"): &l, mapOf(pair("a", text("b"))): &p} {
		if err := Decode(n, into); err != nil {
			t.Error(err)
		}
	}
	if s != "a > 1" || !equal(l, []int{5}) || len(p) != 1 {
		t.Error(s, l, p)
	}
	if err := Decode(&Node{Place: Place{File: "f", Line: 1, Column: 2, Path: "filter"}}, &s); err == nil || err.Error() != "f:1:2: filter: nothing is no text" {
		t.Error(err)
	}
}

func TestDecodeReportsEveryError(t *testing.T) {
	n := placed(
		pair("pth", text("x")), pair("roll", mapOf(pair("size", text("12XB")), pair("evry", text("5s")))), pair("rows", text("many")),
		pair("small", text("128")), pair("count", text("-1")), pair("rate", text("NaN")), pair("on", text("on")), pair("mode", text("upset")),
		pair("spare", text("x")), pair("rows", text("5")), pair("keys", mapOf()), pair("rolls", text("x")), pair("fields", text("x")),
		pair("max", text("5")), pair("path", list(text("a"), &Node{}, list())), pair("weeks", list(text("1.5"))), pair("zzzzzzz", text("")),
	)
	var c config
	err := Decode(n, &c)
	got := messages(err)
	want := []string{
		"p.yaml:2:3: pth: unknown key",
		"p.yaml:4:3: roll.size: 12XB is no size",
		"p.yaml:5:3: roll.evry: unknown key",
		"p.yaml:6:3: rows: many is no whole number",
		"p.yaml:7:3: small: 128 is out of range",
		"p.yaml:8:3: count: -1 is no whole number",
		"p.yaml:9:3: rate: NaN is no number",
		"p.yaml:10:3: on: on is neither true nor false",
		"p.yaml:11:3: mode: upset is none of append, upsert",
		"p.yaml:12:3: spare: x is no map",
		"p.yaml:13:3: rows: the key is there twice",
		"p.yaml:14:3: keys: a map is no list",
		"p.yaml:15:3: rolls: x is no list",
		"p.yaml:16:3: fields: x is no map",
		"p.yaml:17:3: max: 5 is no ratio",
		"p.yaml:20:3: path[1]: the item is empty",
		"p.yaml:21:3: path[2]: a list is no text",
		"p.yaml:23:3: weeks[0]: 1.5 is no whole number of bytes",
		"p.yaml:24:3: zzzzzzz: unknown key",
		"p.yaml:1:3: name: is missing",
	}
	if !equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	h := hints(err)
	for i, want := range map[int]string{
		0: `did you mean "path"?`, 1: "sizes are written as 128MiB (1024s), 1GB (1000s) or 4096", 2: `did you mean "every"?`,
		8: `did you mean "upsert"?`, 10: "the first one is in line 6", 14: "write 25 of 1000", 19: "write for example name: web",
	} {
		if h[i] != want {
			t.Errorf("hint of %q is %q, want %q", got[i], h[i], want)
		}
	}
	if !strings.HasPrefix(h[18], "keys here are name, path, roll") {
		t.Errorf("hint %q", h[18])
	}
	if !fault.Is(err, fault.Invalid) || fault.HintOf(err) != `did you mean "path"?` {
		t.Errorf("kind %v, hint %q", fault.KindOf(err), fault.HintOf(err))
	}
}

func TestChecksRunAfterDecoding(t *testing.T) {
	var c config
	err := Decode(placed(pair("name", text("x")), pair("rows", text("13"))), &c)
	if err == nil || err.Error() != "p.yaml:1:3: 13 rows bring bad luck" || fault.HintOf(err) != "write 14" || !fault.Is(err, fault.Invalid) {
		t.Error(err, fault.HintOf(err))
	}
	if err := Decode(placed(pair("rows", text("13"))), &c); len(Errors(err)) != 1 || !strings.Contains(err.Error(), "missing") {
		t.Errorf("checked what was not decoded: %v", err)
	}
}

func TestErrorsShowVariablesAndNotTheirValues(t *testing.T) {
	n := placed(pair("name", text("x")), pair("rows", &Node{Kind: Scalar, Text: "s3cret", Raw: "${KEY}"}),
		pair("roll", mapOf(pair("size", &Node{Kind: Scalar, Text: "s3cret", Raw: "${KEY}"}))), pair("mode", &Node{Kind: Scalar, Text: "s3cret", Raw: "${KEY}"}))
	n.Pairs = append(n.Pairs, pair("max", &Node{Kind: Scalar, Text: "s3cret", Raw: "${KEY}"}))
	err := Decode(n, new(config))
	if len(Errors(err)) != 4 || strings.Contains(err.Error(), "s3cret") || strings.Count(err.Error(), "${KEY}") != 4 {
		t.Error(err)
	}
}

func TestPlacesAreGivenOnceAndKindsAreKept(t *testing.T) {
	at := Place{File: "f", Line: 1, Column: 2, Path: "a.b"}
	err := at.Wrap(fault.Hint(fault.Errorf(fault.Denied, "b: no entry"), "ask"))
	if err.Error() != "f:1:2: a.b: no entry" || !fault.Is(err, fault.Denied) || fault.HintOf(err) != "ask" {
		t.Errorf("%v, %v, %q", err, fault.KindOf(err), fault.HintOf(err))
	}
	if again := (Place{File: "g"}).Wrap(err); again.Error() != err.Error() {
		t.Error(again)
	}
	two := at.Wrap(errors.Join(errors.New("x"), Place{File: "g"}.Errorf("y")))
	if two.Error() != "f:1:2: a.b: x\ng: y" || !fault.Is(two, fault.Invalid) {
		t.Error(two)
	}
	around := fmt.Errorf("around: %w", err)
	if all := Errors(around); len(all) != 1 || all[0].Message != around.Error() || all[0].Hint != "ask" {
		t.Errorf("%+v", all)
	}
	if at.Wrap(nil) != nil {
		t.Error("nothing became an error")
	}
}

func TestAWrongDefaultIsOurDefect(t *testing.T) {
	var c struct {
		N int `setting:"n" default:"x"`
	}
	if err := Decode(mapOf(), &c); !fault.Is(err, fault.Internal) || err == nil {
		t.Error(err)
	}
	if err := Decode(mapOf(), c); err == nil {
		t.Error("decoded into a copy")
	}
}

func TestDescribeNamesEverySetting(t *testing.T) {
	got := Describe(&config{})
	want := []Field{
		{Name: "name", Type: "text", Doc: "how it is called", Example: "web", Required: true},
		{Name: "path", Type: "list of text"},
		{Name: "roll", Type: "map"},
		{Name: "roll.size", Type: "size", Default: "128MiB", Doc: "of the encoded file"},
		{Name: "roll.every", Type: "duration"},
		{Name: "spare", Type: "map"},
		{Name: "spare.size", Type: "size", Default: "128MiB", Doc: "of the encoded file"},
		{Name: "spare.every", Type: "duration"},
		{Name: "rows", Type: "whole number", Default: "1_000"},
		{Name: "small", Type: "whole number"},
		{Name: "count", Type: "whole number"},
		{Name: "rate", Type: "number"},
		{Name: "on", Type: "true or false", Default: "true"},
		{Name: "mode", Type: "text", Default: "append", OneOf: []string{"append", "upsert"}},
		{Name: "keys", Type: "list of text", Default: "a, b"},
		{Name: "rolls", Type: "list of map"},
		{Name: "rolls[].size", Type: "size", Default: "128MiB", Doc: "of the encoded file"},
		{Name: "rolls[].every", Type: "duration"},
		{Name: "any", Type: "anything"},
		{Name: "fields", Type: "map"},
		{Name: "max", Type: "map"},
		{Name: "max.part", Type: "whole number"},
		{Name: "max.whole", Type: "whole number"},
		{Name: "weeks", Type: "list of size"},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !equal(got[i], want[i]) {
			t.Fatalf("field %d\ngot  %+v\nwant %+v", i, got, want)
		}
	}
	if f := Describe(struct{}{}); f != nil {
		t.Error(f)
	}
	if f := Describe(new(Pairs)); !equal(f, []Field{{Type: "map"}}) {
		t.Error(f)
	}
}

// tree has itself inside.
type tree struct {
	Leaf string `setting:"leaf"`
	Left *tree  `setting:"left"`
	More []tree `setting:"more"`
}

func TestSettingsMayHaveThemselvesInside(t *testing.T) {
	if f := Describe(tree{}); len(f) != 3 || f[2].Type != "list of map" {
		t.Errorf("%+v", f)
	}
	if left := fmt.Sprint(Schema(tree{})["properties"].(map[string]any)["left"]); left != "map[type:object]" {
		t.Error(left)
	}
	var got tree
	err := Decode(placed(pair("left", mapOf(pair("more", list(mapOf(pair("leaf", text("x")))))))), &got)
	if err != nil || got.Left.More[0].Leaf != "x" {
		t.Errorf("%v %+v", err, got)
	}
}

func TestSchemaHasWhatAnEditorNeeds(t *testing.T) {
	s := Schema(&config{})
	if s["additionalProperties"] != false || !equal(s["required"], any([]any{"name"})) {
		t.Errorf("%v", s)
	}
	p := s["properties"].(map[string]any)
	if len(p) != len(fieldsOf(reflect.TypeFor[config]())) {
		t.Errorf("%d properties", len(p))
	}
	name, rows := p["name"].(map[string]any), p["rows"].(map[string]any)
	if name["description"] != "how it is called" || !equal(name["examples"], any([]any{"web"})) || rows["default"] != "1_000" {
		t.Errorf("%v %v", name, rows)
	}
	if size := p["roll"].(map[string]any)["properties"].(map[string]any)["size"].(map[string]any); size["default"] != "128MiB" {
		t.Errorf("%v", size)
	}
	if mode := fmt.Sprint(p["mode"]); !strings.Contains(mode, "enum:[append upsert]") {
		t.Error(mode)
	}
	if rolls := fmt.Sprint(p["rolls"]); !strings.Contains(rolls, "items:map[additionalProperties:false") {
		t.Error(rolls)
	}
}
