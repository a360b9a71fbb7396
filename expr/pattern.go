package expr

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gros-lake/gros/fault"
)

// bindLike binds like and ilike: % stands for any text, _ for one character, and the escape character, none unless given,
// takes that from the next.
func bindLike(b *binder, n *node, args []*op) (*op, error) {
	args, err := b.textArgs(n, args)
	if err != nil {
		return nil, err
	}
	escape := rune(-1)
	if len(args) == 3 {
		text, err := b.constantText(n, args[2])
		if err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(text) > 1 {
			return nil, b.errorf(args[2].node, "escape takes one character, not '%s'", text)
		}
		if text != "" {
			escape, _ = utf8.DecodeRuneInString(text)
		}
		args = args[:2]
	}
	if n.text == "ilike" {
		fold := bindTextMap(appendLower)
		for i, a := range args {
			if args[i], err = fold(b, n, []*op{a}); err != nil {
				return nil, err
			}
		}
	}
	if p := args[1].value; p != nil && !p.allNull() {
		match, err := compileLike(p.texts[0], escape)
		if err != nil {
			return nil, b.errorf(args[1].node, "%v", err)
		}
		return b.apply(n, boolType, each(texts, setBools, match), args[0])
	}
	return b.apply(n, boolType, func(rows int, v []*vector) *vector {
		out := strict(rows, v...)
		out.bools = make([]bool, rows)
		for i := range out.bools {
			if out.isNull(i) {
				continue
			}
			match, err := compileLike(v[1].texts[i&v[1].mask()], escape)
			if err != nil {
				out.fail(i, rows, n.pos, err.Error())
				continue
			}
			out.bools[i] = match(v[0].texts[i&v[0].mask()])
		}
		return out
	}, args...)
}

// What a pattern is made of, beside characters.
const (
	anyText rune = -1 - iota
	anyChar
)

func compileLike(pattern string, escape rune) (func(string) bool, error) {
	var parts []rune
	plain, escaped, wild := strings.Builder{}, false, 0
	for _, r := range pattern {
		switch {
		case escaped:
			escaped = false
		case r == escape:
			escaped = true
			continue
		case r == '%':
			if len(parts) == 0 || parts[len(parts)-1] != anyText {
				parts = append(parts, anyText)
			}
			continue
		case r == '_':
			parts = append(parts, anyChar)
			wild++
			continue
		}
		parts = append(parts, r)
		plain.WriteRune(r)
	}
	if escaped {
		return nil, fault.Errorf(fault.Invalid, "the pattern '%s' ends with its escape character", pattern)
	}
	n, text, percents := len(parts), plain.String(), 0
	for _, r := range parts {
		if r == anyText {
			percents++
		}
	}
	switch {
	case wild == 0 && percents == 0:
		return func(s string) bool { return s == text }, nil
	case wild == 0 && percents == 1 && parts[n-1] == anyText:
		return func(s string) bool { return strings.HasPrefix(s, text) }, nil
	case wild == 0 && percents == 1 && parts[0] == anyText:
		return func(s string) bool { return strings.HasSuffix(s, text) }, nil
	case wild == 0 && percents == 2 && parts[0] == anyText && parts[n-1] == anyText:
		return func(s string) bool { return strings.Contains(s, text) }, nil
	}
	return func(s string) bool { return matchLike(s, parts) }, nil
}

// matchLike goes back, when it fails, only to the last % it passed: what stands before that one is settled.
func matchLike(s string, pattern []rune) bool {
	at, p := 0, 0
	backAt, backP := 0, -1
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case p < len(pattern) && pattern[p] == anyText:
			backAt, backP = at, p
			p++
		case p < len(pattern) && (pattern[p] == anyChar || pattern[p] == r):
			at, p = at+size, p+1
		case backP >= 0:
			_, size = utf8.DecodeRuneInString(s[backAt:])
			backAt += size
			at, p = backAt, backP+1
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyText {
		p++
	}
	return p == len(pattern)
}

// compile reads a regular expression, in the syntax of RE2, and its options: c (case matters), i (it does not), l (the
// pattern is a plain text), s (. matches the end of a line, too).
func (b *binder) compile(n *node, pattern *op, options []*op) (*regexp.Regexp, error) {
	text, err := b.constantText(n, pattern)
	if err != nil {
		return nil, err
	}
	flags := ""
	for _, o := range options {
		letters, err := b.constantText(n, o)
		if err != nil {
			return nil, err
		}
		for _, c := range letters {
			switch c {
			case 'c':
				flags = strings.ReplaceAll(flags, "i", "")
			case 'i', 's':
				flags += string(c)
			case 'l':
				text = regexp.QuoteMeta(text)
			default:
				return nil, fault.Hint(b.errorf(o.node, "%q is no option of a regular expression", c), "options are c, i, l, s")
			}
		}
	}
	if flags != "" {
		text = "(?" + flags + ")" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, b.errorf(pattern.node, "%v", err)
	}
	return re, nil
}

// bindRegexpMatches binds regexp_matches(s, pattern, options): whether the pattern matches anywhere in s.
func bindRegexpMatches(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.textArg(n, args[0])
	if err != nil {
		return nil, err
	}
	re, err := b.compile(n, args[1], args[2:])
	if err != nil {
		return nil, err
	}
	return b.apply(n, boolType, each(texts, setBools, re.MatchString), a)
}

// bindRegexpExtract binds regexp_extract(s, pattern, group, options): the first match, or a group of it; ” if there is none.
func bindRegexpExtract(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.textArg(n, args[0])
	if err != nil {
		return nil, err
	}
	group, options := int64(0), args[min(3, len(args)):]
	if len(args) > 2 {
		if group, err = b.constantInt(n, args[2]); err != nil {
			return nil, err
		}
	}
	re, err := b.compile(n, args[1], options)
	if err != nil {
		return nil, err
	}
	if group < 0 || group > int64(re.NumSubexp()) {
		err := b.errorf(args[2].node, "the pattern has no group %d", group)
		return nil, fault.Hint(err, "it has %s", count(re.NumSubexp(), "group"))
	}
	return b.apply(n, textType, textsOf(func(v []*vector, i int) string {
		s := v[0].texts[i]
		if group == 0 {
			if m := re.FindStringIndex(s); m != nil {
				return s[m[0]:m[1]]
			}
			return ""
		}
		if m := re.FindStringSubmatchIndex(s); m != nil && m[2*group] >= 0 {
			return s[m[2*group]:m[2*group+1]]
		}
		return ""
	}), a)
}
