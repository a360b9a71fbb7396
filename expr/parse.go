package expr

import (
	"github.com/gros-lake/gros/fault"
)

// reserved words cannot name a column unless quoted.
var reserved = map[string]bool{
	"and": true, "as": true, "between": true, "case": true, "cast": true, "else": true, "end": true, "escape": true, "false": true,
	"ilike": true, "in": true, "is": true, "like": true, "not": true, "null": true, "or": true, "then": true, "true": true,
	"try_cast": true, "when": true,
}

type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

// acceptWords takes the next tokens if they are these words.
func (p *parser) acceptWords(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) || !p.tokens[p.at+i].isWord(w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) acceptSign(sign string) bool {
	if p.peek().isSign(sign) {
		p.at++
		return true
	}
	return false
}

// unexpected is the error that the next token is not what should stand here.
func (p *parser) unexpected(want string) error {
	t := p.peek()
	if t.kind == endToken {
		return newError(p.text, t.pos, "the expression ends where %s should be", want)
	}
	err := newError(p.text, t.pos, "%s where %s should be", p.text[t.pos:t.end], want)
	if t.kind == wordToken && reserved[t.text] {
		return fault.Hint(err, `%s is a keyword; a column of this name is written "%s"`, t.text, t.text)
	}
	return err
}

func (p *parser) expectSign(sign string) error {
	if !p.acceptSign(sign) {
		return p.unexpected("“" + sign + "”")
	}
	return nil
}

func (p *parser) expectWord(word string) error {
	if !p.acceptWords(word) {
		return p.unexpected("“" + word + "”")
	}
	return nil
}

func (p *parser) parseAll() (*node, error) {
	n, err := p.parse(precNone)
	if err == nil && p.peek().kind != endToken {
		err = p.unexpected("an operator or the end")
		if p.peek().kind == stringToken {
			err = fault.Hint(err, "text stands in 'single quotes', a name in \"double quotes\"")
		}
	}
	return n, err
}

// grown returns n once its depth is known and found bearable.
func (p *parser) grown(n *node) (*node, error) {
	for _, a := range n.args {
		n.depth = max(n.depth, a.depth+1)
	}
	if n.depth > maxDepth {
		return nil, p.tooDeep(n.pos)
	}
	return n, nil
}

func (p *parser) tooDeep(pos int) error {
	return fault.Hint(newError(p.text, pos, "nested more than %d deep", maxDepth), "a long chain of “or” is shorter as x in (…)")
}

func (p *parser) call(pos int, name string, args ...*node) (*node, error) {
	return p.grown(&node{kind: callNode, pos: pos, text: name, args: args})
}

// parse reads an expression whose operators bind more tightly than prec, or are prefixes.
func (p *parser) parse(prec int) (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.tooDeep(p.peek().pos)
	}
	defer func() { p.depth-- }()
	left, err := p.parsePrefix()
	for err == nil {
		t := p.peek()
		this, operator := p.operator()
		if operator == "" || this <= prec {
			return left, nil
		}
		left, err = p.parseInfix(left, t, this, operator)
	}
	return nil, err
}

// operator returns the precedence and name of the operator that comes next, "" if there is none.
func (p *parser) operator() (int, string) {
	t := p.peek()
	switch t.kind {
	case signToken:
		name := t.text
		switch name {
		case "!=":
			name = "<>"
		case "==":
			name = "="
		case "::":
			return precAtom, name
		}
		if prec, ok := infix[name]; ok {
			return prec, name
		}
	case wordToken:
		switch t.text {
		case "and", "or":
			return infix[t.text], t.text
		case "is":
			return precIs, t.text
		case "in", "between", "like", "ilike":
			return precIn, t.text
		case "not":
			return precIn, t.text // a not in (…); anything else is an error found there
		}
	}
	return precNone, ""
}

func (p *parser) parseInfix(left *node, t token, prec int, operator string) (*node, error) {
	p.next()
	switch operator {
	case "::":
		typ, err := p.parseType()
		if err != nil {
			return nil, err
		}
		return p.grown(&node{kind: castNode, pos: left.pos, text: "cast", args: []*node{left}, typ: typ})
	case "is":
		not := p.acceptWords("not")
		if err := p.expectWord("null"); err != nil {
			return nil, err
		}
		n, err := p.call(t.pos, "is null", left)
		return p.negated(n, not, err)
	case "not":
		word := p.next()
		switch word.text {
		case "in", "between", "like", "ilike":
			n, err := p.parseMember(left, word)
			return p.negated(n, true, err)
		}
		p.at--
		return nil, p.unexpected("“in”, “between” or “like”")
	case "in", "between", "like", "ilike":
		return p.parseMember(left, t)
	}
	right, err := p.parse(prec)
	if err != nil {
		return nil, err
	}
	if next, _ := p.operator(); prec == precCompare && next == precCompare {
		return nil, fault.Hint(newError(p.text, p.peek().pos, "comparisons do not chain"), "write a < b and b < c, or use brackets")
	}
	return p.call(t.pos, operator, left, right)
}

func (p *parser) negated(n *node, not bool, err error) (*node, error) {
	if err != nil || !not {
		return n, err
	}
	return p.call(n.pos, "not", n)
}

// parseMember reads what follows in, between, like or ilike.
func (p *parser) parseMember(left *node, word token) (*node, error) {
	args := []*node{left}
	operand := func() error {
		n, err := p.parse(precIn)
		args = append(args, n)
		return err
	}
	var err error
	switch word.text {
	case "in":
		if err = p.expectSign("("); err == nil {
			args, err = p.parseList(args)
		}
		if err == nil && len(args) == 1 {
			err = newError(p.text, word.pos, "the list of “in” is empty")
		}
	case "between":
		if err = operand(); err == nil {
			err = p.expectWord("and")
		}
		if err == nil {
			err = operand()
		}
	default:
		if err = operand(); err == nil && p.acceptWords("escape") {
			err = operand()
		}
	}
	if err != nil {
		return nil, err
	}
	return p.call(word.pos, word.text, args...)
}

// parseList appends expressions up to and with the closing bracket.
func (p *parser) parseList(args []*node) ([]*node, error) {
	if p.acceptSign(")") {
		return args, nil
	}
	for {
		n, err := p.parse(precNone)
		if err != nil {
			return nil, err
		}
		args = append(args, n)
		if p.acceptSign(")") {
			return args, nil
		}
		if !p.acceptSign(",") {
			return nil, p.unexpected("“,” or “)”")
		}
	}
}
