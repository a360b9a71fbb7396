package setting

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gros-lake/gros/fault"
)

// Error is what is wrong with a setting, and where. fault.HintOf returns its Hint.
type Error struct {
	Place   Place
	Message string // what is wrong, without the place
	Hint    string // what to do about it, "" if there is nothing to say
	cause   error
}

func (e *Error) Error() string {
	if place := e.Place.String(); place != "" {
		return place + ": " + e.Message
	}
	return e.Message
}

// Kind is Invalid, unless the error comes from one of another kind.
func (e *Error) Kind() fault.Kind {
	if k := fault.KindOf(e.cause); k != fault.Internal {
		return k
	}
	return fault.Invalid
}

// Unwrap gives the cause, with the hint.
func (e *Error) Unwrap() error {
	cause := e.cause
	if e.Hint == "" {
		return cause
	}
	if cause == nil {
		cause = fault.New(fault.Invalid, e.Message)
	}
	return fault.Hint(cause, "%s", e.Hint)
}

// Errors returns the Errors in err's tree, in order: what Decode joined. An error that is none of them, or says more,
// comes as one without a place.
func Errors(err error) []*Error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, inner := range e.Unwrap() {
			all = append(all, Errors(inner)...)
		}
		return all
	}
	if inner := (*Error)(nil); errors.As(err, &inner) && inner.Error() == err.Error() {
		return []*Error{inner}
	}
	return []*Error{{Message: err.Error(), Hint: fault.HintOf(err), cause: err}}
}

// String is the place as errors begin with it: file.yaml:12:5: sink.files.roll.size.
func (p Place) String() string {
	var parts []string
	if p.File != "" {
		at := p.File
		if p.Line > 0 {
			at += ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
		}
		parts = append(parts, at)
	}
	if p.Path != "" {
		parts = append(parts, p.Path)
	}
	return strings.Join(parts, ": ")
}

// Errorf makes an Error of this place.
func (p Place) Errorf(format string, args ...any) *Error {
	cause := fmt.Errorf(format, args...)
	return &Error{Place: p, Message: cause.Error(), Hint: fault.HintOf(cause), cause: errors.Unwrap(cause)}
}

// Wrap gives err this place, where it has none yet; a message that begins with the key of the place loses that. It
// returns nil for nil.
func (p Place) Wrap(err error) error {
	if err == nil {
		return nil
	}
	var all []error
	for _, e := range Errors(err) {
		if e.Place == (Place{}) {
			key := p.Path[strings.LastIndexByte(p.Path, '.')+1:]
			e = &Error{p, strings.TrimPrefix(e.Message, key+": "), e.Hint, e.cause}
		}
		all = append(all, e)
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// Wrap is that of n's place. Values of variables at n and below are shown as the variables, for they may be secrets.
func (n *Node) Wrap(err error) error {
	if err == nil {
		return nil
	}
	var all []error
	for _, e := range Errors(n.Place.Wrap(err)) {
		all = append(all, &Error{e.Place, n.unresolved(e.Message), n.unresolved(e.Hint), e.cause})
	}
	return errors.Join(all...)
}

func (n *Node) unresolved(message string) string {
	const shortest = 4 // what is shorter is no secret, and stands in messages by chance
	if n.Raw != "" && len(n.Text) >= shortest {
		message = strings.ReplaceAll(message, n.Text, n.Raw)
	}
	for _, item := range n.Items {
		message = item.unresolved(message)
	}
	for _, p := range n.Pairs {
		message = p.Value.unresolved(message)
	}
	return message
}

// WithHint returns e with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	hinted := *e
	hinted.Hint = fmt.Sprintf(format, args...)
	return &hinted
}

// Key is the place of a key below p, as far as it is known without the file.
func (p Place) Key(key string) Place {
	if p.Path != "" {
		key = p.Path + "." + key
	}
	p.Path = key
	return p
}

// Item is the place of an item of the list at p, counted from 0.
func (p Place) Item(i int) Place {
	p.Path += "[" + strconv.Itoa(i) + "]"
	return p
}

// Errorf makes an Error of n's place.
func (n *Node) Errorf(format string, args ...any) *Error { return n.Place.Errorf(format, args...) }

// Get returns the value of a key of a Map, nil if there is none.
func (n *Node) Get(key string) *Node {
	for _, p := range n.Pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

// Shown is n as errors cite it: a Scalar as it was written, anything else by its kind.
func (n *Node) Shown() string {
	switch n.Kind {
	case Null:
		return "nothing"
	case List:
		return "a list"
	case Map:
		return "a map"
	}
	if n.Raw != "" {
		return shown(n.Raw)
	}
	return shown(n.Text)
}

// UnknownKey says that key is none of known, with the nearest of them.
func UnknownKey(at Place, key string, known []string) *Error {
	e := at.Errorf("unknown key")
	if near := fault.Nearest(key, known); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	if len(known) == 0 {
		return e.WithHint("no keys are known here")
	}
	return e.WithHint("keys here are %s", strings.Join(known, ", "))
}
