package json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// whole rebuilds row i of a batch as encoding/json would have it, companions merged, nulls left out.
func whole(t testing.TB, fields []arrow.Field, cols []arrow.Array, i int) map[string]any {
	out := map[string]any{}
	for k, f := range fields {
		v := anyOf(t, cols[k], i)
		if v == nil {
			continue
		}
		name := f.Name
		if of, ok := f.Metadata.GetValue("gros.companion"); ok {
			name = of
			if strings.HasSuffix(f.Name, rows.TextSuffix) {
				v = parsed(t, v.(string))
			}
		}
		if _, taken := out[name]; taken {
			t.Fatalf("row %d: %s has two values", i, name)
		}
		out[name] = v
	}
	return out
}

func anyOf(t testing.TB, a arrow.Array, i int) any {
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
		return nil
	}
	switch a := a.(type) {
	case *array.Struct:
		var cols []arrow.Array
		for k := range a.NumField() {
			cols = append(cols, a.Field(k))
		}
		return whole(t, a.DataType().(*arrow.StructType).Fields(), cols, i)
	case *array.List:
		out := []any{}
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			out = append(out, anyOf(t, a.ListValues(), int(k)))
		}
		return out
	case *array.Boolean:
		return a.Value(i)
	case *array.Int64:
		return new(big.Rat).SetInt64(a.Value(i))
	case *array.Decimal128:
		return new(big.Rat).SetInt(a.Value(i).BigInt())
	case *array.Float64:
		return ratOf(a.Value(i), -1)
	case *array.String:
		return a.Value(i)
	case *array.Dictionary:
		return anyOf(t, a.Dictionary(), a.GetValueIndex(i))
	}
	t.Fatalf("type %s", a.DataType())
	return nil
}

// parsed is encoding/json's view of a value.
func parsed(t testing.TB, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return normal(v)
}

func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
			} else {
				v[k] = normal(e)
			}
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case json.Number:
		if len(v) > 40 || hugeExponent.MatchString(v.String()) {
			return v
		}
		r, ok := new(big.Rat).SetString(v.String())
		if !ok {
			return v
		}
		digits, _, _ := strings.Cut(strings.ToLower(v.String()), "e")
		digits = strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(digits), "0")
		if f, _ := r.Float64(); strings.ContainsAny(v.String(), ".eE") && len(digits) <= 17 && r.Cmp(ratOf(f, len(digits)-1)) == 0 {
			return ratOf(f, -1) // the double that was printed with so many digits
		}
		return r
	}
	return v
}

func ratOf(f float64, digits int) *big.Rat {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', digits, 64))
	if !ok {
		return new(big.Rat)
	}
	return r
}

var hugeExponent = regexp.MustCompile(`[eE][+-]?0*[0-9]{4,}`)

func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(m) != len(a) {
			return false
		}
		for k, v := range a {
			if w, ok := m[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		l, ok := b.([]any)
		if !ok || len(l) != len(a) {
			return false
		}
		for i := range a {
			if !same(a[i], l[i]) {
				return false
			}
		}
		return true
	case *big.Rat:
		r, ok := b.(*big.Rat)
		return ok && a.Cmp(r) == 0 || !ok && sameFloat(a, b)
	case json.Number:
		if r, ok := b.(*big.Rat); ok {
			return sameFloat(r, a)
		}
		return reflect.DeepEqual(a, b)
	}
	return reflect.DeepEqual(a, b)
}

// sameFloat compares a number with the text of one that is too unwieldy to be exact.
func sameFloat(r *big.Rat, b any) bool {
	n, ok := b.(json.Number)
	if !ok {
		return false
	}
	f, err := n.Float64()
	g, _ := r.Float64()
	return err == nil && f == g
}

// accepted reports whether a line is one document for the decoder as encoding/json and the documented differences have it.
func accepted(line []byte) bool {
	return json.Valid(line) && bytes.HasPrefix(bytes.TrimLeft(line, " \t\r\n"), []byte("{")) && utf8.Valid(line) && !lonely(line) && depth(line) <= maxDepth
}

