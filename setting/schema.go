package setting

import (
	"maps"
	"reflect"
	"strconv"
)

// Schema returns the JSON Schema (draft 2020-12) of config, a struct or a pointer to one, or of any other type that a
// setting may have. Unknown keys are refused. Where a variable may stand, so may its text.
func Schema(config any) map[string]any {
	return schemaOf(reflect.TypeOf(config), map[reflect.Type]bool{})
}

func schemaOf(t reflect.Type, above map[reflect.Type]bool) map[string]any {
	t = elem(t)
	typed := reflect.PointerTo(t).Implements(typerType)
	if t.Kind() == reflect.Slice && !typed && !reads(t) && t != pairsType {
		_, schema := typeOf(t)
		items := schemaOf(t.Elem(), above)
		if either, ok := schema["anyOf"]; ok {
			list := either.([]any)[0].(map[string]any)
			list["items"] = items
			return map[string]any{"anyOf": []any{list, items}}
		}
		schema["items"] = items
		return schema
	}
	if !settings(t) || above[t] || typed {
		_, schema := typeOf(t)
		if schema == nil {
			schema = map[string]any{"type": "object"}
		}
		return schema
	}
	above[t] = true
	defer delete(above, t)
	object := objectOf(t, above)
	if reads(t) {
		return map[string]any{"anyOf": []any{object, map[string]any{"type": []any{"string", "number", "boolean", "array"}}}}
	}
	return object
}

func objectOf(t reflect.Type, above map[reflect.Type]bool) map[string]any {
	properties := map[string]any{}
	var required []any
	for _, f := range fieldsOf(t) {
		p := maps.Clone(schemaOf(f.typ, above))
		if len(f.oneOf) > 0 {
			p = oneOf(f)
		}
		if f.doc != "" {
			p["description"] = f.doc
		}
		if f.hasDefault {
			p["default"] = valueOf(f.typ, f.fallback)
		}
		if f.example != "" {
			p["examples"] = []any{valueOf(f.typ, f.example)}
		}
		if f.required {
			required = append(required, f.name)
		}
		properties[f.name] = p
	}
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

func oneOf(f field) map[string]any {
	var values []any
	for _, v := range f.oneOf {
		values = append(values, v)
	}
	item := map[string]any{"anyOf": []any{map[string]any{"enum": values}, textOr("", "")}}
	if f.typ.Kind() == reflect.Slice {
		return map[string]any{"anyOf": []any{map[string]any{"type": "array", "items": item}, item}}
	}
	return item
}

// valueOf is a default or an example as an editor inserts it: a number where a number can stand.
func valueOf(t reflect.Type, text string) any {
	t = elem(t)
	if t == durationType || reads(t) {
		return text
	}
	switch t.Kind() {
	case reflect.Bool:
		return text == "true"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case reflect.Float32, reflect.Float64:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	return text
}
