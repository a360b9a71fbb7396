package setting

import (
	"reflect"
	"strings"
	"time"
)

// Unmarshaler is a type that reads its own notation. The Node is never nil; it is a Null only when nothing but the
// value itself was to be decoded. Errors without a place get that of the Node. A struct that wants to be read as usual
// in one of its notations decodes into a type without the method: type plain T; Decode(n, (*plain)(t)).
type Unmarshaler interface{ UnmarshalSetting(*Node) error }

// Checker is a type with rules beyond the types of its fields. Check is called once all of it is decoded and has its
// defaults; its error gets the place.
type Checker interface{ Check() error }

// Typer is an Unmarshaler that says what it reads: for people, and as a JSON Schema, where nil allows everything. It is
// called on the zero value.
type Typer interface {
	SettingType() (human string, schema map[string]any)
}

var (
	unmarshalerType = reflect.TypeFor[Unmarshaler]()
	typerType       = reflect.TypeFor[Typer]()
	nodeType        = reflect.TypeFor[*Node]()
	pairsType       = reflect.TypeFor[Pairs]()
	bytesType       = reflect.TypeFor[Bytes]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// field is one setting of a struct.
type field struct {
	name         string
	doc, example string
	fallback     string // the default
	hasDefault   bool
	required     bool
	oneOf        []string
	typ          reflect.Type
	index        []int
}

// fieldsOf returns the settings of a struct type in the order of its fields, those of embedded structs in their place.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("setting")
		if !tagged {
			if f.Anonymous && f.Type.Kind() == reflect.Struct {
				for _, inner := range fieldsOf(f.Type) {
					inner.index = append([]int{i}, inner.index...)
					all = append(all, inner)
				}
			}
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		s := field{name: name, doc: f.Tag.Get("doc"), example: f.Tag.Get("example"), required: options == "required", typ: f.Type, index: []int{i}}
		s.fallback, s.hasDefault = f.Tag.Lookup("default")
		if values, ok := f.Tag.Lookup("oneof"); ok {
			s.oneOf = strings.Fields(values)
		}
		all = append(all, s)
	}
	return all
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func reads(t reflect.Type) bool { return reflect.PointerTo(t).Implements(unmarshalerType) }

// nested reports whether t is a struct whose fields are settings.
func nested(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && len(fieldsOf(t)) > 0
}

// settings reports whether t is a struct of settings, be it without any.
func settings(t reflect.Type) bool {
	return nested(t) || t.Kind() == reflect.Struct && !reads(t) && t != nodeType.Elem()
}
