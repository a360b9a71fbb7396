package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	quotedToken // "a name"
	stringToken
	numberToken
	signToken // operators, brackets, commas
)

// token is a piece of the text between the byte offsets pos and end; text is its value: quotes removed, words in lower case.
type token struct {
	kind     tokenKind
	text     string
	pos, end int
}

func (t token) isSign(sign string) bool { return t.kind == signToken && t.text == sign }
func (t token) isWord(word string) bool { return t.kind == wordToken && t.text == word }

// signs are tried in this order: longer ones first.
var signs = []string{"<>", "!=", "<=", ">=", "==", "||", "::", "//", "+", "-", "*", "/", "%", "=", "<", ">", "(", ")", "[", "]", ",", "."}

// scan cuts the text into tokens; the last one is an endToken.
func (p *parser) scan() error {
	at := 0
	for {
		at = p.skipSpace(at)
		if at == len(p.text) {
			p.tokens = append(p.tokens, token{endToken, "", at, at})
			return nil
		}
		t, err := p.scanOne(at)
		if err != nil {
			return err
		}
		p.tokens = append(p.tokens, t)
		at = t.end
	}
}

func (p *parser) skipSpace(at int) int {
	for at < len(p.text) {
		switch {
		case strings.IndexByte(" \t\r\n\f\v", p.text[at]) >= 0:
			at++
		case strings.HasPrefix(p.text[at:], "--"):
			line := strings.IndexByte(p.text[at:], '\n')
			if line < 0 {
				return len(p.text)
			}
			at += line + 1
		default:
			return at
		}
	}
	return at
}

func (p *parser) scanOne(at int) (token, error) {
	c := p.text[at]
	switch {
	case c == '\'' || c == '"':
		return p.scanQuoted(at)
	case '0' <= c && c <= '9' || c == '.' && at+1 < len(p.text) && isDigit(p.text[at+1]):
		return p.scanNumber(at)
	}
	if r, _ := utf8.DecodeRuneInString(p.text[at:]); isNameStart(r) {
		end := at + nameLength(p.text[at:])
		return token{wordToken, strings.ToLower(p.text[at:end]), at, end}, nil
	}
	for _, sign := range signs {
		if strings.HasPrefix(p.text[at:], sign) {
			return token{signToken, sign, at, at + len(sign)}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(p.text[at:])
	return token{}, newError(p.text, at, "%q means nothing here", r)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

// nameLength is the number of bytes of the name that text begins with, 0 if none.
func nameLength(text string) int {
	for i, r := range text {
		if !isNameStart(r) && (i == 0 || r != '$' && !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(text)
}

// scanQuoted reads 'a string' or "a name"; a doubled quote stands for one.
func (p *parser) scanQuoted(at int) (token, error) {
	quote := p.text[at : at+1]
	for end := at + 1; ; end++ {
		next := strings.IndexByte(p.text[end:], quote[0])
		if next < 0 {
			return token{}, newError(p.text, at, "this quote is not closed")
		}
		end += next
		if strings.HasPrefix(p.text[end+1:], quote) {
			end++
			continue
		}
		kind, text := stringToken, strings.ReplaceAll(p.text[at+1:end], quote+quote, quote)
		if quote == `"` {
			kind = quotedToken
			if text == "" {
				return token{}, newError(p.text, at, "a name cannot be empty")
			}
		}
		return token{kind, text, at, end + 1}, nil
	}
}

// scanNumber reads digits, with underscores between them, a fraction and an exponent.
func (p *parser) scanNumber(at int) (token, error) {
	end := p.skipDigits(at)
	if end < len(p.text) && p.text[end] == '.' {
		end = p.skipDigits(end + 1)
	}
	if end < len(p.text) && (p.text[end] == 'e' || p.text[end] == 'E') {
		digits := end + 1
		if digits < len(p.text) && (p.text[digits] == '+' || p.text[digits] == '-') {
			digits++
		}
		if end = p.skipDigits(digits); end == digits {
			return token{}, newError(p.text, at, "the exponent of this number has no digits")
		}
	}
	if end < len(p.text) && nameLength(p.text[end:]) > 0 || p.text[end-1] == '_' {
		return token{}, newError(p.text, at, "%q is no number", p.text[at:end+nameLength(p.text[end:])])
	}
	return token{numberToken, strings.ToLower(strings.ReplaceAll(p.text[at:end], "_", "")), at, end}, nil
}

func (p *parser) skipDigits(at int) int {
	for at < len(p.text) && (isDigit(p.text[at]) || p.text[at] == '_' && at > 0 && isDigit(p.text[at-1])) {
		at++
	}
	return at
}
