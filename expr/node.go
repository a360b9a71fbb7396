package expr

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

type nodeKind uint8

const (
	literalNode nodeKind = iota
	columnNode
	callNode // operators and functions alike
	castNode
)

// literalKind says how the text of a literal is read.
type literalKind uint8

const (
	nullLiteral literalKind = iota
	boolLiteral
	integerLiteral
	decimalLiteral
	floatLiteral
	stringLiteral
	dateLiteral
	timestampLiteral
	timestamptzLiteral
)

// node is a part of a parsed expression.
type node struct {
	kind    nodeKind
	pos     int // byte offset in the text
	depth   int
	literal literalKind
	text    string         // of a literal; the name of a call in lower case; "cast" or "try_cast"
	usage   string         // of a function: how it is called
	path    []string       // of a column
	args    []*node        // of a call or cast
	typ     arrow.DataType // of a cast
}

func (n *node) isNumber() bool {
	return n.kind == literalNode && (n.literal == integerLiteral || n.literal == decimalLiteral || n.literal == floatLiteral)
}

func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, a := range n.args {
		a.walk(visit)
	}
}

// Precedence of operators, loosest first, as in PostgreSQL and DuckDB.
const (
	precNone = iota
	precOr
	precAnd
	precNot
	precIs
	precCompare
	precIn // in, between, like
	precConcat
	precAdd
	precMultiply
	precNegate
	precAtom
)

// infix holds the operators between two operands.
var infix = map[string]int{
	"or": precOr, "and": precAnd, "=": precCompare, "<>": precCompare, "<": precCompare, "<=": precCompare, ">": precCompare, ">=": precCompare,
	"||": precConcat, "+": precAdd, "-": precAdd, "*": precMultiply, "/": precMultiply, "//": precMultiply, "%": precMultiply,
}

func (n *node) precedence() int {
	switch {
	case n.isNumber() && n.text[0] == '-':
		return precNegate
	case n.kind != callNode:
		return precAtom
	case n.text == "not":
		if n.args[0].negatable() {
			return n.args[0].precedence()
		}
		return precNot
	case n.text == "negate":
		return precNegate
	case n.text == "is null":
		return precIs
	case n.text == "in" || n.text == "between" || n.text == "like" || n.text == "ilike":
		return precIn
	}
	if prec, ok := infix[n.text]; ok {
		return prec
	}
	return precAtom
}

// negatable reports whether "not n" is written inside of n: a not in (1), a is not null.
func (n *node) negatable() bool {
	return n.kind == callNode && (n.text == "is null" || n.text == "in" || n.text == "between" || n.text == "like" || n.text == "ilike")
}

// print writes n, in brackets if it binds less tightly than prec.
func (n *node) print(b *strings.Builder, prec int) {
	if n.precedence() < prec {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch n.kind {
	case literalNode:
		n.printLiteral(b)
	case columnNode:
		for i, part := range n.path {
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(quoteName(part))
		}
	case castNode:
		b.WriteString(n.text)
		b.WriteByte('(')
		n.args[0].print(b, precNone)
		b.WriteString(" as " + rows.TypeName(n.typ) + ")")
	case callNode:
		n.printCall(b)
	}
}

func (n *node) printLiteral(b *strings.Builder) {
	quoted := "'" + strings.ReplaceAll(n.text, "'", "''") + "'"
	switch n.literal {
	case stringLiteral:
		b.WriteString(quoted)
	case dateLiteral:
		b.WriteString("date " + quoted)
	case timestampLiteral:
		b.WriteString("timestamp " + quoted)
	case timestamptzLiteral:
		b.WriteString("timestamptz " + quoted)
	default:
		b.WriteString(n.text)
	}
}

func (n *node) printCall(b *strings.Builder) {
	not := ""
	if n.text == "not" && n.args[0].negatable() {
		n, not = n.args[0], "not "
	}
	prec, isBinary := infix[n.text]
	switch {
	case isBinary:
		left := prec
		if prec == precCompare {
			left++ // a = b = c is no expression
		}
		n.args[0].print(b, left)
		b.WriteString(" " + n.text + " ")
		n.args[1].print(b, prec+1)
	case n.text == "not":
		b.WriteString("not ")
		n.args[0].print(b, precNot)
	case n.text == "negate":
		b.WriteByte('-')
		n.args[0].print(b, precAtom)
	case n.text == "is null":
		n.args[0].print(b, precIs)
		b.WriteString(" is " + not + "null")
	case n.text == "in":
		n.args[0].print(b, precIn+1)
		b.WriteString(" " + not + "in (")
		printList(b, n.args[1:])
	case n.text == "between":
		n.args[0].print(b, precIn+1)
		b.WriteString(" " + not + "between ")
		n.args[1].print(b, precIn+1)
		b.WriteString(" and ")
		n.args[2].print(b, precIn+1)
	case n.text == "like" || n.text == "ilike":
		n.args[0].print(b, precIn+1)
		b.WriteString(" " + not + n.text + " ")
		n.args[1].print(b, precIn+1)
		if len(n.args) == 3 {
			b.WriteString(" escape ")
			n.args[2].print(b, precIn+1)
		}
	case n.text == "case" || n.text == "switch":
		n.printCase(b)
	default:
		b.WriteString(n.text + "(")
		printList(b, n.args)
	}
}

// printList writes the arguments and the closing bracket.
func printList(b *strings.Builder, args []*node) {
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		a.print(b, precNone)
	}
	b.WriteByte(')')
}

func (n *node) printCase(b *strings.Builder) {
	args := n.args
	b.WriteString("case")
	if n.text == "switch" {
		b.WriteByte(' ')
		args[0].print(b, precNone)
		args = args[1:]
	}
	for ; len(args) > 1; args = args[2:] {
		b.WriteString(" when ")
		args[0].print(b, precNone)
		b.WriteString(" then ")
		args[1].print(b, precNone)
	}
	if last := args[0]; last.kind != literalNode || last.literal != nullLiteral {
		b.WriteString(" else ")
		last.print(b, precNone)
	}
	b.WriteString(" end")
}

// quoteName returns name as SQL writes it: bare if it is a word and no keyword, else in double quotes.
func quoteName(name string) string {
	if name != "" && nameLength(name) == len(name) && !reserved[strings.ToLower(name)] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
