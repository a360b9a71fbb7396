package rows

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

// ParseType reads the name of a type: SQL's and DuckDB's names in any case, T[] or list<T>, struct(a bigint, b varchar) or
// struct<a: bigint, b: varchar>, map(varchar, bigint). uuid is varchar here. The error is fault.Invalid and hints at the nearest name.
func ParseType(text string) (arrow.DataType, error) {
	p := typeParser{text: text}
	dt, err := p.parse(0)
	if err == nil && p.peek() != "" {
		err = p.unexpected("the end")
	}
	if err != nil {
		return nil, err
	}
	return dt, nil
}

// typeParser reads the text of a type token by token: words, quoted names, and single other characters.
type typeParser struct {
	text string
	at   int
}

// next returns the token at the cursor and where it ends; "" at the end of the text.
func (p *typeParser) next() (token string, end int) {
	at := p.at
	for at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[at]) >= 0 {
		at++
	}
	p.at, end = at, at
	if at == len(p.text) {
		return "", at
	}
	if p.text[at] == '"' {
		for end++; end < len(p.text); end++ {
			if p.text[end] != '"' {
				continue
			}
			if end+1 < len(p.text) && p.text[end+1] == '"' {
				end++
				continue
			}
			return p.text[at : end+1], end + 1
		}
		return p.text[at:], end
	}
	for end < len(p.text) && isWord(p.text[end]) {
		end++
	}
	if end == at {
		end++
	}
	return p.text[at:end], end
}

func (p *typeParser) peek() string {
	token, _ := p.next()
	return token
}

func (p *typeParser) take() string {
	token, end := p.next()
	p.at = end
	return token
}

// accept takes the next tokens if they are these words or signs.
func (p *typeParser) accept(tokens ...string) bool {
	start := p.at
	for _, want := range tokens {
		if !strings.EqualFold(p.take(), want) {
			p.at = start
			return false
		}
	}
	return true
}

func (p *typeParser) unexpected(want string) error {
	got := p.peek()
	if got == "" {
		return fault.Errorf(fault.Invalid, "type %q ends where %s should be", p.text, want)
	}
	return fault.Errorf(fault.Invalid, "type %q: %q at %d where %s should be", p.text, got, p.at+1, want)
}

func (p *typeParser) expect(token string) error {
	if !p.accept(token) {
		return p.unexpected(`"` + token + `"`)
	}
	return nil
}

func (p *typeParser) parse(depth int) (arrow.DataType, error) {
	if depth > maxTypeDepth {
		return nil, fault.Errorf(fault.Invalid, "a type nests deeper than %d", maxTypeDepth)
	}
	dt, err := p.parseOne(depth)
	for ; err == nil && p.accept("["); depth++ {
		if depth > maxTypeDepth {
			return nil, fault.Errorf(fault.Invalid, "a type nests deeper than %d", maxTypeDepth)
		}
		err = p.expect("]")
		dt = arrow.ListOf(dt)
	}
	if err != nil {
		return nil, err
	}
	return dt, nil
}

func (p *typeParser) parseOne(depth int) (arrow.DataType, error) {
	word := p.peek()
	if word == "" || !isWord(word[0]) {
		return nil, p.unexpected("a type")
	}
	name := strings.ToLower(p.take())
	switch name {
	case "decimal", "numeric", "dec":
		return p.parseDecimal()
	case "list", "array":
		open, err := p.open()
		if err != nil {
			return nil, err
		}
		elem, err := p.parse(depth + 1)
		if err != nil {
			return nil, err
		}
		return arrow.ListOf(elem), p.expect(closing[open])
	case "struct", "row":
		return p.parseStruct(depth)
	case "map":
		return p.parseMap(depth)
	case "timestamp", "time":
		if p.accept("with", "time", "zone") {
			name += "tz"
		} else {
			p.accept("without", "time", "zone")
		}
	case "double":
		p.accept("precision")
	}
	dt, ok := simpleTypes[name]
	if !ok {
		return nil, unknownType(word)
	}
	if dt == arrow.BinaryTypes.String && p.accept("(") {
		if _, ok := parseSize(p.take()); !ok { // the length of a varchar binds nobody, as in DuckDB
			return nil, fault.Errorf(fault.Invalid, "type %q: the length of a %s is no number", p.text, name)
		}
		return dt, p.expect(")")
	}
	return dt, nil
}

func unknownType(word string) error {
	err := fault.Errorf(fault.Invalid, "%q is no type", word)
	names := typeNames()
	slices.Sort(names)
	if near := fault.Nearest(word, names); near != "" {
		return fault.Hint(err, "did you mean %s?", near)
	}
	return fault.Hint(err, "types are boolean, tinyint, smallint, integer, bigint, float, double, decimal(p,s), varchar, blob, date, time, "+
		"timestamp, timestamptz, T[], struct(name T, …), map(K, V)")
}

var closing = map[string]string{"(": ")", "<": ">"}

func (p *typeParser) open() (string, error) {
	for _, sign := range []string{"(", "<"} {
		if p.accept(sign) {
			return sign, nil
		}
	}
	return "", p.unexpected(`"("`)
}

// parseDecimal reads what follows the word: nothing is (18,3), as in DuckDB; one number has no digits after the point.
func (p *typeParser) parseDecimal() (arrow.DataType, error) {
	if !p.accept("(") {
		return &arrow.Decimal128Type{Precision: 18, Scale: 3}, nil
	}
	precision, ok := parseSize(p.take())
	scale := int32(0)
	if ok && p.accept(",") {
		scale, ok = parseSize(p.take())
	}
	if !ok {
		return nil, fault.Errorf(fault.Invalid, "type %q: a decimal has two numbers: decimal(10,2)", p.text)
	}
	if precision < 1 || precision > maxPrecision || scale > precision {
		err := fault.Errorf(fault.Invalid, "type %q: no decimal has %d digits, %d of them after the point", p.text, precision, scale)
		return nil, fault.Hint(err, "a decimal has 1 to %d digits", maxPrecision)
	}
	return &arrow.Decimal128Type{Precision: precision, Scale: scale}, p.expect(")")
}

func (p *typeParser) parseStruct(depth int) (arrow.DataType, error) {
	open, err := p.open()
	if err != nil {
		return nil, err
	}
	var fields []arrow.Field
	seen := map[string]bool{}
	for !p.accept(closing[open]) {
		if len(fields) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		name, err := p.parseName()
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fault.Errorf(fault.Invalid, "type %q: two fields are named %q", p.text, name)
		}
		seen[name] = true
		p.accept(":")
		dt, err := p.parse(depth + 1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, arrow.Field{Name: name, Type: dt, Nullable: true})
	}
	return arrow.StructOf(fields...), nil
}

func (p *typeParser) parseName() (string, error) {
	token := p.peek()
	switch {
	case token == "":
		return "", p.unexpected("the name of a field")
	case token[0] == '"':
		if len(token) < 2 || token[len(token)-1] != '"' {
			return "", fault.Errorf(fault.Invalid, "type %q: a quote is not closed", p.text)
		}
		p.take()
		return strings.ReplaceAll(token[1:len(token)-1], `""`, `"`), nil
	case isWord(token[0]):
		return p.take(), nil
	}
	return "", p.unexpected("the name of a field")
}

func (p *typeParser) parseMap(depth int) (arrow.DataType, error) {
	open, err := p.open()
	if err != nil {
		return nil, err
	}
	key, err := p.parse(depth + 1)
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	value, err := p.parse(depth + 1)
	if err != nil {
		return nil, err
	}
	return arrow.MapOf(key, value), p.expect(closing[open])
}
