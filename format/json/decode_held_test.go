package json

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

func held(fields ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fields, nil) }

func of(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func TestAValueFitsItsColumnOrStandsInACompanion(t *testing.T) {
	p := arrow.PrimitiveTypes
	for _, c := range []struct {
		t       arrow.DataType
		value   string
		out     string
		coerced bool
	}{
		{p.Int8, "-128", "a=-128", false},
		{p.Int8, "128", "a__v_double=128", true},
		{p.Int16, "32767", "a=32767", false},
		{p.Int32, "-2147483649", "a__v_double=-2.147483649e+09", true},
		{p.Int64, "-9223372036854775808", "a=-9223372036854775808", false},
		{p.Int64, "9223372036854775807", "a=9223372036854775807", false},
		{p.Int64, "9223372036854775808", "a__v_text=9223372036854775808", true},
		{p.Int64, "100.0", "a=100", true},
		{p.Int64, "1e2", "a=100", true},
		{p.Int64, "1200e-2", "a=12", true},
		{p.Int64, "0e99999999999999999999", "a=0", true},
		{p.Int64, "1e99999999999999999999", "a__v_text=1e99999999999999999999", true},
		{p.Int64, "0.5", "a__v_double=0.5", true},
		{p.Int64, `"5"`, `a__v_text="5"`, true},
		{p.Int64, "null", "", false},
		{p.Float64, "0.1", "a=0.1", false},
		{p.Float64, "9007199254740992", "a=9.007199254740992e+15", true},
		{p.Float64, "-9007199254740993", "a__v_text=-9007199254740993", true},
		{p.Float64, "0.30000000000000004", "a=0.30000000000000004", false},
		{p.Float64, "0.10000000000000001", "a=0.1", false},
		{p.Float64, "708392375.6928149", "a=7.08392375692815e+08", false},
		{p.Int64, "708392375.6928149", "a__v_text=708392375.6928149", true},
		{p.Int64, "0.0", "a=0", true},
		{p.Int64, "-0.5", "a__v_double=-0.5", true},
		{arrow.BinaryTypes.String, "0", "a__v_double=0", true},
		{arrow.BinaryTypes.String, "-0.0", "a__v_double=-0", true},
		{p.Float64, "0.12345678901234567890", "a__v_text=0.12345678901234567890", true},
		{p.Float64, "1e400", "a__v_text=1e400", true},
		{p.Float64, "1e-400", "a__v_text=1e-400", true},
		{p.Float64, "true", "a__v_text=true", true},
		{p.Float32, "0.1", "a=0.1", false},
		{p.Float32, "0.123456789123", "a__v_double=0.123456789123", true},
		{p.Float32, "16777217", "a__v_double=1.6777217e+07", true},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, "12345678.90", "a=12345678.9", false},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, "-1e7", "a=-10000000", false},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, "1.234", "a__v_double=1.234", true},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, "123456789", "a__v_double=1.23456789e+08", true},
		{&arrow.Decimal128Type{Precision: 38, Scale: 0}, "99999999999999999999999999999999999999", "a=99999999999999999999999999999999999999", false},
		{arrow.FixedWidthTypes.Boolean, "false", "a=false", false},
		{arrow.FixedWidthTypes.Boolean, "0", "a__v_double=0", true},
		{arrow.BinaryTypes.String, `"2024-02-29"`, "a=2024-02-29", false},
		{arrow.BinaryTypes.String, "true", "a__v_text=true", true},
		{arrow.BinaryTypes.String, "1e400", "a__v_text=1e400", true},
		{arrow.BinaryTypes.Binary, `"Z3Jvcw=="`, "a=Z3Jvcw==", false},
		{arrow.BinaryTypes.Binary, `"Z3Jvcw"`, `a__v_text="Z3Jvcw"`, true},
		{arrow.BinaryTypes.Binary, `"Z3\nJvcw=="`, `a__v_text="Z3\nJvcw=="`, true},
		{arrow.FixedWidthTypes.Date32, `"2024-02-29"`, "a=2024-02-29", false},
		{arrow.FixedWidthTypes.Date32, `"2000-02-29"`, "a=2000-02-29", false},
		{arrow.FixedWidthTypes.Date32, `"1900-02-29"`, `a__v_text="1900-02-29"`, true},
		{arrow.FixedWidthTypes.Date32, `"1969-12-31"`, "a=1969-12-31", false},
		{arrow.FixedWidthTypes.Date32, `"2024-02-29T00:00:00"`, `a__v_text="2024-02-29T00:00:00"`, true},
		{arrow.FixedWidthTypes.Time64us, `"23:59:59.5"`, "a=23:59:59.500000", false},
		{arrow.FixedWidthTypes.Time64us, `"24:00:00"`, `a__v_text="24:00:00"`, true},
		{stampZoned, `"2024-02-29T23:30:00-01:30"`, "a=2024-03-01T01:00:00Z", false},
		{stampZoned, `"2024-02-29"`, "a=2024-02-29T00:00:00Z", true},
		{stampZoned, `"2024-02-29T00:00:00"`, `a__v_text="2024-02-29T00:00:00"`, true},
		{stampZoned, `"2024-02-29T00:00:00.1234567Z"`, `a__v_text="2024-02-29T00:00:00.1234567Z"`, true},
		{stampZoned, `"0001-01-01T00:00:00+01:00"`, `a__v_text="0001-01-01T00:00:00+01:00"`, true},
		{stampZoned, "1700000000", "a__v_double=1.7e+09", true},
		{stampNaive, `"2024-02-29 12:00"`, "a=2024-02-29T12:00:00", false},
		{stampNaive, `"2024-02-29T12:00:00Z"`, `a__v_text="2024-02-29T12:00:00Z"`, true},
		{arrow.ListOf(p.Int64), "[1,null,2]", "a=[1 null 2]", false},
		{arrow.ListOf(p.Int64), "[1,[2]]", "a__v_text=[1,[2]]", true},
		{arrow.ListOf(arrow.ListOf(p.Int64)), "[[1],[],null,[2,3]]", "a=[[1] [] null [2 3]]", false},
		{arrow.ListOf(arrow.ListOf(p.Int64)), `[[1],["x"]]`, `a__v_text=[[1],["x"]]`, true},
		{arrow.ListOf(p.Int64), "7", "a__v_double=7", true},
		{arrow.StructOf(of("x", p.Int64)), `{"x":1}`, "a={x:1}", false},
		{arrow.StructOf(of("x", p.Int64)), `{}`, "a={}", false},
		{arrow.StructOf(of("x", p.Int64)), `[1]`, "a__v_text=[1]", true},
		{arrow.MapOf(arrow.BinaryTypes.String, p.Int64), `{"x":1,"y":null,"x":3}`, "a=map{y:null x:3}", false},
		{arrow.MapOf(arrow.BinaryTypes.String, p.Int64), `{"x":1,"y":"z"}`, `a__v_text={"x":1,"y":"z"}`, true},
		{arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(p.Float64)), `{"x":[0.5],"":[]}`, "a=map{x:[0.5] :[]}", false},
	} {
		s := held(of("a", c.t))
		text := fmt.Sprintf("{\"a\":%s}\n", c.value)
		row := c.out + "\n"
		for in, want := range map[string]string{text: row, strings.Repeat(text, 3): strings.Repeat(row, 3), "{}\n" + text + "{\"a\":null}\n": "\n" + row + "\n"} {
			out, _ := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(in), s)
			if show(out.Rows) != want || len(out.Rejects) > 0 {
				t.Errorf("%s in a column of %s:\n%swant\n%srejects %+v", c.value, c.t, show(out.Rows), want, out.Rejects)
			}
			if n := int64(strings.Count(in, text)); c.coerced && out.Coerced["a"] < n || !c.coerced && len(out.Coerced) > 0 {
				t.Errorf("%s in a column of %s: coerced %v", c.value, c.t, out.Coerced)
			}
		}
	}
}

