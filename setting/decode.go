package setting

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/gros-lake/gros/fault"
)

// Decode fills into, a pointer to a struct or to any other type that a setting may have, with n, and with defaults where
// n has nothing. A Scalar where a list of scalars belongs is a list of one; a setting that is given as null is absent.
// It goes on after an error and returns all of them joined, each an *Error.
func Decode(n *Node, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("setting.Decode: %T is no pointer to decode into", into)
	}
	if n == nil {
		n = &Node{}
	}
	var d decoder
	d.value(n, v.Elem())
	return errors.Join(d.errs...)
}

type decoder struct{ errs []error }

func (d *decoder) add(err error) {
	if err != nil {
		d.errs = append(d.errs, err)
	}
}

func (d *decoder) value(n *Node, v reflect.Value) {
	t := v.Type()
	if t == nodeType {
		v.Set(reflect.ValueOf(n))
		return
	}
	before := len(d.errs)
	switch {
	case reads(t):
		d.add(n.Wrap(v.Addr().Interface().(Unmarshaler).UnmarshalSetting(n)))
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		d.value(n, p.Elem())
		v.Set(p)
		return
	case t == pairsType:
		d.pairs(n, v)
	case t.Kind() == reflect.Struct:
		d.structure(n, v)
	case t.Kind() == reflect.Slice:
		d.list(n, v)
	default:
		d.scalar(n, v)
	}
	if c, ok := v.Addr().Interface().(Checker); ok && len(d.errs) == before {
		d.add(n.Wrap(c.Check()))
	}
}

func (d *decoder) structure(n *Node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	names := namesOf(fields)
	if n.Kind != Map && n.Kind != Null {
		d.add(n.Errorf("%s is no map", n.Shown()).WithHint("its keys are %s", strings.Join(names, ", ")))
		return
	}
	given := map[string]Place{}
	for _, p := range n.Pairs {
		f := fieldOf(fields, p.Key)
		if f == nil {
			d.add(UnknownKey(p.Place, p.Key, names))
			continue
		}
		if !d.first(given, p) || p.Value.Kind == Null {
			continue
		}
		d.field(p.Value, v.FieldByIndex(f.index), f)
	}
	for i := range fields {
		f := &fields[i]
		if value := n.Get(f.name); value == nil || value.Kind == Null {
			d.absent(n, v.FieldByIndex(f.index), f)
		}
	}
}

// first reports whether p's key comes for the first time, and complains if not.
func (d *decoder) first(given map[string]Place, p Pair) bool {
	if at, twice := given[p.Key]; twice {
		d.add(Twice(p.Place, at))
		return false
	}
	given[p.Key] = p.Place
	return true
}

// Twice says that the key at p was given before, at first.
func Twice(p, first Place) *Error {
	e := p.Errorf("the key is there twice")
	if first.Line > 0 {
		return e.WithHint("the first one is in line %d", first.Line)
	}
	return e
}

