package expr

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

func (p *parser) parsePrefix() (*node, error) {
	t := p.peek()
	switch {
	case t.isSign("-"), t.isSign("+"):
		p.next()
		n, err := p.parse(precNegate)
		if err != nil || t.text == "+" {
			return n, err
		}
		if n.isNumber() && n.text[0] != '-' {
			return &node{kind: literalNode, pos: t.pos, literal: n.literal, text: "-" + n.text}, nil
		}
		return p.call(t.pos, "negate", n)
	case t.isWord("not"):
		p.next()
		n, err := p.parse(precNot - 1)
		if err != nil {
			return nil, err
		}
		return p.call(t.pos, "not", n)
	case t.isSign("("):
		p.next()
		n, err := p.parse(precNone)
		if err != nil {
			return nil, err
		}
		return n, p.expectSign(")")
	case t.kind == stringToken:
		p.next()
		return &node{kind: literalNode, pos: t.pos, literal: stringLiteral, text: t.text}, nil
	case t.kind == numberToken:
		p.next()
		return number(t), nil
	case t.kind == quotedToken:
		return p.parseColumn()
	case t.kind == wordToken:
		return p.parseWord()
	}
	return nil, p.unexpected("a value")
}

// number is the literal of t in canonical form: no leading zeros but the one before the point, nor an idle point.
func number(t token) *node {
	whole, rest := t.text, ""
	if i := strings.IndexAny(t.text, ".e"); i >= 0 {
		whole, rest = t.text[:i], t.text[i:]
	}
	n := &node{kind: literalNode, pos: t.pos, literal: integerLiteral}
	switch {
	case strings.Contains(rest, "e"):
		n.literal = floatLiteral
		rest = strings.Replace(rest, ".e", "e", 1)
	case len(rest) > 0:
		n.literal = decimalLiteral
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	n.text = whole + rest
	return n
}

// typedLiterals are the words that make a literal of the string after them.
var typedLiterals = map[string]literalKind{"date": dateLiteral, "timestamp": timestampLiteral, "timestamptz": timestamptzLiteral}

func (p *parser) parseWord() (*node, error) {
	t := p.peek()
	after := p.tokens[p.at+1] // there is one: t is not the end
	literal, typed := typedLiterals[t.text]
	switch {
	case t.text == "true" || t.text == "false":
		p.next()
		return &node{kind: literalNode, pos: t.pos, literal: boolLiteral, text: t.text}, nil
	case t.text == "null":
		p.next()
		return &node{kind: literalNode, pos: t.pos, literal: nullLiteral, text: t.text}, nil
	case t.text == "case":
		return p.parseCase()
	case t.text == "cast" || t.text == "try_cast":
		return p.parseCast()
	case reserved[t.text]:
		return nil, p.unexpected("a value")
	case typed && after.kind == stringToken:
		p.at += 2
		n := &node{kind: literalNode, pos: t.pos, literal: literal, text: after.text}
		if _, _, err := n.constant(); err != nil {
			return nil, newError(p.text, after.pos, "%v", err)
		}
		return n, nil
	case after.isSign("("):
		return p.parseFunction()
	}
	return p.parseColumn()
}

func (p *parser) parseColumn() (*node, error) {
	n := &node{kind: columnNode, pos: p.peek().pos}
	for {
		t := p.peek()
		switch {
		case t.kind == quotedToken:
			n.path = append(n.path, t.text)
		case t.kind == wordToken && (len(n.path) > 0 || !reserved[t.text]):
			n.path = append(n.path, p.text[t.pos:t.end])
		default:
			return nil, p.unexpected("the name of a field")
		}
		if p.next(); !p.acceptSign(".") {
			return n, nil
		}
	}
}

func (p *parser) parseFunction() (*node, error) {
	t := p.next()
	p.next()
	args, err := p.parseList(nil)
	if err != nil {
		return nil, err
	}
	f, ok := lookup(t.text)
	if !ok {
		err := newError(p.text, t.pos, "there is no function %s", t.text)
		if near := fault.Nearest(t.text, functionNames()); near != "" {
			return nil, fault.Hint(err, "did you mean %s?", near)
		}
		return nil, fault.Hint(err, "functions are %s", strings.Join(functionNames(), ", "))
	}
	if len(args) < f.min || f.max >= 0 && len(args) > f.max {
		return nil, fault.Hint(newError(p.text, t.pos, "%s does not take %s", f.name, count(len(args), "argument")), "%s", f.usage)
	}
	n, err := p.call(t.pos, f.name, args...)
	if err == nil {
		n.usage = f.usage
	}
	return n, err
}

func (p *parser) parseCase() (*node, error) {
	t := p.next()
	name := "case"
	var args []*node
	branch := func() error {
		n, err := p.parse(precNone)
		args = append(args, n)
		return err
	}
	if !p.peek().isWord("when") {
		name = "switch"
		if err := branch(); err != nil {
			return nil, err
		}
	}
	if !p.peek().isWord("when") {
		return nil, p.unexpected("“when”")
	}
	for p.acceptWords("when") {
		if err := branch(); err != nil {
			return nil, err
		}
		if err := p.expectWord("then"); err != nil {
			return nil, err
		}
		if err := branch(); err != nil {
			return nil, err
		}
	}
	if p.acceptWords("else") {
		if err := branch(); err != nil {
			return nil, err
		}
	} else {
		args = append(args, &node{kind: literalNode, pos: t.pos, literal: nullLiteral, text: "null"})
	}
	if err := p.expectWord("end"); err != nil {
		return nil, err
	}
	return p.call(t.pos, name, args...)
}

func (p *parser) parseCast() (*node, error) {
	t := p.next()
	if err := p.expectSign("("); err != nil {
		return nil, err
	}
	n, err := p.parse(precNone)
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("as"); err != nil {
		return nil, err
	}
	typ, err := p.parseType()
	if err != nil {
		return nil, err
	}
	if err := p.expectSign(")"); err != nil {
		return nil, err
	}
	return p.grown(&node{kind: castNode, pos: t.pos, text: t.text, args: []*node{n}, typ: typ})
}

// parseType hands the tokens of a type to rows.ParseType: a word, more words where SQL has them, brackets and [].
func (p *parser) parseType() (arrow.DataType, error) {
	start := p.peek()
	if start.kind != wordToken {
		return nil, p.unexpected("a type")
	}
	p.next()
	_ = p.acceptWords("precision") || p.acceptWords("with", "time", "zone") || p.acceptWords("without", "time", "zone")
	if p.peek().isSign("(") {
		for level := 0; ; {
			t := p.next()
			if t.kind == endToken {
				return nil, p.unexpected("“)”")
			}
			if t.isSign("(") {
				level++
			} else if t.isSign(")") {
				if level--; level == 0 {
					break
				}
			}
		}
	}
	for p.acceptSign("[") {
		if err := p.expectSign("]"); err != nil {
			return nil, err
		}
	}
	typ, err := rows.ParseType(p.text[start.pos:p.tokens[p.at-1].end])
	if err != nil {
		return nil, rehint(newError(p.text, start.pos, "%v", err), err)
	}
	return typ, nil
}