func TestCoercionsAreCountedByPath(t *testing.T) {
	in := lines(`{"o":{"x":0.5,"l":[{"y":1}]},"n":1}`, `{"o":{"x":1,"l":[{"y":2.0},{"y":"z"}]},"n":2}`, `{"o":{"x":1},"n":3,"o":{"x":2.5}}`, `{"o":{"x":1},"n":`)
	s := held(of("o", arrow.StructOf(of("x", arrow.PrimitiveTypes.Float64), of("l", arrow.ListOf(arrow.StructOf(of("y", arrow.PrimitiveTypes.Int64)))))), of("n", arrow.PrimitiveTypes.Int64))
	out, _ := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(in), s)
	if want := map[string]int64{"o.x": 1, "o.l.y": 2}; !maps.Equal(out.Coerced, want) || out.Duplicates != 1 {
		t.Errorf("coerced %v, want %v; %d duplicates", out.Coerced, want, out.Duplicates)
	}
}

func TestListsThatDoNotFitLeaveNoTraceInTheCounts(t *testing.T) {
	element := arrow.StructOf(of("l", arrow.ListOf(arrow.StructOf(of("y", arrow.PrimitiveTypes.Int64)))))
	in := `{"o":[` + strings.Repeat(`{"l":[{"y":1.0,"y":2.0},[[]]]},`, 200) + `{"l":[]}]}` + "\n"
	out, _ := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(in), held(of("o", arrow.ListOf(element))))
	if want := map[string]int64{"o.l": 200}; out.Rows.NumRows() != 1 || !maps.Equal(out.Coerced, want) || out.Duplicates != 0 {
		t.Errorf("%d rows, rejects %+v, coerced %v, %d duplicates", out.Rows.NumRows(), out.Rejects, out.Coerced, out.Duplicates)
	}
}

