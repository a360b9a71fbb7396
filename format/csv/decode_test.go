package csv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

func payload(head string, blocks bool, values ...string) rows.Payload {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	for _, v := range values {
		b.Append([]byte(v))
	}
	return rows.Payload{Format: "csv", Header: head, Blocks: blocks, Values: b.NewBinaryArray()}
}

// block is a payload of one block of a file with a header line.
func block(t testing.TB, text string, o format.DecodeOptions) rows.Payload {
	t.Helper()
	opts, err := optionsOf(o)
	if err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(text, "\n")
	h, err := headerOf([]byte(line), opts)
	if err != nil {
		t.Fatal(err)
	}
	return payload(h.String(), true, rest)
}

// decodeAll infers and decodes p, and returns the schema, the rows as JSON and the rejects as text.
func decodeAll(t testing.TB, p rows.Payload, s *arrow.Schema, o format.DecodeOptions) (format.Decoded, string, string, string) {
	t.Helper()
	d, err := NewDecoder(o)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = d.Infer(p, s); err != nil {
		t.Fatal(err)
	}
	out, err := d.Decode(p, s)
	if err != nil || out.Drift {
		t.Fatalf("drift %v under %s, %v", out.Drift, s, err)
	}
	var types, values, rejects []string
	for _, f := range s.Fields() {
		types = append(types, f.Name+" "+rows.TypeName(f.Type))
	}
	for i := range int(out.Rows.NumRows()) {
		var line []byte
		for j, col := range out.Rows.Columns() {
			if j > 0 {
				line = append(line, ' ')
			}
			line = rows.AppendJSONValue(line, col, i)
		}
		values = append(values, string(line))
	}
	for _, r := range out.Rejects {
		rejects = append(rejects, fmt.Sprintf("%s %d %q: %s", r.Kind, r.Offset, r.Raw, strings.TrimSpace(r.Column+" "+r.Message)))
	}
	return out, strings.Join(types, ", "), strings.Join(values, "\n"), strings.Join(rejects, "\n")
}

