package json

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// block is a payload of one block of lines.
func block(text string) rows.Payload {
	p, _ := rows.PayloadOf(rows.NewPayload("json", "", true, []byte(text)))
	return p
}

// singles is a payload of single documents.
func singles(docs ...string) rows.Payload {
	var values [][]byte
	for _, d := range docs {
		values = append(values, []byte(d))
	}
	p, _ := rows.PayloadOf(rows.NewPayload("json", "", false, values...))
	return p
}

func newDecoder(t testing.TB, o format.DecodeOptions) format.Decoder {
	t.Helper()
	d, err := NewDecoder(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// decodeAll infers until p decodes, which must be once at most, and checks the arrays.
func decodeAll(t testing.TB, d format.Decoder, p rows.Payload, s *arrow.Schema) (format.Decoded, *arrow.Schema) {
	t.Helper()
	if s == nil {
		s = arrow.NewSchema(nil, nil)
	}
	out, err := d.Decode(p, s)
	if err != nil {
		t.Fatal(err)
	}
	if out.Drift {
		grown, err := d.Infer(p, s)
		if err != nil {
			t.Fatal(err)
		}
		onlyGrew(t, s.Fields(), grown.Fields())
		s = grown
		if out, err = d.Decode(p, s); err != nil {
			t.Fatal(err)
		}
		if out.Drift {
			t.Fatalf("drift after inference, under %v", s)
		}
	}
	if out.Rows.NumCols() != int64(s.NumFields()) {
		t.Fatalf("%d columns, want %d", out.Rows.NumCols(), s.NumFields())
	}
	for i, c := range out.Rows.Columns() {
		if v, ok := c.(interface{ ValidateFull() error }); ok {
			if err := v.ValidateFull(); err != nil {
				t.Fatalf("column %s: %v", s.Field(i).Name, err)
			}
		}
		if name := out.Rows.ColumnName(i); name != s.Field(i).Name {
			t.Fatalf("column %d is %s, want %s", i, name, s.Field(i).Name)
		}
	}
	return out, s
}

// onlyGrew checks that columns keep name, place and type, structs and lists aside, which grow likewise.
func onlyGrew(t testing.TB, from, to []arrow.Field) {
	t.Helper()
	if len(to) < len(from) {
		t.Fatalf("%v became %v", from, to)
	}
	for i, f := range from {
		g := to[i]
		if f.Name != g.Name {
			t.Fatalf("column %d was %s and is %s", i, f.Name, g.Name)
		}
		if f.Type.ID() != arrow.NULL && f.Type.ID() != g.Type.ID() {
			t.Fatalf("column %s was %s and is %s", f.Name, f.Type, g.Type)
		}
		if a, ok := f.Type.(arrow.NestedType); ok {
			onlyGrew(t, a.Fields(), g.Type.(arrow.NestedType).Fields())
		}
	}
}

// show prints a batch: a line per row of its values that are not null.
func show(r arrow.RecordBatch) string {
	var b strings.Builder
	for i := range int(r.NumRows()) {
		sep := ""
		for c, col := range r.Columns() {
			if col.IsValid(i) && col.DataType().ID() != arrow.NULL {
				fmt.Fprintf(&b, "%s%s=%s", sep, r.ColumnName(c), showValue(col, i))
				sep = " "
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func showValue(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "null"
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return showValue(a.Dictionary(), a.GetValueIndex(i))
	case *array.String:
		return a.Value(i)
	case *array.Struct:
		var parts []string
		for k, f := range a.DataType().(*arrow.StructType).Fields() {
			if a.Field(k).IsValid(i) {
				parts = append(parts, f.Name+":"+showValue(a.Field(k), i))
			}
		}
		return "{" + strings.Join(parts, " ") + "}"
	case *array.Map:
		var parts []string
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			parts = append(parts, showValue(a.Keys(), int(k))+":"+showValue(a.Items(), int(k)))
		}
		return "map{" + strings.Join(parts, " ") + "}"
	case *array.List:
		var parts []string
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			parts = append(parts, showValue(a.ListValues(), int(k)))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *array.Float64:
		return fmt.Sprint(a.Value(i))
	}
	return a.ValueStr(i)
}

// showSchema prints names and types.
func showSchema(s *arrow.Schema) string {
	var parts []string
	for _, f := range s.Fields() {
		parts = append(parts, f.Name+" "+f.Type.String())
	}
	return strings.NewReplacer(", nullable", "", " nullable", "").Replace(strings.Join(parts, ", "))
}

func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

func TestColumnsAreInferredFromAllRowsOfAPayload(t *testing.T) {
	for _, c := range []struct {
		name, in, schema, out string
	}{
		{"union in order of appearance", lines(`{"b":1}`, `{"a":"x","b":2}`), "b int64, a utf8", lines("b=1", "b=2 a=x")},
		{"only nulls", lines(`{"a":null}`, `{"a":null,"b":true}`), "a null, b bool", lines("", "b=true")},
		{"fractions make doubles of ints", lines(`{"a":1}`, `{"a":0.5}`), "a float64", lines("a=1", "a=0.5")},
		{"beyond 2^53 in a double", lines(`{"a":0.5}`, `{"a":9007199254740993}`), "a float64, a__v_text utf8", lines("a=0.5", "a__v_text=9007199254740993")},
		{"2^63", lines(`{"a":1}`, `{"a":9223372036854775808}`), "a decimal(20, 0)", lines("a=1", "a=9223372036854775808")},
		{"2^64", lines(`{"a":18446744073709551616}`, `{"a":-1}`), "a decimal(20, 0)", lines("a=18446744073709551616", "a=-1")},
		{"21 digits", lines(`{"a":1}`, `{"a":123456789012345678901}`), "a int64, a__v_text utf8", lines("a=1", "a__v_text=123456789012345678901")},
		{"an exponent that no double has", lines(`{"a":1e400}`, `{"a":-1e400}`), "a float64, a__v_text utf8", lines("a__v_text=1e400", "a__v_text=-1e400")},
		{"the first kind wins", lines(`{"a":1}`, `{"a":"x"}`, `{"a":true}`, `{"a":{"b":[1]}}`), "a int64, a__v_text utf8",
			lines("a=1", `a__v_text="x"`, "a__v_text=true", `a__v_text={"b":[1]}`)},
		{"numbers in text", lines(`{"a":"x"}`, `{"a":5}`, `{"a":0.1}`, `{"a":0.12345678901234567890}`), "a utf8, a__v_double float64, a__v_text utf8",
			lines("a=x", "a__v_double=5", "a__v_double=0.1", "a__v_text=0.12345678901234567890")},
		{"zoned", lines(`{"a":"2024-02-29T12:00:00Z"}`, `{"a":"2024-02-29 14:00:00.5+02:00"}`), "a timestamp[us, tz=UTC]",
			lines("a=2024-02-29T12:00:00Z", "a=2024-02-29T12:00:00.5Z")},
		{"naive", lines(`{"a":"2024-02-29T12:00:00"}`, `{"a":"2024-03-01"}`), "a timestamp[us]", lines("a=2024-02-29T12:00:00", "a=2024-03-01T00:00:00")},
		{"dates", lines(`{"a":"2024-02-29"}`), "a date32", lines("a=2024-02-29")},
		{"naive and zoned", lines(`{"a":"2024-02-29T12:00:00"}`, `{"a":"2024-02-29T12:00:00Z"}`), "a utf8",
			lines("a=2024-02-29T12:00:00", "a=2024-02-29T12:00:00Z")},
		{"nanoseconds stay text", lines(`{"a":"2024-02-29T12:00:00.123456789Z"}`, `{"a":"2024-02-29T12:00:00.123456000Z"}`), "a utf8",
			lines("a=2024-02-29T12:00:00.123456789Z", "a=2024-02-29T12:00:00.123456000Z")},
		{"no such day", lines(`{"a":"2023-02-29"}`), "a utf8", lines("a=2023-02-29")},
		{"objects merge", lines(`{"s":{"x":1}}`, `{"s":{"y":"a","x":2}}`, `{"s":null}`, `{}`), "s struct<x: int64, y: utf8>",
			lines("s={x:1}", "s={x:2 y:a}", "", "")},
		{"lists merge by element", lines(`{"l":[]}`, `{"l":[{"x":1},{"y":null}]}`, `{"l":[null,{"y":0.5}]}`), "l list<item: struct<x: int64, y: float64>>",
			lines("l=[]", "l=[{x:1} {}]", "l=[null {y:0.5}]")},
		{"a list that does not fit is text", lines(`{"l":[1,2]}`, `{"l":[3,"x"]}`, `{"l":[4]}`), "l list<item: int64>, l__v_text utf8",
			lines("l=[1 2]", `l__v_text=[3,"x"]`, "l=[4]")},
		{"misfits inside elements", lines(`{"l":[{"x":1}]}`, `{"l":[{"x":"a"},{"x":2}]}`), "l list<item: struct<x: int64, x__v_text: utf8>>",
			lines("l=[{x:1}]", `l=[{x__v_text:"a"} {x:2}]`)},
		{"what tells no type is kept as text", lines(`{"a":[],"b":{},"c":{"d":[null]}}`, `{"a":null}`), "a null, b null, c null, a__v_text utf8, b__v_text utf8, c__v_text utf8",
			lines(`a__v_text=[] b__v_text={} c__v_text={"d":[null]}`, "")},
		{"keys that differ by case", lines(`{"Name":1,"name":"x"}`), "Name int64, name utf8", lines("Name=1 name=x")},
		{"the empty key", lines(`{"":1}`), " int64", lines("=1")},
		{"duplicates: the last wins", lines(`{"a":{"x":1},"a":{"y":2}}`, `{"a":null,"a":{"y":3}}`), "a struct<y: int64>", lines("a={y:2}", "a={y:3}")},
		{"escapes", lines(`{"a\u0062":"\u00e9\ud83d\ude00\u0000\"\\\/\b\f\n\r\t"}`), "ab utf8", lines("ab=é😀\x00\"\\/\b\f\n\r\t")},
		{"uuids stay text", lines(`{"a":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}`), "a utf8", lines("a=6ba7b810-9dad-11d1-80b4-00c04fd430c8")},
		{"epochs are numbers", lines(`{"a":1700000000000}`), "a int64", lines("a=1700000000000")},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDecoder(t, format.DecodeOptions{})
			out, s := decodeAll(t, d, block(c.in), nil)
			if got := showSchema(s); got != c.schema {
				t.Errorf("schema %s\nwant   %s", got, c.schema)
			}
			if got := show(out.Rows); got != c.out {
				t.Errorf("rows\n%swant\n%s", got, c.out)
			}
			if len(out.Rejects) > 0 {
				t.Errorf("rejects %+v", out.Rejects)
			}
			docs := strings.Split(strings.TrimSuffix(c.in, "\n"), "\n")
			if again, _ := decodeAll(t, d, singles(docs...), nil); show(again.Rows) != c.out {
				t.Errorf("single documents differ:\n%swant\n%s", show(again.Rows), c.out)
			}
		})
	}
}

func TestBadDocumentsAreRejectedAndLeaveNothing(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
	for _, c := range []struct{ doc, kind, message string }{
		{`{"a":1`, rows.Malformed, "byte 6: expected ',' or '}', found the end"},
		{`{"a":1,}`, rows.Malformed, "byte 7: expected a key in quotes, found '}'"},
		{`{"a":1 "b":2}`, rows.Malformed, "byte 7: expected ',' or '}', found a string"},
		{`{"a" 1}`, rows.Malformed, "byte 5: expected ':' after a key, found a number"},
		{`{"a":}`, rows.Malformed, "byte 5: expected a value, found '}'"},
		{`{a:1}`, rows.Malformed, "byte 1: expected a key in quotes, found 'a'"},
		{`{'a':1}`, rows.Malformed, `byte 1: expected a key in quotes, found '\''`},
		{`{"a":01}`, rows.Malformed, "byte 5: a number may not begin with 0, found a number"},
		{`{"a":-}`, rows.Malformed, "byte 6: expected a digit, found '}'"},
		{`{"a":1.}`, rows.Malformed, "byte 7: expected a digit after the decimal point, found '}'"},
		{`{"a":.5}`, rows.Malformed, "byte 5: expected a value, found '.'"},
		{`{"a":+1}`, rows.Malformed, "byte 5: expected a value, found '+'"},
		{`{"a":1e}`, rows.Malformed, "byte 7: expected a digit of the exponent, found '}'"},
		{`{"a":0x1}`, rows.Malformed, "byte 6: expected ',' or '}', found 'x'"},
		{`{"a":NaN}`, rows.Malformed, "byte 5: expected a value, found 'N'"},
		{`{"a":Infinity}`, rows.Malformed, "byte 5: expected a value, found 'I'"},
		{`{"a":nul}`, rows.Malformed, "byte 5: expected a value, found 'n'"},
		{`{"a":True}`, rows.Malformed, "byte 5: expected a value, found 'T'"},
		{`{"a":[1,]}`, rows.Malformed, "byte 8: expected a value, found ']'"},
		{`{"a":[1 2]}`, rows.Malformed, "byte 8: expected ',' or ']', found a number"},
		{`{"a":[1}`, rows.Malformed, "byte 7: expected ',' or ']', found '}'"},
		{`{"a":1} x`, rows.Malformed, "byte 8: expected the end of the line, found 'x'"},
		{`{"a":1}{"a":2}`, rows.Malformed, "byte 7: expected the end of the line, found '{'"},
		{`{"a":1 /* no */}`, rows.Malformed, "byte 7: expected ',' or '}', found '/'"},
		{`{"z":"x`, rows.Malformed, "byte 7: expected the closing quote of a string, found the end"},
		{"{\"z\":\"\t\"}", rows.Malformed, "byte 6: expected an escape instead of a control character inside a string, found byte 0x09"},
		{"{\"z\":\"\x00\"}", rows.Malformed, "byte 6: expected an escape instead of a control character inside a string, found byte 0x00"},
		{"{\"a\":1\x00}", rows.Malformed, "byte 6: expected ',' or '}', found byte 0x00"},
		{`{"z":"\x"}`, rows.Malformed, "byte 7: expected an escape: one of \"\\/bfnrtu, found 'x'"},
		{`{"z":"\u12g4"}`, rows.Malformed, "byte 8: expected four hex digits, found a number"},
		{`{"z":"\ud800"}`, rows.Malformed, `byte 6: half of a surrogate pair is no character, found '\\'`},
		{`{"z":"\udc00\ud800"}`, rows.Malformed, `byte 6: half of a surrogate pair is no character, found '\\'`},
		{`{"z":"\ud800\u0041"}`, rows.Malformed, `byte 6: half of a surrogate pair is no character, found '\\'`},
		{"{\"z\":\"ab\xff\"}", rows.Encoding, "byte 8: no UTF-8"},
		{"{\"z\":\"ab\xc0\xaf\"}", rows.Encoding, "byte 8: no UTF-8"},
		{"{\"z\xff\":1}", rows.Encoding, "byte 3: no UTF-8"},
		{`"x"`, rows.Malformed, "byte 0: expected an object, found a string"},
		{`5`, rows.Malformed, "byte 0: expected an object, found a number"},
		{`null`, rows.Malformed, "byte 0: expected an object, found null"},
		{`true`, rows.Malformed, "byte 0: expected an object, found a bool"},
		{`[{"a":1}]`, rows.Malformed, "byte 0: expected an object, found an array"},
		{`garbage`, rows.Malformed, "byte 0: expected an object, found 'g'"},
		{deep(64), rows.BadType, "byte 68: nested deeper than 64 levels"},
		{deep(10_000), rows.BadType, "byte 68: nested deeper than 64 levels"},
		{strings.Repeat(`{"a":`, 10_000), rows.BadType, "byte 320: nested deeper than 64 levels"},
	} {
		bad := `{"n":{"x":9,"l":[9,9]},"z":"residue",` + c.doc[1:]
		for _, doc := range []string{c.doc, bad} {
			if doc == bad && c.doc[0] != '{' {
				continue
			}
			text := lines(`{"a":1,"z":"ok","n":{"x":1,"l":[1]}}`, doc, `{"a":2,"z":"good","n":{"x":2,"l":[2,3]}}`)
			out, s := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(text), nil)
			if want := lines("a=1 z=ok n={x:1 l:[1]}", "a=2 z=good n={x:2 l:[2 3]}"); show(out.Rows) != want {
				t.Errorf("%.60q: rows\n%s", doc, show(out.Rows))
			}
			if len(out.Rejects) != 1 {
				t.Errorf("%.60q: rejects %+v, schema %s", doc, out.Rejects, showSchema(s))
				continue
			}
			r := out.Rejects[0]
			if r.Kind != c.kind || doc == c.doc && r.Message != c.message || r.Offset != 37 || string(r.Raw) != doc {
				t.Errorf("%.60q:\n got %s %q offset %d raw %.60q\nwant %s %q", doc, r.Kind, r.Message, r.Offset, r.Raw, c.kind, c.message)
			}
			for i, col := range out.Rows.Columns() {
				if d, ok := col.(*array.Dictionary); ok && d.Dictionary().Len() != 2 {
					t.Errorf("%.60q: the dictionary of %s holds %v", doc, out.Rows.ColumnName(i), d.Dictionary())
				}
			}
			if len(out.Coerced) > 0 || out.Duplicates > 0 {
				t.Errorf("%.60q: counted %v %d", doc, out.Coerced, out.Duplicates)
			}
		}
	}
}

func TestBlocksAreLines(t *testing.T) {
	long := strings.Repeat("x", 300)
	in := "\xef\xbb\xbf{\"a\":1}\r\n\r\n  \n{\"a\":2}  \n\n {\"a\" : 3 , \"b\":\"" + long + "\"}\n{\"a\":4}"
	out, _ := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(in), nil)
	if want := lines("a=1", "a=2", "a=3 b="+long, "a=4"); show(out.Rows) != want || len(out.Rejects) > 0 {
		t.Errorf("rows\n%s rejects %+v", show(out.Rows), out.Rejects)
	}
	out, _ = decodeAll(t, newDecoder(t, format.DecodeOptions{}), singles("{\n \"a\":\n1}\n", "{\"a\":2}x", "", "\xef\xbb\xbf{}", `{"a":3}`), nil)
	if show(out.Rows) != lines("a=1", "a=3") || len(out.Rejects) != 3 || out.Rejects[0].Offset != 1 || out.Rejects[2].Offset != 3 {
		t.Errorf("rows\n%s rejects %+v", show(out.Rows), out.Rejects)
	}
	out, _ = decodeAll(t, newDecoder(t, format.DecodeOptions{}), block("{\"a\":1,\n\"a\":2}\n{\"a\":3}\n"), nil)
	if show(out.Rows) != lines("a=3") || len(out.Rejects) != 2 {
		t.Errorf("a line ends a document: rows\n%s rejects %+v", show(out.Rows), out.Rejects)
	}
}

