// Package fault says of an error what kind it is and what to do about it.
package fault

import (
	"errors"
	"fmt"
)

// Kind decides exit status, HTTP status and whether an operation is tried again.
type Kind uint8

// The kinds. The zero Kind is Internal: an error nobody classified is a defect of Gros.
const (
	Internal    Kind = iota
	Invalid          // the input is wrong
	NotFound         // the thing does not exist
	Exists           // the thing exists already
	Conflict         // somebody else was first, or owns it
	Denied           // the caller may not
	Unavailable      // it may work later: the only kind that is retried
	Corrupt          // stored data is damaged or lost
)

var kinds = [...]struct {
	name         string
	exit, status int
}{
	Internal:    {"internal", 1, 500},
	Invalid:     {"invalid", 2, 400},
	NotFound:    {"not found", 3, 404},
	Exists:      {"exists", 3, 409},
	Conflict:    {"conflict", 4, 409},
	Denied:      {"denied", 5, 403},
	Unavailable: {"unavailable", 6, 503},
	Corrupt:     {"corrupt", 7, 500},
}

func (k Kind) String() string { return kinds[k].name }

// ExitCode is the status with which a process ends after an error of this kind.
func (k Kind) ExitCode() int { return kinds[k].exit }

// HTTPStatus is the status of a response that reports an error of this kind.
func (k Kind) HTTPStatus() int { return kinds[k].status }

type sentinel struct {
	kind Kind
	text string
}

func (s *sentinel) Error() string { return s.text }

// New returns a sentinel: an error of this kind, to be compared with errors.Is.
func New(kind Kind, text string) error { return &sentinel{kind, text} }

type wrapped struct {
	kind Kind
	err  error
}

func (w *wrapped) Error() string { return w.err.Error() }
func (w *wrapped) Unwrap() error { return w.err }

// Errorf is fmt.Errorf with a kind. The kind holds over that of any error it wraps with %w.
func Errorf(kind Kind, format string, args ...any) error {
	return &wrapped{kind, fmt.Errorf(format, args...)}
}

// As gives err a kind, whatever it had. It returns nil for nil.
func As(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &wrapped{kind, err}
}

// KindOf returns the outermost kind in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	for err != nil {
		switch e := err.(type) {
		case *wrapped:
			return e.kind
		case *sentinel:
			return e.kind
		case interface{ Kind() Kind }:
			return e.Kind()
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if k := KindOf(inner); k != Internal {
					return k
				}
			}
			return Internal
		}
		err = errors.Unwrap(err)
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

type hinted struct {
	hint string
	err  error
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// Hint adds what the reader should do next. Faces print it apart from the error. It returns nil for nil.
func Hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{fmt.Sprintf(format, args...), err}
}

// HintOf returns the outermost hint in err's chain, "" if there is none.
func HintOf(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
