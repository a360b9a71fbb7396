package expr

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// bindTextMap binds functions that make a text of a text.
func bindTextMap(appendTo func(dst []byte, s string) []byte) func(*binder, *node, []*op) (*op, error) {
	return func(b *binder, n *node, args []*op) (*op, error) {
		a, err := b.textArg(n, args[0])
		if err != nil {
			return nil, err
		}
		return b.apply(n, textType, textMap(appendTo), a)
	}
}

// textMap writes the results of all rows into one piece of memory.
func textMap(appendTo func(dst []byte, s string) []byte) evaluator {
	return func(n int, args []*vector) *vector {
		out := strict(n, args[0])
		size := 0
		for _, s := range args[0].texts[:n] {
			size += len(s)
		}
		buf, ends := make([]byte, 0, size+size/8), make([]int, n)
		for i, s := range args[0].texts[:n] {
			if out.nulls == nil || !out.nulls[i] {
				buf = appendTo(buf, s)
			}
			ends[i] = len(buf)
		}
		out.texts = cut(buf, ends)
		return out
	}
}

func appendLower(dst []byte, s string) []byte {
	return appendMapped(dst, s, &asciiLower, unicode.ToLower)
}
func appendUpper(dst []byte, s string) []byte { return appendMapped(dst, s, &asciiUpper, toUpper) }

var asciiLower, asciiUpper = asciiTable(unicode.ToLower), asciiTable(unicode.ToUpper)

func asciiTable(f func(rune) rune) (table [utf8.RuneSelf]byte) {
	for c := range table {
		table[c] = byte(f(rune(c)))
	}
	return table
}

// toUpper is that of Unicode, and as DuckDB has it for the sharp s, whose capital Unicode maps to it one way only.
func toUpper(r rune) rune {
	if r == 'ß' {
		return 'ẞ'
	}
	return unicode.ToUpper(r)
}

// appendMapped maps character by character: the number of characters stays.
func appendMapped(dst []byte, s string, ascii *[utf8.RuneSelf]byte, f func(rune) rune) []byte {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			for _, r := range s[i:] {
				dst = utf8.AppendRune(dst, f(r))
			}
			return dst
		}
		dst = append(dst, ascii[s[i]])
	}
	return dst
}

// bindHash binds md5 and sha256, of texts and blobs, as hexadecimal digits.
func bindHash(sum func(dst []byte, s string) []byte) func(*binder, *node, []*op) (*op, error) {
	return func(b *binder, n *node, args []*op) (*op, error) {
		a := args[0]
		if a.typ.ID() != arrow.BINARY {
			var err error
			if a, err = b.textArg(n, a); err != nil {
				return nil, err
			}
		}
		return b.apply(n, textType, textMap(sum), a)
	}
}

func appendMD5(dst []byte, s string) []byte {
	h := md5.Sum([]byte(s))
	return hex.AppendEncode(dst, h[:])
}

func appendSHA256(dst []byte, s string) []byte {
	h := sha256.Sum256([]byte(s))
	return hex.AppendEncode(dst, h[:])
}

// bindLength binds length, in characters.
func bindLength(b *binder, n *node, args []*op) (*op, error) {
	a, err := b.textArg(n, args[0])
	if err != nil {
		return nil, err
	}
	return b.apply(n, bigintType, each(texts, setInts, func(s string) int64 { return int64(utf8.RuneCountInString(s)) }), a)
}

// bindTrim binds trim, ltrim and rtrim: of spaces, or of the characters of a second argument.
func bindTrim(left, right bool) func(*binder, *node, []*op) (*op, error) {
	return func(b *binder, n *node, args []*op) (*op, error) {
		args, err := b.textArgs(n, args)
		if err != nil {
			return nil, err
		}
		return b.apply(n, textType, textsOf(func(v []*vector, i int) string {
			s, in := v[0].texts[i&v[0].mask()], isSpace
			if len(v) == 2 {
				set := v[1].texts[i&v[1].mask()]
				in = func(r rune) bool { return strings.ContainsRune(set, r) }
			}
			if left {
				s = strings.TrimLeftFunc(s, in)
			}
			if right {
				s = strings.TrimRightFunc(s, in)
			}
			return s
		}), args...)
	}
}

// isSpace reports whether r is a space as DuckDB trims it: a separator, not a tab or the end of a line.
func isSpace(r rune) bool { return unicode.Is(unicode.Zs, r) }

