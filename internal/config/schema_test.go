package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gros-lake/gros/setting"
)

func TestTheSchemaTellsGoodFilesFromBadOnes(t *testing.T) {
	schema := roundTrip(t, JSONSchema(fakes()))
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	judged := map[bool]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root, err := parseYAML(file, text)
		if err != nil {
			continue // no tree to judge
		}
		good := strings.Contains(filepath.ToSlash(file), "/good/")
		if !good && !structural[filepath.Base(file)] {
			continue
		}
		judged[good]++
		v := validator{root: schema}
		v.check(schema, value(root), "")
		if good && len(v.errs) > 0 {
			t.Errorf("%s does not conform: %v", file, v.errs)
		}
		if !good && len(v.errs) == 0 {
			t.Errorf("%s conforms", file)
		}
	}
	if judged[true] < 4 || judged[false] != len(structural) {
		t.Errorf("judged only %v", judged)
	}
}

// structural are the bad files whose faults a schema can see.
var structural = map[string]bool{
	"both.yaml": true, "missing.yaml": true, "nothing-to-do.yaml": true, "unknown-key.yaml": true, "unknown-names.yaml": true, "list.yaml": true, "text.yaml": true,
}

// Each of these differs from a good file in one thing alone.
func TestTheSchemaRefuses(t *testing.T) {
	schema := roundTrip(t, JSONSchema(fakes()))
	const frame = "source: {generate: {%s}}\nsink: {files: {path: x, %s}}\n%s\n"
	for text, want := range map[string]bool{
		fmt.Sprintf(frame, "", "", ""):                                      true,
		fmt.Sprintf(frame, "row: 5", "", ""):                                false,
		fmt.Sprintf(frame, "rows: 5", "", ""):                               true,
		fmt.Sprintf(frame, "rows: 1_000", "", ""):                           true,
		fmt.Sprintf(frame, "rows: '${N}'", "", ""):                          true,
		fmt.Sprintf(frame, "rows: many", "", ""):                            false,
		fmt.Sprintf(frame, "rows: 0.5", "", ""):                             false,
		fmt.Sprintf(frame, "kind: rows", "", ""):                            true,
		fmt.Sprintf(frame, "kind: row", "", ""):                             false,
		fmt.Sprintf(frame, "format: json", "", ""):                          true,
		fmt.Sprintf(frame, "format: {csv: {delimiter: x}}", "", ""):         true,
		fmt.Sprintf(frame, "format: {csv: {delimter: x}}", "", ""):          false,
		fmt.Sprintf(frame, "format: parquet", "", ""):                       false,
		fmt.Sprintf(frame, "", "roll: {size: 1GB, every: 5s}", ""):          true,
		fmt.Sprintf(frame, "", "roll: {size: 1XB}", ""):                     false,
		fmt.Sprintf(frame, "", "roll: {every: 5}", ""):                      false,
		fmt.Sprintf(frame, "", "where: a > 5", ""):                          true,
		fmt.Sprintf(frame, "", "contract: freeze", ""):                      true,
		fmt.Sprintf(frame, "", "contract: {columns: fail}", ""):             true,
		fmt.Sprintf(frame, "", "contract: {columns: fale}", ""):             false,
		fmt.Sprintf(frame, "", "", "max_rejects: 25 of 1000"):               true,
		fmt.Sprintf(frame, "", "", "max_rejects: some"):                     false,
		fmt.Sprintf(frame, "", "", "stages: [filter: a > 5]"):               true,
		fmt.Sprintf(frame, "", "", "stages: [{filter: a > 5, from: x}]"):    true,
		fmt.Sprintf(frame, "", "", "stages: [{filter: a, derive: {b: c}}]"): false,
		fmt.Sprintf(frame, "", "", "stages: [filter: [a]]"):                 false,
		fmt.Sprintf(frame, "", "", "schema: {a: bigint}"):                   true,
		fmt.Sprintf(frame, "", "", "schema: [{name: a}]"):                   false,
		"source: generate\nsink: stdout\n":                                  true,
		"source: generate\nsink: files\n":                                   true, // only Load knows that files needs a path
		"source: kafka2\nsink: stdout\n":                                    false,
		"source: generate\n":                                                false,
	} {
		root, err := parseYAML("p.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v := validator{root: schema}
		v.check(schema, value(root), "")
		if (len(v.errs) == 0) != want {
			t.Errorf("%s\nconforms: %v, want %v: %v", text, !want, want, v.errs)
		}
	}
}

func roundTrip(t *testing.T, schema map[string]any) map[string]any {
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// value is n as an editor sees it.
func value(n *setting.Node) any {
	switch n.Kind {
	case setting.Null:
		return nil
	case setting.List:
		list := []any{}
		for _, item := range n.Items {
			list = append(list, value(item))
		}
		return list
	case setting.Map:
		object := map[string]any{}
		for _, p := range n.Pairs {
			object[p.Key] = value(p.Value)
		}
		return object
	}
	if !n.Quoted {
		if f, err := strconv.ParseFloat(n.Text, 64); err == nil && !strings.Contains(n.Text, "_") {
			return f
		}
		if n.Text == "true" || n.Text == "false" {
			return n.Text == "true"
		}
	}
	return n.Text
}

// validator knows the part of JSON Schema that is written here, and panics at any other.
type validator struct {
	root map[string]any
	errs []string
}

func (v *validator) fail(at, format string, args ...any) {
	v.errs = append(v.errs, at+": "+fmt.Sprintf(format, args...))
}

// fits reports whether x conforms to s.
func (v *validator) fits(s any, x any) bool {
	inner := validator{root: v.root}
	inner.check(s.(map[string]any), x, "")
	return len(inner.errs) == 0
}

func (v *validator) count(list any, x any) (n int) {
	for _, s := range list.([]any) {
		if v.fits(s, x) {
			n++
		}
	}
	return n
}

func (v *validator) check(s map[string]any, x any, at string) {
	for key, rule := range s {
		switch key {
		case "description", "default", "examples", "title", "$schema", "$defs", "properties":
		case "$ref":
			v.check(v.root["$defs"].(map[string]any)[strings.TrimPrefix(rule.(string), "#/$defs/")].(map[string]any), x, at)
		case "type":
			if !isType(rule, x) {
				v.fail(at, "%v is no %v", x, rule)
			}
		case "enum":
			found := false
			for _, e := range rule.([]any) {
				found = found || e == x
			}
			if !found {
				v.fail(at, "%v is none of %v", x, rule)
			}
		case "anyOf":
			if v.count(rule, x) == 0 {
				v.fail(at, "%v fits nothing of anyOf", x)
			}
		case "oneOf":
			if n := v.count(rule, x); n != 1 {
				v.fail(at, "%v fits %d of oneOf", x, n)
			}
		case "allOf":
			for _, each := range rule.([]any) {
				v.check(each.(map[string]any), x, at)
			}
		case "pattern":
			if text, ok := x.(string); ok && !regexp.MustCompile(rule.(string)).MatchString(text) {
				v.fail(at, "%q does not match %v", x, rule)
			}
		case "minimum":
			if n, ok := x.(float64); ok && n < rule.(float64) {
				v.fail(at, "%v is too little", x)
			}
		case "items", "minItems":
			v.list(key, rule, x, at)
		case "required", "additionalProperties", "minProperties":
			v.object(key, rule, s, x, at)
		default:
			panic("unknown rule " + key)
		}
	}
	if p, ok := s["properties"].(map[string]any); ok {
		object, _ := x.(map[string]any)
		for name, value := range object {
			if inner, known := p[name]; known {
				v.check(inner.(map[string]any), value, at+"."+name)
			}
		}
	}
}

func (v *validator) list(key string, rule, x any, at string) {
	list, ok := x.([]any)
	if !ok {
		return
	}
	if key == "minItems" {
		if float64(len(list)) < rule.(float64) {
			v.fail(at, "too few items")
		}
		return
	}
	for i, item := range list {
		v.check(rule.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i))
	}
}

func (v *validator) object(key string, rule any, s map[string]any, x any, at string) {
	object, ok := x.(map[string]any)
	if !ok {
		return
	}
	switch key {
	case "minProperties":
		if float64(len(object)) < rule.(float64) {
			v.fail(at, "too few properties")
		}
	case "required":
		for _, name := range rule.([]any) {
			if _, there := object[name.(string)]; !there {
				v.fail(at, "%s is missing", name)
			}
		}
	case "additionalProperties":
		known, _ := s["properties"].(map[string]any)
		for name, value := range object {
			if _, there := known[name]; there {
				continue
			}
			if inner, ok := rule.(map[string]any); ok {
				v.check(inner, value, at+"."+name)
			} else if rule == false {
				v.fail(at, "%s is unknown", name)
			}
		}
	}
}

func isType(rule, x any) bool {
	if list, ok := rule.([]any); ok {
		for _, one := range list {
			if isType(one, x) {
				return true
			}
		}
		return false
	}
	switch x := x.(type) {
	case nil:
		return rule == "null"
	case bool:
		return rule == "boolean"
	case string:
		return rule == "string"
	case float64:
		return rule == "number" || rule == "integer" && x == float64(int64(x))
	case []any:
		return rule == "array"
	}
	return rule == "object"
}
