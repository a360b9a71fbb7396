package json

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"github.com/gros-lake/gros/rows"
)

// slack is how many bytes may be read past the end of a document: words are loaded without a look at where they end.
// Whatever is scanned stands in memory that goes on for so long, and its document ends with a control character, which
// stops every loop below.
const slack = 96

// maxDepth is how deep objects and arrays may be nested, the document itself included.
const maxDepth = 64

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load8(p unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, i))[:])
}

func load4(p unsafe.Pointer, i int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(p, i))[:])
}

func load1(p unsafe.Pointer, i int) byte { return *(*byte)(unsafe.Add(p, i)) }

// stops sets the high bit of the first byte of w that is a quote, a backslash or a control character; what it says of the
// bytes after that one is not to be trusted.
func stops(w uint64) uint64 {
	quote := w ^ '"'*ones
	slash := w ^ '\\'*ones
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w) & highs
}

// nonDigits sets the high bit of every byte of w up to and including the first that is no digit.
func nonDigits(w uint64) uint64 {
	x := w ^ '0'*ones
	return (x + 0x76*ones | x) & highs
}

// digits is the number that the first n bytes of w spell, 1 ≤ n ≤ 8.
func digits(w uint64, n int) uint64 {
	x := (w ^ '0'*ones) << uint(64-8*n)
	x = x*10 + x>>8
	return (x&0x000000FF000000FF*0x000F424000000064 + x>>16&0x000000FF000000FF*0x0000271000000001) >> 32
}

// failure is why a document is refused.
type failure struct {
	kind string
	at   int // in the buffer
	what string
	col  *column
}

// text scans one document. It knows grammar, not columns.
type text struct {
	buf     []byte // the documents; slack may be read behind it
	p       unsafe.Pointer
	lines   bool // a newline ends the document
	depth   int
	err     failure
	scratch []byte // unescaped string, slack behind it
}

func (t *text) set(buf []byte) {
	t.buf, t.p = buf, unsafe.Pointer(unsafe.SliceData(buf))
}

// The results of scanning functions that are no place to go on from.
const (
	failed = -1 // the document is refused: t.err
	misfit = -2 // the value is no value of its column, and the column has no companion
)

func (t *text) fail(kind string, at int, what string) int {
	t.err = failure{kind: kind, at: at, what: what}
	return failed
}

func (t *text) want(at int, what string) int { return t.fail(rows.Malformed, at, "expected "+what) }

// space returns the place of the first byte from i that is no white space inside a document.
func (t *text) space(i int) int {
	for {
		switch load1(t.p, i) {
		case ' ', '\t', '\r':
		case '\n':
			if t.lines {
				return i
			}
		default:
			return i
		}
		i++
	}
}

// stringAt returns the text of the string whose first byte after the quote is at i, and the place behind its closing
// quote. The text is good until the next call.
func (t *text) stringAt(i int) ([]byte, int) {
	start := i
	var wide uint64
	for {
		w := load8(t.p, i)
		m := stops(w)
		if m == 0 {
			wide |= w
			i += 8
			continue
		}
		k := bits.TrailingZeros64(m) >> 3
		wide |= w & (1<<uint(8*k) - 1)
		i += k
		break
	}
	if load1(t.p, i) != '"' {
		return t.unescape(start, i)
	}
	v := t.buf[start:i]
	if wide&highs != 0 && !utf8.Valid(v) {
		return nil, t.badText(start, i)
	}
	return v, i + 1
}

// badText refuses text that is no UTF-8, naming the first byte at fault.
func (t *text) badText(start, end int) int {
	for i := start; i < end; {
		r, n := utf8.DecodeRune(t.buf[i:end])
		if r == utf8.RuneError && n <= 1 {
			return t.fail(rows.Encoding, i, "no UTF-8")
		}
		i += n
	}
	return t.fail(rows.Encoding, start, "no UTF-8")
}