func TestOversizeRowsAreCut(t *testing.T) {
	big := `{"a":"` + strings.Repeat("x", 200_000) + `"}`
	in := lines(`{"a":"1"}`, big, `{"a":"2"}`)
	d := newDecoder(t, format.DecodeOptions{MaxRow: 100_000})
	for _, p := range []rows.Payload{block(in), singles(`{"a":"1"}`, big, `{"a":"2"}`)} {
		out, _ := decodeAll(t, d, p, nil)
		if show(out.Rows) != lines("a=1", "a=2") || len(out.Rejects) != 1 {
			t.Fatalf("rows\n%.100s, %d rejects", show(out.Rows), len(out.Rejects))
		}
		r := out.Rejects[0]
		if r.Kind != rows.Oversize || !bytes.Equal(r.Raw, []byte(big[:keptRaw])) || !strings.Contains(r.Message, "200008 bytes") || !strings.Contains(r.Message, "65536") {
			t.Errorf("reject %s %q, %d bytes", r.Kind, r.Message, len(r.Raw))
		}
	}
}

func TestDuplicateKeysAreCountedOrRefused(t *testing.T) {
	in := lines(`{"a":1}`, `{"a":"text","b":[{"x":1,"x":2}],"a":2}`, `{"a":3}`)
	out, _ := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(in), nil)
	if show(out.Rows) != lines("a=1", "a=2 b=[{x:2}]", "a=3") || out.Duplicates != 2 || len(out.Coerced) > 0 {
		t.Errorf("rows\n%s%d duplicates, coerced %v", show(out.Rows), out.Duplicates, out.Coerced)
	}
	out, s := decodeAll(t, newDecoder(t, format.DecodeOptions{DuplicateKeys: "reject"}), block(in), nil)
	if show(out.Rows) != lines("a=1", "a=3") || len(out.Rejects) != 1 || out.Rejects[0].Kind != rows.Duplicate || showSchema(s) != "a int64" {
		t.Errorf("rows\n%s rejects %+v schema %s", show(out.Rows), out.Rejects, showSchema(s))
	}
}