// lonely reports whether a valid document holds half of a surrogate pair.
func lonely(line []byte) bool {
	text := bytes.ReplaceAll(line, []byte(`\\`), []byte("__"))
	for {
		i := bytes.Index(text, []byte(`\u`))
		if i < 0 {
			return false
		}
		hi, _ := strconv.ParseUint(string(text[i+2:i+6]), 16, 32)
		text = text[i+6:]
		switch {
		case hi >= 0xDC00 && hi <= 0xDFFF:
			return true
		case hi >= 0xD800 && hi <= 0xDBFF:
			if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
				return true
			}
			lo, _ := strconv.ParseUint(string(text[2:6]), 16, 32)
			if lo < 0xDC00 || lo > 0xDFFF {
				return true
			}
			text = text[6:]
		}
	}
}

func depth(line []byte) int {
	d := json.NewDecoder(bytes.NewReader(line))
	n, most := 0, 0
	for {
		tok, err := d.Token()
		if err != nil {
			return most
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			n++
			most = max(most, n)
		case json.Delim('}'), json.Delim(']'):
			n--
		}
	}
}

// compare decodes a block of lines under s, and compares what becomes of it with encoding/json. It returns the schema that
// the lines need.
func compare(t testing.TB, d format.Decoder, in []byte, s *arrow.Schema) *arrow.Schema {
	t.Helper()
	out, s := decodeAll(t, d, block(string(in)), s)
	var want []map[string]any
	var docs []string
	var refused [][]byte
	for line := range bytes.SplitSeq(bytes.TrimPrefix(in, bom), []byte("\n")) {
		if len(bytes.Trim(line, " \t\r")) == 0 {
			continue
		}
		if !accepted(line) {
			refused = append(refused, bytes.TrimSuffix(line, []byte("\r")))
			continue
		}
		docs = append(docs, string(line))
		want = append(want, parsed(t, string(line)).(map[string]any))
	}
	if len(refused) != len(out.Rejects) {
		t.Fatalf("%q: %d rejects, want %d: %+v", in, len(out.Rejects), len(refused), out.Rejects)
	}
	for i, r := range out.Rejects {
		if !bytes.Equal(r.Raw, refused[i]) {
			t.Fatalf("reject %d is %q, want %q", i, r.Raw, refused[i])
		}
	}
	if int64(len(want)) != out.Rows.NumRows() {
		t.Fatalf("%q: %d rows, want %d", in, out.Rows.NumRows(), len(want))
	}
	for i, w := range want {
		if got := whole(t, s.Fields(), out.Rows.Columns(), i); !same(got, w) {
			t.Fatalf("row %d, %s\nis   %v\nwant %v\nschema %s", i, docs[i], got, w, showSchema(s))
		}
	}
	return s
}