func TestACompanionAndAKeyOfItsNameDoNotMix(t *testing.T) {
	s := held(of("x", arrow.PrimitiveTypes.Int64), rows.TextCompanion("x"))
	in := lines(`{"x":1,"x__v_text":"own"}`, `{"x":"a","x__v_text":"own"}`, `{"x__v_text":"own","x":"a"}`, `{"x":"b"}`, `{"x":"c","x":2}`)
	out, _ := decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(in), s)
	if want := lines("x=1 x__v_text=own", `x__v_text="b"`, "x=2"); show(out.Rows) != want || len(out.Rejects) != 2 || out.Rejects[0].Kind != rows.BadType {
		t.Errorf("rows\n%srejects %+v", show(out.Rows), out.Rejects)
	}
	s = held(of("x", arrow.PrimitiveTypes.Int64), of("x__v_text", arrow.PrimitiveTypes.Int64), of("x__v_double", arrow.BinaryTypes.String))
	out, _ = decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(lines(`{"x":"a"}`, `{"x":0.5}`, `{"x":1}`)), s)
	if show(out.Rows) != lines("x=1") || len(out.Rejects) != 2 || out.Rejects[0].Column != "x" {
		t.Errorf("rows\n%srejects %+v", show(out.Rows), out.Rejects)
	}
}