func (b *binder) textArgs(n *node, args []*op) ([]*op, error) {
	out := make([]*op, len(args))
	for i, a := range args {
		var err error
		if out[i], err = b.textArg(n, a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// textsOf makes an evaluator of a function that returns a piece of an argument.
func textsOf(f func(v []*vector, i int) string) evaluator {
	return func(n int, args []*vector) *vector {
		out := strict(n, args...)
		out.texts = make([]string, n)
		for i := range out.texts {
			if out.nulls == nil || !out.nulls[i] {
				out.texts[i] = f(args, i)
			}
		}
		return out
	}
}

// bindSubstr binds substr(s, from, length): from counts characters from 1, a negative one from the end.
func bindSubstr(b *binder, n *node, args []*op) (*op, error) {
	for i, a := range args {
		check := b.intArg
		if i == 0 {
			check = b.textArg
		}
		var err error
		if args[i], err = check(n, a); err != nil {
			return nil, err
		}
	}
	return b.apply(n, textType, textsOf(func(v []*vector, i int) string {
		length := int64(1) << 40
		if len(v) == 3 {
			length = v[2].ints[i&v[2].mask()]
		}
		return substr(v[0].texts[i&v[0].mask()], v[1].ints[i&v[1].mask()], length)
	}), args...)
}

// substr takes length characters from the one at from, before it if length is negative. Places outside of s count, too.
func substr(s string, from, length int64) string {
	const most = int64(1) << 40 // no text is longer; keeps sums from overflowing
	from, length = max(-most, min(most, from)), max(-most, min(most, length))
	switch {
	case from > 0:
		from--
	case from < 0:
		from += int64(utf8.RuneCountInString(s))
	default:
		from--
	}
	to := from + length
	if length < 0 {
		from, to = to, from
	}
	from, to = max(from, 0), max(to, 0)
	if from >= to {
		return ""
	}
	start := offsetOf(s, from)
	return s[start : start+offsetOf(s[start:], to-from)]
}

// offsetOf is the number of bytes of the first n characters of s, of all if it has no more.
func offsetOf(s string, n int64) int {
	if n >= int64(len(s)) {
		return len(s)
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// bindReplace binds replace(s, from, to); an empty from changes nothing.
func bindReplace(b *binder, n *node, args []*op) (*op, error) {
	args, err := b.textArgs(n, args)
	if err != nil {
		return nil, err
	}
	return b.apply(n, textType, textsOf(func(v []*vector, i int) string {
		from := v[1].texts[i&v[1].mask()]
		if from == "" {
			return v[0].texts[i&v[0].mask()]
		}
		return strings.ReplaceAll(v[0].texts[i&v[0].mask()], from, v[2].texts[i&v[2].mask()])
	}), args...)
}

// bindSplitPart binds split_part(s, separator, index): parts count from 1, from the end if negative.
func bindSplitPart(b *binder, n *node, args []*op) (*op, error) {
	first, err := b.textArgs(n, args[:2])
	if err != nil {
		return nil, err
	}
	index, err := b.intArg(n, args[2])
	if err != nil {
		return nil, err
	}
	return b.apply(n, textType, textsOf(func(v []*vector, i int) string {
		return splitPart(v[0].texts[i&v[0].mask()], v[1].texts[i&v[1].mask()], v[2].ints[i&v[2].mask()])
	}), first[0], first[1], index)
}

func splitPart(s, separator string, index int64) string {
	if separator == "" {
		if index < 0 {
			return substr(s, index, 1)
		}
		if index == 0 {
			return ""
		}
		return substr(s, index, 1)
	}
	if index < 0 {
		index += int64(strings.Count(s, separator)) + 2
	}
	if index < 1 {
		return ""
	}
	for ; index > 1; index-- {
		_, rest, found := strings.Cut(s, separator)
		if !found {
			return ""
		}
		s = rest
	}
	s, _, _ = strings.Cut(s, separator)
	return s
}

// bindTextTest binds functions that say something of two texts.
func bindTextTest(test func(s, part string) bool) func(*binder, *node, []*op) (*op, error) {
	return func(b *binder, n *node, args []*op) (*op, error) {
		args, err := b.textArgs(n, args)
		if err != nil {
			return nil, err
		}
		return b.apply(n, boolType, testsOf(func(v []*vector, i int) bool {
			return test(v[0].texts[i&v[0].mask()], v[1].texts[i&v[1].mask()])
		}), args...)
	}
}

func testsOf(f func(v []*vector, i int) bool) evaluator {
	return func(n int, args []*vector) *vector {
		out := strict(n, args...)
		out.bools = make([]bool, n)
		for i := range out.bools {
			if out.nulls == nil || !out.nulls[i] {
				out.bools[i] = f(args, i)
			}
		}
		return out
	}
}

// bindConcat binds ||. What is no text is written as one; two blobs make a blob.
func bindConcat(b *binder, n *node, args []*op) (*op, error) {
	typ := textType
	if args[0].typ.ID() == arrow.BINARY && args[1].typ.ID() == arrow.BINARY {
		typ = args[0].typ
	}
	for i, a := range args {
		var err error
		if args[i], err = b.coerce(a, typ); err != nil {
			return nil, err
		}
	}
	return b.apply(n, typ, func(rows int, v []*vector) *vector {
		out := strict(rows, v...)
		x, y, xm, ym := v[0].texts, v[1].texts, v[0].mask(), v[1].mask()
		size := 0
		for i := range rows {
			size += len(x[i&xm]) + len(y[i&ym])
		}
		buf, ends := make([]byte, 0, size), make([]int, rows)
		for i := range ends {
			if out.nulls == nil || !out.nulls[i] {
				buf = append(append(buf, x[i&xm]...), y[i&ym]...)
			}
			ends[i] = len(buf)
		}
		out.texts = cut(buf, ends)
		return out
	}, args...)
}