func FuzzLinesAreWhatEncodingJSONSays(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":"x","c":[1,2,{"d":null}]}`), []byte(`{"a":0.5,"b":5,"c":{}}`))
	f.Add([]byte("{\"a\":{\"b\":[]}}\n{\"a\":{\"b\":[1]},\"a\":{}}"), []byte("{\"a\":[1]}\r\n\n{\"a\":-1e-7 }"))
	f.Add([]byte(`{"a":"\ud83d\ude00\u0000","a":"é"}`), []byte(`{"a":"\ud800"}`))
	f.Add([]byte("{\"a\":\"\xff\"}\n{\"a\":nul}"), []byte(`{"a":12345678901234567890,"b":true}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if bytes.Contains(a, []byte("__v")) || bytes.Contains(b, []byte("__v")) || bytes.Contains(a, []byte(`\u005`)) || bytes.Contains(b, []byte(`\u005`)) {
			t.Skip("a key may be the name of a companion")
		}
		d := newDecoder(t, format.DecodeOptions{Timestamps: "off"})
		s := compare(t, d, a, nil)
		s = compare(t, d, b, s)
		compare(t, d, a, s)
		timed := newDecoder(t, format.DecodeOptions{})
		first, s := decodeAll(t, timed, block(string(a)), nil)
		decodeAll(t, timed, block(string(b)), s)
		if docs := bytes.Split(bytes.TrimPrefix(a, bom), []byte("\n")); len(docs) == 1 && len(bytes.TrimSpace(a)) > 0 {
			single, _ := decodeAll(t, timed, singles(string(docs[0])), nil)
			if single.Rows.NumRows() != first.Rows.NumRows() {
				t.Fatalf("%q: %d rows as a document, %d as a line", a, single.Rows.NumRows(), first.Rows.NumRows())
			}
		}
	})
}

// messy writes random documents that agree about as much as those of careless producers do.
type messy struct{ *rand.Rand }

func (m messy) pick(s ...string) string { return s[m.IntN(len(s))] }

func (m messy) space() string { return m.pick("", "", "", "", " ", "  ", "\t", " \r ") }

func (m messy) document(depth int) string {
	var b strings.Builder
	b.WriteString("{" + m.space())
	keys := []string{"id", "name", "a key of many more than thirty-two bytes, quotes aside", "x", "caf\u00e9", "c\\u0061f\\u00e9", "o", "l", "", "page_url_path"}
	m.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	keys = keys[:m.IntN(len(keys)+1)]
	if m.IntN(8) == 0 && len(keys) > 0 {
		keys = append(keys, keys[0])
	}
	for i, k := range keys {
		if i > 0 {
			b.WriteString(m.space() + "," + m.space())
		}
		b.WriteString(`"` + k + `"` + m.space() + ":" + m.space() + m.value(k, depth))
	}
	b.WriteString(m.space() + "}")
	return b.String()
}

func (m messy) value(key string, depth int) string {
	kind := map[string]int{"id": 0, "name": 2, "x": 1, "o": 3, "l": 4}[key]
	if m.IntN(6) == 0 {
		kind = m.IntN(7)
	}
	if depth > 3 && kind >= 3 && kind <= 4 {
		kind = 6
	}
	switch kind {
	case 0:
		return m.pick(strconv.Itoa(m.IntN(1e9)), strconv.FormatUint(m.Uint64(), 10), "-"+strconv.Itoa(m.IntN(100)), "0", "-0", "123456789", "12345678", "1e2", "7.0",
			"9223372036854775807", "-9223372036854775808", "9223372036854775808", "9007199254740993", "123456789012345678901234567890")
	case 1:
		return m.pick(strconv.FormatFloat(m.Float64(), 'g', -1, 64), strconv.FormatFloat(m.NormFloat64()*1e9, 'f', m.IntN(12), 64), strconv.FormatFloat(m.ExpFloat64(), 'e', m.IntN(20), 64),
			"1E+3", "0.0", "-0.5", "12345678.12345678", "0.12345678901234567890", "1e400", "1e-400", "5e-324", "1.7976931348623157e308", strconv.Itoa(m.IntN(1000)))
	case 2:
		return m.text()
	case 3:
		return m.document(depth + 1)
	case 4:
		var parts []string
		for range m.IntN(4) {
			parts = append(parts, m.value(m.pick("id", "o", "l"), depth+1))
		}
		return "[" + m.space() + strings.Join(parts, m.space()+","+m.space()) + m.space() + "]"
	case 5:
		return m.pick("true", "false")
	}
	return "null"
}

func (m messy) text() string {
	if m.IntN(3) == 0 {
		return m.pick(`""`, `"a"`, `"\n"`, `"2024-02-29"`, `"2024-02-29T01:02:03Z"`, `"2024-02-29 01:02:03.5+01:00"`, `"exactly sixteen."`, `"\ud83d\ude00 and more text behind it"`)
	}
	v, err := json.Marshal(strings.Repeat(m.pick("x", "é", "ab\"", "longer words "), m.IntN(12)) + strconv.Itoa(m.IntN(50)))
	if err != nil {
		panic(err)
	}
	return string(v)
}

func (m messy) lines(n int) []byte {
	var b bytes.Buffer
	for range n {
		line := m.document(1)
		if m.IntN(20) == 0 {
			line = line[:m.IntN(len(line))]
		}
		b.WriteString(line + m.pick("\n", "\n", "\r\n", "\n\n"))
	}
	return b.Bytes()
}

func TestMessyDocumentsAreWhatEncodingJSONSays(t *testing.T) {
	rounds := 20
	if os.Getenv("GROS_SOAK") != "" {
		rounds = 5_000
	}
	for seed := range rounds {
		m := messy{rand.New(rand.NewPCG(uint64(seed), 1))}
		d := newDecoder(t, format.DecodeOptions{Timestamps: "off"})
		timed := newDecoder(t, format.DecodeOptions{})
		var s, u *arrow.Schema
		for range 3 {
			in := m.lines(1 + m.IntN(60))
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				s = compare(t, d, in, s)
				_, u = decodeAll(t, timed, block(string(in)), u)
			})
		}
	}
}