func TestWhatRowsAre(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		o             format.DecodeOptions
		rows, rejects string
	}{
		{name: "plain", text: "a,b\n1,x\n2,y\n", rows: "1 \"x\"\n2 \"y\""},
		{name: "no last newline", text: "a,b\n1,x\n2,y", rows: "1 \"x\"\n2 \"y\""},
		{name: "CRLF", text: "a,b\r\n1,x\r\n2,\"y\"\r\n", rows: "1 \"x\"\n2 \"y\""},
		{name: "no rows", text: "a,b\n", rows: ""},
		{name: "blank lines", text: "a,b\n\n1,x\n\r\n2,y\n\n", rows: "1 \"x\"\n2 \"y\""},
		{name: "blank line of one column", text: "a\n1\n\n2\n", rows: "1\nnull\n2"},
		{name: "quotes", text: "a,b\n\"x,\"\"1\"\"\",\"two\nlines\"\n\"\"\"\",\"\"\n", rows: `"x,\"1\"" "two\nlines"` + "\n" + `"\"" ""`},
		{name: "CRLF in quotes stays", text: "a,b\n\"x\r\ny\",z\n", rows: `"x\r\ny" "z"`},
		{name: "quote inside a field", text: "a,b\n5\" pipe,x\n", rows: `"5\" pipe" "x"`},
		{name: "carriage return inside a field", text: "a,b\nx\ry,z\n", rows: `"x\ry" "z"`},
		{name: "spaces stay", text: "a,b\n x , y\n", rows: `" x " " y"`},
		{name: "null and empty", text: "a,b\n,\"\"\nx,y\n", rows: "null \"\"\n\"x\" \"y\""},
		{name: "nulls", text: "a,b\nNA,1\n\"NA\",-\n", o: format.DecodeOptions{Nulls: []string{"NA", "-"}}, rows: "null 1\n\"NA\" null"},
		{name: "semicolons", text: "a;b\n1,5;x\n", rows: `"1,5" "x"`},
		{name: "tabs", text: "a\tb\n1\tx y\n", rows: `1 "x y"`},
		{name: "pipes", text: "a|b\n1|x\n", rows: `1 "x"`},
		{name: "delimiter said", text: "a,b:c\n1:2\n", o: format.DecodeOptions{Delimiter: ":"}, rows: `1 2`},
		{name: "short row", text: "a,b,c\n1,2\n3,4,5\n", rows: "3 4 5", rejects: `malformed 0 "1,2": row has 2 fields, header has 3`},
		{name: "long row", text: "a,b\n3,4\n1,2,3\n", rows: "3 4", rejects: `malformed 4 "1,2,3": row has 3 fields, header has 2`},
		{name: "one field", text: "a,b\nx\n", rejects: `malformed 0 "x": row has 1 field, header has 2`},
		{name: "text after a quote", text: "a,b\n\"x\"y,1\nz,2\n", rows: `"z" 2`, rejects: `malformed 0 "\"x\"y,1": text after a closing quote`},
		{name: "text after a quote, then a newline in quotes", text: "a,b\n\"x\"y,\"\n\"\nz,2\n", rows: `"z" 2`, rejects: `malformed 0 "\"x\"y,\"\n\"": text after a closing quote`},
		{name: "unclosed quote", text: "a,b\nz,2\n1,\"x\n3,y\n", rows: `"z" 2`, rejects: `malformed 4 "1,\"x\n3,y": a quote is not closed`},
		{name: "header again", text: "a,b\r\n1,x\r\na,b\r\n2,y\r\na,c\r\n", rows: "\"1\" \"x\"\n\"2\" \"y\"\n\"a\" \"c\""},
		{name: "Latin-1", text: "a,b\n1,caf\xe9\n2,x\n", rows: `2 "x"`, rejects: `encoding 0 "1,caf\xe9": b bytes that are not UTF-8`},
		{name: "Latin-1 said", text: "a,\xe9\n1,caf\xe9\n\xe9\n\xe9\n", o: format.DecodeOptions{Encoding: "latin-1"}, rows: `1 "café"`, rejects: "malformed 7 \"\\xe9\": row has 1 field, header has 2\nmalformed 9 \"\\xe9\": row has 1 field, header has 2"},
		{name: "NUL", text: "a,b\n\x00,1\n", rows: `"\u0000" 1`},
		{name: "too long", text: "a,b\n1,xxxxxxxxxx\n2,y\n", o: format.DecodeOptions{MaxRow: 10}, rows: `2 "y"`, rejects: `size 0 "1,xxxxxxxxxx": row is longer than 10 bytes; these are its first 12`},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, values, rejects := decodeAll(t, block(t, c.text, c.o), nil, c.o)
			if values != c.rows || rejects != c.rejects {
				t.Errorf("rows\n%s\nwant\n%s\nrejects\n%s\nwant\n%s", values, c.rows, rejects, c.rejects)
			}
			if want := int64(strings.Count(c.text, "a,b\r\n") - 1); c.name == "header again" && out.Headers != want {
				t.Errorf("%d headers were dropped, want %d", out.Headers, want)
			}
		})
	}
}

func TestTypesAreThoseOfAllValues(t *testing.T) {
	for _, c := range []struct{ values, dt, rows string }{
		{"1|-2|9223372036854775807", "bigint", "1|-2|9223372036854775807"},
		{"1|9223372036854775808", "varchar", `"1"|"9223372036854775808"`},
		{"1|0.5", "double", "1.0|0.5"},
		{"1e3|NaN", "double", `1000.0|"NaN"`},
		{"9007199254740993|0.5", "varchar", `"9007199254740993"|"0.5"`},
		{"0.1234567890123456789", "varchar", `"0.1234567890123456789"`},
		{"1e400", "varchar", `"1e400"`},
		{"1.|2", "varchar", `"1."|"2"`},
		{".5", "varchar", `".5"`},
		{"-0", "double", "-0.0"},
		{"007|1", "varchar", `"007"|"1"`},
		{"+1", "varchar", `"+1"`},
		{" 1", "varchar", `" 1"`},
		{"1_000", "varchar", `"1_000"`},
		{"0x1f", "varchar", `"0x1f"`},
		{"true|false|", "boolean", "true|false|null"},
		{"True", "varchar", `"True"`},
		{"true|1", "varchar", `"true"|"1"`},
		{"2024-02-29", "date", `"2024-02-29"`},
		{"2023-02-29", "varchar", `"2023-02-29"`},
		{"2024-01-01|2024-01-01 10:00", "timestamp", `"2024-01-01T00:00:00"|"2024-01-01T10:00:00"`},
		{"2024-01-01T10:00:00.5Z|2024-01-01T10:00:00+02:00", "timestamptz", `"2024-01-01T10:00:00.5Z"|"2024-01-01T08:00:00Z"`},
		{"2024-01-01T10:00:00Z|2024-01-01T10:00:00", "varchar", `"2024-01-01T10:00:00Z"|"2024-01-01T10:00:00"`},
		{"2024-01-01T10:00:00.123456789Z", "varchar", `"2024-01-01T10:00:00.123456789Z"`},
		{"2024-01-01T10:00:00.123456000Z", "timestamptz", `"2024-01-01T10:00:00.123456Z"`},
		{"2024-01-01T24:00:00Z", "varchar", `"2024-01-01T24:00:00Z"`},
		{"2024-06-30T23:59:60Z", "varchar", `"2024-06-30T23:59:60Z"`},
		{"20240101", "bigint", "20240101"},
		{"1704067200", "bigint", "1704067200"},
		{"2024-01-01|x", "varchar", `"2024-01-01"|"x"`},
		{"||", "\"null\"", "null|null|null"},
		{`""`, "varchar", `""`},
	} {
		t.Run(c.values, func(t *testing.T) {
			text := "a,z\n" + strings.ReplaceAll(c.values, "|", ",0\n") + ",0\n"
			_, types, values, rejects := decodeAll(t, block(t, text, format.DecodeOptions{}), nil, format.DecodeOptions{})
			if want := "a " + strings.Trim(c.dt, `"`) + ", z bigint"; !strings.EqualFold(types, want) {
				t.Errorf("types are %s, want %s", types, want)
			}
			if want := strings.ReplaceAll(c.rows, "|", " 0\n") + " 0"; values != want || rejects != "" {
				t.Errorf("rows are\n%s\nwant\n%s\n%s", values, want, rejects)
			}
		})
	}
}

