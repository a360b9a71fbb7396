package setting

import (
	"reflect"
	"strings"
)

// Field describes one setting, for help and tables.
type Field struct {
	Name     string   `json:"name"` // with dots between its parts; name[].x is x of each item
	Type     string   `json:"type"` // size, duration, text, list of text, …
	Default  string   `json:"default,omitempty"`
	Doc      string   `json:"doc,omitempty"`
	Example  string   `json:"example,omitempty"`
	Required bool     `json:"required,omitempty"`
	OneOf    []string `json:"one_of,omitempty"` // all that it may be
}

// Describe lists the settings of config, a struct or a pointer to one, in the order of its fields; those of a struct
// inside follow it. A config that is no struct is one Field without a name.
func Describe(config any) []Field {
	t := reflect.TypeOf(config)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !settings(t) {
		human, _ := typeOf(t)
		return []Field{{Type: human}}
	}
	return describe(nil, "", t, map[reflect.Type]bool{})
}

func describe(all []Field, prefix string, t reflect.Type, above map[reflect.Type]bool) []Field {
	above[t] = true
	defer delete(above, t)
	for _, f := range fieldsOf(t) {
		human, _ := typeOf(f.typ)
		all = append(all, Field{
			Name: prefix + f.name, Type: human, Default: f.fallback, Doc: f.doc,
			Example: f.example, Required: f.required, OneOf: f.oneOf,
		})
		inner, below := elem(f.typ), f.name+"."
		if inner.Kind() == reflect.Slice {
			inner, below = elem(inner.Elem()), f.name+"[]."
		}
		if nested(inner) && !above[inner] {
			all = describe(all, prefix+below, inner, above)
		}
	}
	return all
}

// typeOf returns what is written for a t: for people, and as JSON Schema.
func typeOf(t reflect.Type) (string, map[string]any) {
	t = elem(t)
	if reflect.PointerTo(t).Implements(typerType) {
		human, schema := reflect.New(t).Interface().(Typer).SettingType()
		if schema == nil {
			schema = map[string]any{}
		}
		return human, schema
	}
	switch {
	case t == nodeType.Elem() || reads(t) && !nested(t):
		return "anything", map[string]any{}
	case t == bytesType:
		return "size", textOr("integer", `^[0-9][0-9_.]*\s*([kKmMgGtTpP][iI]?)?[bB]?$`)
	case t == durationType:
		return "duration", textOr("", `^([0-9]+d)?([0-9.]+(ns|us|µs|ms|s|m|h))*$`)
	case t == pairsType:
		return "map", map[string]any{"type": "object"}
	}
	switch t.Kind() {
	case reflect.String:
		return "text", map[string]any{"type": []any{"string", "number", "boolean"}}
	case reflect.Bool:
		return "true or false", textOr("boolean", "")
	case reflect.Slice:
		human, items := typeOf(t.Elem())
		list := map[string]any{"type": "array", "items": items}
		if k := elem(t.Elem()); k.Kind() == reflect.Struct && !reads(k) || k.Kind() == reflect.Slice {
			return "list of " + human, list
		}
		return "list of " + human, map[string]any{"anyOf": []any{list, items}}
	case reflect.Struct:
		return "map", nil
	case reflect.Float32, reflect.Float64:
		return "number", textOr("number", `^[-+]?[0-9][0-9_.]*([eE][-+]?[0-9]+)?$`)
	}
	return "whole number", textOr("integer", `^[-+]?[0-9][0-9_]*$`)
}

// variable matches a text in which a variable stands: it can be anything once it is resolved.
const variable = `\$\{`

func textOr(typ, pattern string) map[string]any {
	if pattern == "" {
		pattern = variable
	} else {
		pattern = strings.Join([]string{pattern, variable}, "|")
	}
	text := map[string]any{"type": "string", "pattern": pattern}
	if typ == "" {
		return text
	}
	return map[string]any{"anyOf": []any{map[string]any{"type": typ}, text}}
}