func TestThereAreNoMoreColumnsThanAllowed(t *testing.T) {
	wide := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"c%d":%d`, from+i, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	d := newDecoder(t, format.DecodeOptions{MaxColumns: 10})
	in := lines(wide(0, 8), wide(100, 5), wide(200, 1), `{"o":{"x":1},"c0":1}`, wide(200, 1), `{"c0":"text","c1":1}`, wide(300, 2), `{"c1":5}`)
	out, s := decodeAll(t, d, block(in), nil)
	if s.NumFields() != 10 || out.Rows.NumRows() != 5 || len(out.Rejects) != 3 {
		t.Errorf("%s\n%srejects %+v", showSchema(s), show(out.Rows), out.Rejects)
	}
	for _, r := range out.Rejects {
		if r.Kind != rows.BadType || !strings.Contains(r.Message, "more columns than the 10") {
			t.Errorf("reject %+v", r)
		}
	}
	phantom := lines(wide(0, 9), `{"o":{"a":null,"b":null,"c":[]}}`, `{"o":{"d":1}}`, `{"o":{"d":null}}`)
	decodeAll(t, d, block(phantom), nil)

	many := lines(wide(0, 5000), wide(2500, 5000))
	out, s = decodeAll(t, newDecoder(t, format.DecodeOptions{}), block(many+many), nil)
	if s.NumFields() != 7500 || out.Rows.NumRows() != 4 {
		t.Errorf("%d columns, %d rows", s.NumFields(), out.Rows.NumRows())
	}
}

func TestSchemasThatJSONIsNotDecodedAs(t *testing.T) {
	d := newDecoder(t, format.DecodeOptions{})
	for _, s := range []*arrow.Schema{
		held(of("a", arrow.PrimitiveTypes.Uint64)), held(of("a", arrow.StructOf(of("b", &arrow.TimestampType{Unit: arrow.Nanosecond})))),
		held(of("a", arrow.PrimitiveTypes.Int64), of("a", arrow.PrimitiveTypes.Int64)),
	} {
		if _, err := d.Decode(block("{}\n"), s); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "column a") {
			t.Errorf("%v: %v", s, err)
		}
	}
	for _, o := range []format.DecodeOptions{{DuplicateKeys: "first"}, {Timestamps: "maybe"}, {Encoding: "latin-1"}} {
		if _, err := NewDecoder(o); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTimestampsOffKeepsStrings(t *testing.T) {
	out, s := decodeAll(t, newDecoder(t, format.DecodeOptions{Timestamps: "off"}), block(lines(`{"a":"2024-02-29T12:00:00Z","b":"2024-02-29"}`)), nil)
	if showSchema(s) != "a utf8, b utf8" || show(out.Rows) != lines("a=2024-02-29T12:00:00Z b=2024-02-29") {
		t.Errorf("%s\n%s", showSchema(s), show(out.Rows))
	}
}

func TestDictionariesAreGivenUpWhereTheyDoNotPay(t *testing.T) {
	var b bytes.Buffer
	for i := range 9000 {
		fmt.Fprintf(&b, "{\"unique\":\"a text of its own, number %d\",\"few\":\"%d\",\"sometimes\":%s}\n", i, i%7, []string{"null", `"x"`, `"\u0078"`}[i%3])
	}
	d := newDecoder(t, format.DecodeOptions{})
	for range 3 {
		out, s := decodeAll(t, d, block(b.String()), nil)
		for i, want := range []arrow.Type{arrow.STRING, arrow.DICTIONARY, arrow.DICTIONARY} {
			if got := out.Rows.Column(i).DataType().ID(); got != want {
				t.Errorf("column %s is %s", s.Field(i).Name, got)
			}
		}
		for i := range 9000 {
			want := map[string]any{"unique": fmt.Sprintf("a text of its own, number %d", i), "few": fmt.Sprint(i % 7)}
			if i%3 > 0 {
				want["sometimes"] = "x"
			}
			if got := whole(t, s.Fields(), out.Rows.Columns(), i); !same(got, want) {
				t.Fatalf("row %d is %v", i, got)
			}
		}
	}
}

func TestDecodersAreSafeForConcurrentUse(t *testing.T) {
	d := newDecoder(t, format.DecodeOptions{})
	m := messy{rand.New(rand.NewPCG(7, 7))}
	var wg sync.WaitGroup
	for range 4 {
		payloads := [][]byte{m.lines(30), m.lines(30), generated(orders(), 200, false)}
		wg.Go(func() {
			for _, in := range payloads {
				p := block(string(in))
				one, s := decodeAll(t, d, p, nil)
				two, err := d.Decode(p, s)
				if err != nil || show(one.Rows) != show(two.Rows) {
					t.Errorf("decoded twice: %v\n%s\n%s", err, show(one.Rows), show(two.Rows))
				}
			}
		})
	}
	wg.Wait()
}

func FuzzTimesAreWhatTheTimePackageSays(f *testing.F) {
	for _, s := range []string{"2024-02-29T12:34:56.789Z", "1900-02-29", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999Z", "2024-01-01 00:00:60Z", "2024-06-01T10:00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		micros, is := parseTime([]byte(s))
		var d dates
		padded := append([]byte(s), make([]byte, slack)...)
		fast, n := d.parseFast((*[32]byte)(padded))
		if n > 0 && n <= len(s) {
			rest := s[n:]
			if rest == "" && (is != naive || fast != micros) || rest == "Z" && (is != zoned || fast != micros) {
				t.Fatalf("%q: %d fast, %d slow (%d)", s, fast, micros, is)
			}
		}
		if is == noTime {
			if v, err := time.Parse(time.RFC3339, s); err == nil && v.Nanosecond()%1000 == 0 && v.Year() > 0 && v.UTC().Year() > 0 && v.UTC().Year() < 10000 && strictTime.MatchString(s) {
				t.Fatalf("%q is a time", s)
			}
			return
		}
		got := time.UnixMicro(micros).UTC()
		if is != zoned {
			s += "Z"
		}
		if is == dayOnly {
			s = s[:10] + "T00:00:00Z"
		}
		s = strings.ToUpper(strings.Replace(s, " ", "T", 1))
		for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04Z07"} {
			if v, err := time.Parse(form, s); err == nil {
				if !v.Equal(got) {
					t.Fatalf("%q is %v, want %v", s, got, v)
				}
				return
			}
		}
		t.Fatalf("%q is no time and became %v", s, got)
	})
}

// strictTime is what RFC 3339 allows of all that the time package takes.
var strictTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