func TestTimestampsOff(t *testing.T) {
	o := format.DecodeOptions{Timestamps: "off"}
	_, types, _, _ := decodeAll(t, block(t, "a,b\n2024-01-01,2024-01-01T00:00:00Z\n", o), nil, o)
	if types != "a VARCHAR, b VARCHAR" && types != "a varchar, b varchar" {
		t.Errorf("types are %s", types)
	}
}

func TestValuesThatDoNotFitGoToCompanions(t *testing.T) {
	utc := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	for _, c := range []struct {
		dt           arrow.DataType
		values, want string
		coerced      int64
	}{
		{arrow.PrimitiveTypes.Int64, "1,0.5,x,2.0,9007199254740993.5", `x=1|x__v_double=0.5|x__v_text="x"|x=2|x__v_text="9007199254740993.5"`, 4},
		{arrow.PrimitiveTypes.Int64, "9223372036854775808,1e3,-0", `x__v_text="9223372036854775808"|x=1000|x__v_double=-0.0`, 3},
		{arrow.PrimitiveTypes.Int8, "127,128,-129", `x=127|x__v_double=128.0|x__v_double=-129.0`, 2},
		{arrow.PrimitiveTypes.Float64, "100,9007199254740993,0.1,abc,NaN", `x=100.0|x__v_text="9007199254740993"|x=0.1|x__v_text="abc"|x="NaN"`, 2},
		{arrow.PrimitiveTypes.Float32, "0.1,16777217", `x=0.1|x__v_double=16777217.0`, 1},
		{arrow.FixedWidthTypes.Boolean, "true,yes,1", `x=true|x__v_text="yes"|x__v_double=1.0`, 2},
		{arrow.FixedWidthTypes.Date32, "2024-01-01,2024-01-01T00:00:00Z", `x="2024-01-01"|x__v_text="2024-01-01T00:00:00Z"`, 1},
		{utc, "2024-01-01,2024-01-01T00:00:00", `x="2024-01-01T00:00:00Z"|x__v_text="2024-01-01T00:00:00"`, 2},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, "1.5,-999.99,1000,1.234,1e2,abc", `x=1.50|x=-999.99|x__v_double=1000.0|x__v_double=1.234|x=100.00|x__v_text="abc"`, 3},
		{&arrow.Decimal128Type{Precision: 38}, "99999999999999999999999999999999999999,-170141183460469231731687303715884105728", `x=99999999999999999999999999999999999999|x__v_text="-170141183460469231731687303715884105728"`, 1},
		{arrow.FixedWidthTypes.Time64us, "12:34:56.5,25:00", `x="12:34:56.5"|x__v_text="25:00"`, 1},
		{arrow.BinaryTypes.Binary, "AP8=,?", `x="AP8="|x__v_text="?"`, 1},
		{arrow.BinaryTypes.String, "1,x", `x="1"|x="x"`, 0},
		{arrow.ListOf(arrow.PrimitiveTypes.Int64), "[1]", `x__v_text="[1]"`, 1},
	} {
		t.Run(rows.TypeName(c.dt), func(t *testing.T) {
			text := "x,n\n" + strings.ReplaceAll(c.values, ",", ",0\n") + ",0\n"
			s := arrow.NewSchema([]arrow.Field{{Name: "x", Type: c.dt, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
			p := block(t, text, format.DecodeOptions{})
			d, err := NewDecoder(format.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if before, err := d.Decode(p, s); err != nil || before.Drift != strings.Contains(c.want, "__v_") {
				t.Errorf("before inference drift is %v, %v", before.Drift, err)
			}
			out, _, _, rejects := decodeAll(t, p, s, format.DecodeOptions{})
			var got []string
			for i := range int(out.Rows.NumRows()) {
				for j, f := range out.Rows.Schema().Fields() {
					if f.Name != "n" && out.Rows.Column(j).IsValid(i) {
						got = append(got, f.Name+"="+string(rows.AppendJSONValue(nil, out.Rows.Column(j), i)))
					}
				}
			}
			if strings.Join(got, "|") != c.want || rejects != "" {
				t.Errorf("%s\nwant\n%s\n%s", strings.Join(got, "|"), c.want, rejects)
			}
			var coerced int64
			for _, n := range out.Coerced {
				coerced += n
			}
			if coerced != c.coerced {
				t.Errorf("%d values were coerced, want %d: %v", coerced, c.coerced, out.Coerced)
			}
		})
	}
}

func TestSchemaOnlyGrows(t *testing.T) {
	o := format.DecodeOptions{}
	d, err := NewDecoder(o)
	if err != nil {
		t.Fatal(err)
	}
	var s *arrow.Schema
	for _, text := range []string{"a,b\n,x\n", "b,a\ny,1\n", "c,a\n2.5,0.5\n", "a__v_text,a\n1,x\n"} {
		before := s
		if s, err = d.Infer(block(t, text, o), s); err != nil {
			t.Fatal(err)
		}
		for i := 0; before != nil && i < before.NumFields(); i++ {
			if was, is := before.Field(i), s.Field(i); was.Name != is.Name || was.Type.ID() != arrow.NULL && !arrow.TypeEqual(was.Type, is.Type) {
				t.Errorf("%q: column %d was %v, is %v", text, i, was, is)
			}
		}
		if again, err := d.Infer(block(t, text, o), s); err != nil || !again.Equal(s) {
			t.Errorf("%q: inferred twice: %s", text, again)
		}
	}
	want := "a b a__v_double c a__v_text a__v_text_2"
	var got []string
	for _, f := range s.Fields() {
		got = append(got, f.Name)
	}
	// c was new in the same payload that asked for the companion.
	if g := strings.Join(got, " "); g != want && g != "a b c a__v_double a__v_text a__v_text_2" {
		t.Errorf("columns are %s", g)
	}
	if of := rows.CompanionOf(s.Field(s.NumFields() - 1)); of != "a" {
		t.Errorf("the last column is the companion of %q", of)
	}
}

func TestColumnWithoutPlaceIsDrift(t *testing.T) {
	o := format.DecodeOptions{}
	d, err := NewDecoder(o)
	if err != nil {
		t.Fatal(err)
	}
	s := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "u", Type: arrow.Null, Nullable: true}}, nil)
	for text, drift := range map[string]bool{"a,b\n1,\n": false, "a,b\n1,2\n": true, "a,u\n1,\n": false, "a,u\n1,2\n": true, "u\n\n": false} {
		out, err := d.Decode(block(t, text, o), s)
		if err != nil || out.Drift != drift {
			t.Errorf("%q: drift is %v, %v", text, out.Drift, err)
		}
		if !drift && (out.Rows.NumCols() != 2 || out.Rows.NumRows() != 1) {
			t.Errorf("%q: %v", text, out.Rows)
		}
	}
}