// unescape is stringAt for what holds escapes, the first at i, or is broken there.
func (t *text) unescape(start, i int) ([]byte, int) {
	out := append(t.scratch[:0], t.buf[start:i]...)
	for {
		switch c := load1(t.p, i); {
		case c == '"':
			n := len(out)
			if !utf8.Valid(out) {
				return nil, t.badText(start, i)
			}
			out = append(out, make([]byte, slack)...)
			t.scratch = out
			return out[:n], i + 1
		case c == '\\':
			var r rune
			if r, i = t.escape(i + 1); i < 0 {
				return nil, i
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, t.brokenString(i)
		default:
			out = append(out, c)
			i++
		}
	}
}

func (t *text) brokenString(i int) int {
	if i >= len(t.buf) || t.lines && t.buf[i] == '\n' {
		return t.want(i, "the closing quote of a string")
	}
	return t.want(i, "an escape instead of a control character inside a string")
}

// escape returns the character that the escape at i, behind the backslash, stands for.
func (t *text) escape(i int) (rune, int) {
	switch c := load1(t.p, i); c {
	case '"', '\\', '/':
		return rune(c), i + 1
	case 'b':
		return '\b', i + 1
	case 'f':
		return '\f', i + 1
	case 'n':
		return '\n', i + 1
	case 'r':
		return '\r', i + 1
	case 't':
		return '\t', i + 1
	case 'u':
		hi := t.hex4(i + 1)
		if hi < 0 {
			return 0, t.want(i+1, "four hex digits")
		}
		if hi < 0xD800 || hi > 0xDFFF {
			return hi, i + 5
		}
		if hi <= 0xDBFF && load1(t.p, i+5) == '\\' && load1(t.p, i+6) == 'u' {
			if lo := t.hex4(i + 7); lo >= 0xDC00 && lo <= 0xDFFF {
				return 0x10000 + (hi-0xD800)<<10 + lo - 0xDC00, i + 11
			}
		}
		return 0, t.fail(rows.Malformed, i-1, "half of a surrogate pair is no character")
	}
	return 0, t.want(i, "an escape: one of \"\\/bfnrtu")
}

func (t *text) hex4(i int) rune {
	var r rune
	for k := range 4 {
		c := load1(t.p, i+k)
		switch {
		case c-'0' < 10:
			c -= '0'
		case c|0x20-'a' < 6:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// skip checks the value at i and returns the place behind it. hollow says that it holds no scalar but null.
func (t *text) skip(i int) (end int, hollow bool) {
	var objects uint64 // a bit per open level
	depth := 0
	hollow = true
	for {
		opened := false
		switch c := load1(t.p, i); c {
		case '{', '[':
			if t.depth+depth >= maxDepth {
				return t.tooDeep(i), false
			}
			objects <<= 1
			if c == '{' {
				objects |= 1
			}
			depth++
			i = t.space(i + 1)
			opened = true
		default:
			if i = t.scalar(i); i < 0 {
				return i, false
			}
			if load1(t.p, i-1) != 'l' {
				hollow = false
			}
		}
		// Close what ends here, then stand before the next value.
		for {
			if depth == 0 {
				return i, hollow
			}
			if !opened {
				i = t.space(i)
			}
			c := load1(t.p, i)
			inObject := objects&1 != 0
			if inObject && c == '}' || !inObject && c == ']' {
				objects >>= 1
				depth--
				i++
				opened = false
				continue
			}
			if !opened {
				if c != ',' {
					return t.want(i, closing(inObject)), false
				}
				i = t.space(i + 1)
			}
			if inObject {
				if i = t.skipKey(i); i < 0 {
					return i, false
				}
			}
			break
		}
	}
}

func closing(object bool) string {
	if object {
		return "',' or '}'"
	}
	return "',' or ']'"
}

func (t *text) tooDeep(i int) int {
	return t.fail(rows.BadType, i, "nested deeper than 64 levels")
}

func (t *text) skipKey(i int) int {
	if load1(t.p, i) != '"' {
		return t.want(i, "a key in quotes")
	}
	if _, i = t.stringAt(i + 1); i < 0 {
		return i
	}
	return t.colon(i)
}

// colon returns the place of the value behind the colon that must follow at i.
func (t *text) colon(i int) int {
	if i = t.space(i); load1(t.p, i) != ':' {
		return t.want(i, "':' after a key")
	}
	return t.space(i + 1)
}

// scalar checks the string, number or literal at i and returns the place behind it.
func (t *text) scalar(i int) int {
	switch c := load1(t.p, i); {
	case c == '"':
		_, i = t.stringAt(i + 1)
		return i
	case c == '-' || c-'0' < 10:
		end, _ := t.number(i)
		return end
	case load4(t.p, i) == isNull, load4(t.p, i) == isTrue:
		return i + 4
	case load4(t.p, i) == isFals && load1(t.p, i+4) == 'e':
		return i + 5
	}
	return t.want(i, "a value")
}

const (
	isNull = 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24
	isTrue = 't' | 'r'<<8 | 'u'<<16 | 'e'<<24
	isFals = 'f' | 'a'<<8 | 'l'<<16 | 's'<<24
)

// number checks the grammar of the number at i; whole says that it has neither fraction nor exponent.
func (t *text) number(i int) (end int, whole bool) {
	whole = true
	if load1(t.p, i) == '-' {
		i++
	}
	switch c := load1(t.p, i); {
	case c == '0':
		if i++; load1(t.p, i)-'0' < 10 {
			return t.fail(rows.Malformed, i-1, "a number may not begin with 0"), false
		}
	case c-'1' < 9:
		i = t.digitsEnd(i)
	default:
		return t.want(i, "a digit"), false
	}
	if load1(t.p, i) == '.' {
		whole = false
		if i++; load1(t.p, i)-'0' > 9 {
			return t.want(i, "a digit after the decimal point"), false
		}
		i = t.digitsEnd(i)
	}
	if load1(t.p, i)|0x20 == 'e' {
		whole = false
		i++
		if c := load1(t.p, i); c == '+' || c == '-' {
			i++
		}
		if load1(t.p, i)-'0' > 9 {
			return t.want(i, "a digit of the exponent"), false
		}
		i = t.digitsEnd(i)
	}
	return i, whole
}

func (t *text) digitsEnd(i int) int {
	for {
		m := nonDigits(load8(t.p, i))
		if m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
}