func fieldOf(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func (d *decoder) field(n *Node, v reflect.Value, f *field) {
	before := len(d.errs)
	d.value(n, v)
	if len(f.oneOf) == 0 || len(d.errs) > before {
		return
	}
	for _, item := range append([]*Node{n}, n.Items...) {
		if item.Kind == Scalar && !contains(f.oneOf, item.Text) {
			e := item.Errorf("%s is none of %s", item.Shown(), strings.Join(f.oneOf, ", "))
			if near := fault.Nearest(item.Text, f.oneOf); near != "" {
				e = e.WithHint("did you mean %q?", near)
			}
			d.add(e)
		}
	}
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}

// absent gives a field that the map in does not have its default.
func (d *decoder) absent(in *Node, v reflect.Value, f *field) {
	place := in.Place.Key(f.name)
	switch {
	case f.hasDefault:
		var own decoder
		own.field(defaultNode(f, place), v, f)
		for _, err := range own.errs {
			d.add(fmt.Errorf("the default %q of a setting is wrong: %v", f.fallback, err)) // ours, so Internal
		}
	case f.required:
		e := place.Errorf("is missing")
		if f.example != "" {
			e = e.WithHint("write for example %s: %s", f.name, f.example)
		} else if f.doc != "" {
			e = e.WithHint("%s is %s", f.name, f.doc)
		}
		d.add(e)
	case nested(f.typ):
		before := len(d.errs)
		d.structure(&Node{Kind: Map, Place: place}, v)
		if c, ok := v.Addr().Interface().(Checker); ok && len(d.errs) == before {
			d.add(place.Wrap(c.Check()))
		}
	}
}

func defaultNode(f *field, place Place) *Node {
	if f.typ.Kind() != reflect.Slice || reads(f.typ) {
		return &Node{Kind: Scalar, Text: f.fallback, Place: place}
	}
	n := &Node{Kind: List, Place: place}
	for _, text := range strings.Split(f.fallback, ",") {
		if text = strings.TrimSpace(text); text != "" {
			n.Items = append(n.Items, &Node{Kind: Scalar, Text: text, Place: place})
		}
	}
	return n
}

func (d *decoder) pairs(n *Node, v reflect.Value) {
	if n.Kind != Map && n.Kind != Null {
		d.add(n.Errorf("%s is no map", n.Shown()).WithHint("write name: value"))
		return
	}
	given := map[string]Place{}
	var pairs Pairs
	for _, p := range n.Pairs {
		if d.first(given, p) {
			pairs = append(pairs, p)
		}
	}
	v.Set(reflect.ValueOf(pairs))
}

func (d *decoder) list(n *Node, v reflect.Value) {
	items := n.Items
	switch n.Kind {
	case Map:
		d.add(n.Errorf("a map is no list").WithHint("write [a, b], or one line with a dash for each"))
		return
	case Scalar:
		if k := elem(v.Type().Elem()); k.Kind() == reflect.Struct && !reads(k) || k.Kind() == reflect.Slice && !reads(k) {
			d.add(n.Errorf("%s is no list", n.Shown()).WithHint("write one line with a dash for each"))
			return
		}
		items = []*Node{n}
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if item.Kind == Null && v.Type().Elem() != nodeType {
			d.add(item.Errorf("the item is empty"))
			continue
		}
		d.value(item, list.Index(i))
	}
	v.Set(list)
}

func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func (d *decoder) scalar(n *Node, v reflect.Value) {
	t := v.Type()
	if n.Kind != Scalar {
		human, _ := typeOf(t)
		d.add(n.Errorf("%s is no %s", n.Shown(), human))
		return
	}
	wrong := func(err error, hint string) {
		if n.Raw != "" {
			human, _ := typeOf(t)
			err = fmt.Errorf("the value of %s is no %s", n.Shown(), human)
		}
		d.add(n.Errorf("%w", err).WithHint("%s", hint))
	}
	switch {
	case t == bytesType:
		b, err := ParseBytes(n.Text)
		if err != nil {
			wrong(err, sizeHint)
			return
		}
		v.SetInt(int64(b))
	case t == durationType:
		dur, err := ParseDuration(n.Text)
		if err != nil {
			wrong(err, durationHint)
			return
		}
		v.SetInt(int64(dur))
	case t.Kind() == reflect.String:
		v.SetString(n.Text)
	case t.Kind() == reflect.Bool:
		if n.Text != "true" && n.Text != "false" {
			wrong(fmt.Errorf("%s is neither true nor false", n.Shown()), "write true or false")
			return
		}
		v.SetBool(n.Text == "true")
	default:
		if err := setNumber(n, v); err != nil {
			wrong(err, "numbers are written as 5, 1_000_000 or, with a fraction, 0.25")
		}
	}
}

func setNumber(n *Node, v reflect.Value) error {
	digits, ok := plainDigits(n.Text)
	if !ok {
		return fmt.Errorf("%s is no number", n.Shown())
	}
	var err error
	switch {
	case v.CanInt():
		var i int64
		if i, err = strconv.ParseInt(digits, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
		}
	case v.CanUint():
		var u uint64
		if u, err = strconv.ParseUint(digits, 10, v.Type().Bits()); err == nil {
			v.SetUint(u)
		}
	case v.CanFloat():
		var f float64
		f, err = strconv.ParseFloat(digits, v.Type().Bits())
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = strconv.ErrSyntax
		}
		if err == nil {
			v.SetFloat(f)
		}
	default:
		return fmt.Errorf("a field of type %s cannot be a setting", v.Type())
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s is out of range", n.Shown())
	case err != nil:
		human, _ := typeOf(v.Type())
		return fmt.Errorf("%s is no %s", n.Shown(), human)
	}
	return nil
}