func TestPayloadsOfOneRow(t *testing.T) {
	o := format.DecodeOptions{}
	_, types, values, rejects := decodeAll(t, payload("", false, "1,x", "2,\"y\n\"\n", "", "3", "4,a\n5,b"), nil, o)
	if !strings.EqualFold(types, "column_1 bigint, column_2 varchar") || values != "1 \"x\"\n2 \"y\\n\"" {
		t.Errorf("%s\n%s", types, values)
	}
	want := "malformed 2 \"\": row has 0 fields, header has 2\nmalformed 3 \"3\": row has 1 field, header has 2\nmalformed 4 \"4,a\\n5,b\": payload holds more than one row"
	if rejects != want {
		t.Errorf("rejects are\n%s\nwant\n%s", rejects, want)
	}
}

func TestHeaders(t *testing.T) {
	for line, want := range map[string]string{
		"a,b":               "a b",
		"a,a,a_2,a":         "a a_3 a_2 a_4",
		"a,,c,":             "a column_2 c column_4",
		"column_2,":         "column_2 column_2_2",
		"\"a,b\";\"c\r\n\"": "a,b c\r\n",
		"a b\tc;d\te":       "a b\x00c;d\x00e",
		"one":               "one",
		"a\r":               "a",
	} {
		h, err := headerOf([]byte(line), options{maxColumns: 10})
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		sep := " "
		if strings.Contains(want, "\x00") {
			sep = "\x00"
		}
		if got := strings.Join(h.Columns, sep); got != want {
			t.Errorf("%q: columns are %q, want %q", line, got, want)
		}
	}
	for _, line := range []string{"a,\"b", "a,\"b\"c", "caf\xe9", strings.Repeat("a,", 20)} {
		if _, err := headerOf([]byte(line), options{maxColumns: 10}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, o := range []format.DecodeOptions{{Delimiter: ",,"}, {Delimiter: "\""}, {Delimiter: "é"}, {Delimiter: "\n"}, {Encoding: "utf-7"}, {Timestamps: "maybe"}} {
		if _, err := NewDecoder(o); !fault.Is(err, fault.Invalid) || fault.HintOf(err) == "" {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := Open(t.Context(), format.Input{}, format.ReadOptions{Decode: o}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	d, err := NewDecoder(format.DecodeOptions{MaxColumns: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range []string{"{", "{}", `{"columns":["a","b","c"],"delimiter":","}`} {
		if _, err := d.Infer(payload(head, true, "1,2,3\n"), nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("header %s: %v", head, err)
		}
	}
}

func TestManyTextsAreNoDictionary(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,country,maybe\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "id-%d,%s,", i, []string{"DE", "FR", ""}[i%3])
		if i%100 == 50 {
			fmt.Fprintf(&b, "%d x", i)
		}
		b.WriteByte('\n')
	}
	out, _, values, _ := decodeAll(t, block(t, b.String(), format.DecodeOptions{}), nil, format.DecodeOptions{})
	for name, want := range map[string]arrow.Type{"id": arrow.STRING, "country": arrow.DICTIONARY} {
		col := out.Rows.Column(out.Rows.Schema().FieldIndices(name)[0])
		if col.DataType().ID() != want {
			t.Errorf("%s is a %s", name, col.DataType())
		}
	}
	for i, line := range strings.Split(values, "\n") {
		country, maybe := fmt.Sprintf("%q", []string{"DE", "FR", ""}[i%3]), "null"
		if i%3 == 2 {
			country = "null"
		}
		if i%100 == 50 {
			maybe = fmt.Sprintf("\"%d x\"", i)
		}
		if want := fmt.Sprintf("\"id-%d\" %s %s", i, country, maybe); line != want {
			t.Fatalf("row %d is %s, want %s", i, line, want)
		}
	}
}

func TestDecodingAllocatesPerBatch(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,ts,country,x,quoted,sparse\n")
	const n = 10_000
	for i := range n {
		fmt.Fprintf(&b, "%d,2024-01-01T00:00:%02dZ,%s,%d.5,\"a \"\"b\"\", %d\",", i, i%60, []string{"DE", "FR"}[i%2], i, i)
		if i%7 == 0 {
			b.WriteString("x")
		}
		b.WriteByte('\n')
	}
	d, err := NewDecoder(format.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := block(t, b.String(), format.DecodeOptions{})
	s, err := d.Infer(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	decode := testing.AllocsPerRun(5, func() {
		if out, err := d.Decode(p, s); err != nil || out.Drift || out.Rows.NumRows() != n {
			t.Fatal(out, err)
		}
	})
	infer := testing.AllocsPerRun(5, func() {
		if _, err := d.Infer(p, s); err != nil {
			t.Fatal(err)
		}
	})
	e, err := NewEncoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Decode(p, s)
	if err != nil {
		t.Fatal(err)
	}
	encode := testing.AllocsPerRun(5, func() {
		if _, err := e.Encode(t.Context(), s, []arrow.RecordBatch{out.Rows}); err != nil {
			t.Fatal(err)
		}
	})
	for what, allocs := range map[string]float64{"decoding": decode, "inference": infer, "encoding": encode} {
		if allocs > n/50 {
			t.Errorf("%s allocates %.3f times a row", what, allocs/n)
		}
	}
}
