package expr

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gros-lake/gros/fault"
)

// Expr is a parsed expression. It is immutable.
type Expr struct {
	text string
	root *node
}

// Parse reads an expression. Errors are *Error, of kind Invalid.
func Parse(text string) (*Expr, error) {
	if len(text) > maxText {
		return nil, newError(text[:maxShown], 0, "an expression of %d bytes; at most %d are read", len(text), maxText)
	}
	if !utf8.ValidString(text) {
		return nil, newError(strings.ToValidUTF8(text, "\uFFFD"), 0, "the text is not valid UTF-8")
	}
	p := parser{text: text}
	if err := p.scan(); err != nil {
		return nil, err
	}
	root, err := p.parseAll()
	if err != nil {
		return nil, err
	}
	return &Expr{text: text, root: root}, nil
}

// Bounds on what is parsed: bytes of text, and levels of a tree.
const (
	maxText  = 1 << 20
	maxDepth = 1000
	maxShown = 120
)

// String returns the canonical text of e: lower-case keywords, brackets only where needed. It parses to an equal expression.
func (e *Expr) String() string {
	var b strings.Builder
	e.root.print(&b, 0)
	return b.String()
}

// Text returns the text e was parsed from.
func (e *Expr) Text() string { return e.text }

// Columns returns the paths of the columns that e reads, dots between their parts, in the order of first appearance.
func (e *Expr) Columns() []string {
	var paths []string
	e.root.walk(func(n *node) {
		if n.kind != columnNode {
			return
		}
		if path := strings.Join(n.path, "."); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	})
	return paths
}

// Error says what is wrong with an expression, and where. Its kind is Invalid.
type Error struct {
	Text    string // of the expression
	Column  int    // place in Text, in characters from 1
	Message string
}

func (e *Error) Error() string {
	text := e.Text
	if utf8.RuneCountInString(text) > maxShown {
		text = string([]rune(text)[:maxShown]) + "…"
	}
	return fmt.Sprintf("%s: character %d: %s", text, e.Column, e.Message)
}

// Kind returns Invalid.
func (e *Error) Kind() fault.Kind { return fault.Invalid }

// newError makes an Error for the byte offset at.
func newError(text string, at int, format string, args ...any) *Error {
	return &Error{Text: text, Column: utf8.RuneCountInString(text[:min(at, len(text))]) + 1, Message: fmt.Sprintf(format, args...)}
}

// rehint gives err the hint of cause, if it has one.
func rehint(err, cause error) error {
	if hint := fault.HintOf(cause); hint != "" {
		return fault.Hint(err, "%s", hint)
	}
	return err
}
