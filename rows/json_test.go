package rows

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestRowsBecomeJSON(t *testing.T) {
	const schema = "i tinyint, d double, f float, n decimal(20,3), v varchar, x blob, da date, ti time, ts timestamp, tz timestamptz, u null, " +
		"l bigint[], s struct(a bigint, b varchar), m map(varchar, bigint), k map(bigint, boolean)"
	for in, want := range map[string]string{
		`{}`:                                  `{"i":null,"d":null,"f":null,"n":null,"v":null,"x":null,"da":null,"ti":null,"ts":null,"tz":null,"u":null,"l":null,"s":null,"m":null,"k":null}`,
		`{"i":-128,"d":1e21,"f":0.1}`:         `{"i":-128,"d":1e+21,"f":0.1}`,
		`{"d":100,"n":"-0.001"}`:              `{"d":100.0,"n":-0.001}`,
		`{"d":-1e-7,"n":"12"}`:                `{"d":-1e-07,"n":12.000}`,
		`{"v":"a\"\\\n\r\t\u0001é\u2028/<"}`:  `{"v":"a\"\\\n\r\t\u0001é` + "\u2028" + `/<"}`,
		`{"x":"AAEC"}`:                        `{"x":"AAEC"}`,
		`{"da":"1969-12-31","ti":"01:02:03"}`: `{"da":"1969-12-31","ti":"01:02:03"}`,
		`{"ts":"2024-01-01 00:00:00.5","tz":"1969-12-31T23:59:59.999999Z"}`:                   `{"ts":"2024-01-01T00:00:00.5","tz":"1969-12-31T23:59:59.999999Z"}`,
		`{"l":[1,null],"s":{"a":1}}`:                                                          `{"l":[1,null],"s":{"a":1,"b":null}}`,
		`{"m":[{"key":"a","value":1},{"key":"b","value":null}],"k":[{"key":7,"value":true}]}`: `{"m":{"a":1,"b":null},"k":{"7":true}}`,
	} {
		r := table(t, schema, in)
		got := strings.TrimSpace(lines(r))
		if in == "{}" {
			got = string(AppendJSON(nil, r, 0))
		}
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s\nis   %s\nwant %s", in, got, want)
		}
	}
}

func TestOddValuesBecomeJSON(t *testing.T) {
	floats := array.NewFloat64Builder(memory.DefaultAllocator)
	floats.AppendValues([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}, nil)
	if got := jsonOf(floats.NewArray()); got != `"NaN" "Infinity" "-Infinity" -0.0` {
		t.Error(got)
	}
	texts := array.NewStringBuilder(memory.DefaultAllocator)
	texts.AppendValues([]string{"\xff\xfe", "a\xc3", "\x00\x7f", ""}, nil)
	if got := jsonOf(texts.NewArray()); got != "\"\uFFFD\uFFFD\" \"a\uFFFD\" \"\\u0000\x7f\" \"\"" {
		t.Errorf("%q", got)
	}
	for scale, want := range map[int32]string{0: "-12345 0", 2: "-123.45 0.00", 5: "-0.12345 0.00000", -2: "-1234500 0"} {
		b := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: 38, Scale: scale})
		b.AppendValues([]decimal128.Num{decimal128.FromI64(-12345), {}}, nil)
		if got := jsonOf(b.NewArray()); got != want {
			t.Errorf("scale %d: %s, want %s", scale, got, want)
		}
	}
}

func jsonOf(col arrow.Array) string {
	var out []string
	for i := range col.Len() {
		out = append(out, string(AppendJSONValue(nil, col, i)))
	}
	return strings.Join(out, " ")
}

func TestJSONAllocatesNothing(t *testing.T) {
	r := encode(table(t, everyType, `{"b":true,"d":0.5,"n":"1.5","v":"é","x":"AAEC","da":"2024-02-29","tz":"2024-02-29T01:02:03Z","li":[1],"st":{"a":1},"m":[{"key":"k","value":1}]}`))
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = AppendJSON(buf[:0], r, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecimalsAreReadExactly(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-1": "-1", "1.50": "1.5", "100": "100", "1e2": "100", "1.25E+01": "12.5", "0.001e1": "0.01", "1005": "1005", "10.050": "10.05",
		"99999999999999999999999999999999999999": "99999999999999999999999999999999999999", "1e37": "1" + strings.Repeat("0", 37), "1e-38": "0." + strings.Repeat("0", 37) + "1",
		"100000000000000000000000000000000000000": "", "1e38": "", "1e-39": "", "1e999999999": "", "": "", "-": "", "1x": "", "1e": "", "1.2.3": "", "NaN": "",
		"0e999": "0", "00012": "12", "170141183460469231731687303715884105728": "",
	} {
		v, scale, ok := parseDecimal([]byte(text))
		got := ""
		if ok {
			got = string(appendDecimal(nil, v, scale))
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzDecimal(f *testing.F) {
	f.Add(int64(1), uint64(2), int32(3), int32(4))
	f.Fuzz(func(t *testing.T, high int64, low uint64, from, to int32) {
		from, to = from&31, to&31
		v := decimal128.New(high>>10, low)
		if !v.FitsInPrecision(38) {
			return
		}
		if got, want := string(appendDecimal(nil, v, from)), v.ToString(from); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		d, scale, ok := parseDecimal([]byte(v.ToString(from)))
		if back, fits := rescale(d, scale, from, 38); !ok || !fits || back != v {
			t.Fatalf("%s is read as %v, %d, %t", v.ToString(from), d, scale, ok)
		}
		w, ok := rescale(v, from, to, 38)
		ten := func(n int32) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
		want, rest := new(big.Int).QuoRem(new(big.Int).Mul(v.BigInt(), ten(to)), ten(from), new(big.Int))
		fits := rest.Sign() == 0 && new(big.Int).Abs(want).Cmp(ten(38)) < 0
		if ok != fits || ok && w.BigInt().Cmp(want) != 0 {
			t.Fatalf("%s to %d: %v, %t, want %v, %t", v.ToString(from), to, w, ok, want, fits)
		}
	})
}

func TestScalarsFitExactlyOrNot(t *testing.T) {
	for _, c := range []struct{ from, value, to, want string }{
		{"double", "-9223372036854775808", "bigint", "-9223372036854775808"}, {"double", "9223372036854775808", "bigint", ""}, {"double", "1e18", "bigint", "1000000000000000000"},
		{"double", "-0.0", "bigint", ""}, {"double", "0.1", "decimal(5,2)", "0.10"}, {"double", "0.125", "decimal(5,2)", ""}, {"double", "1e17", "decimal(38,0)", ""},
		{"double", "0.1", "float", ""}, {"double", "0.5", "float", "0.5"}, {"float", "0.5", "double", "0.5"}, {"bigint", "16777217", "float", ""}, {"bigint", "16777216", "float", "16777216.0"},
		{"bigint", "-9007199254740992", "double", "-9007199254740992.0"}, {"bigint", "-9007199254740993", "double", ""}, {"bigint", "-32769", "smallint", ""}, {"bigint", "-32768", "smallint", "-32768"},
		{"decimal(20,2)", `"7.00"`, "tinyint", "7"}, {"decimal(20,2)", `"7.01"`, "bigint", ""}, {"decimal(20,0)", `"-9223372036854775808"`, "bigint", "-9223372036854775808"},
		{"decimal(20,0)", `"9223372036854775808"`, "bigint", ""}, {"decimal(20,2)", `"0.10"`, "double", "0.1"}, {"decimal(38,20)", `"0.10000000000000000001"`, "double", ""},
		{"timestamp", `"2024-02-29 00:00:00"`, "date", `"2024-02-29"`}, {"timestamp", `"2024-02-29 00:00:01"`, "date", ""}, {"date", `"2024-02-29"`, "timestamptz", `"2024-02-29T00:00:00Z"`},
		{"timestamptz", `"2024-02-29T00:00:00Z"`, "timestamp", ""}, {"boolean", "true", "bigint", ""}, {"bigint", "1", "boolean", ""}, {"blob", `"AAEC"`, "varchar", ""}, {"varchar", `"x"`, "blob", ""},
	} {
		col := table(t, "x "+c.from, fmt.Sprintf(`{"x":%s}`, c.value)).Column(0)
		dt, err := ParseType(c.to)
		if err != nil {
			t.Fatal(err)
		}
		out, misfits := cast(col, dt)
		got := string(AppendJSONValue(nil, out, 0))
		if c.want == "" && (len(misfits) != 1 || got != "null") || c.want != "" && (len(misfits) != 0 || got != c.want) {
			t.Errorf("%s %s as %s is %s, misfits %v, want %q", c.from, c.value, c.to, got, misfits, c.want)
		}
	}
}

func TestSavedSchemasComeBack(t *testing.T) {
	s := columns(t, "a bigint, u null, s struct(x bigint, y map(varchar, struct(z date)[])), a__v_text varchar")
	st := arrow.StructOf(arrow.Field{Name: "p", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, DoubleCompanion("p"))
	s = arrow.NewSchema(append(s.Fields(), arrow.Field{Name: "n", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(st)), Nullable: true}), nil)
	text := MarshalSchema(s, "column a bigint added")
	again, err := UnmarshalSchema(text)
	if err != nil || !again.Equal(s) {
		t.Errorf("%v\ncomes back as\n%v\n%v", s, again, err)
	}
	if n := again.Field(4).Type.(*arrow.MapType).ItemType().(*arrow.ListType).Elem().(*arrow.StructType); CompanionOf(n.Field(1)) != "p" {
		t.Errorf("the inner companion is lost: %s", text)
	}
	if !strings.Contains(string(text), `{"name":"a__v_text","type":"varchar","companion_of":"a"}`) || !strings.Contains(string(text), `"changes":["column a bigint added"]`) {
		t.Errorf("%s", text)
	}
	if Fingerprint(columns(t, "a bigint, b date")) == Fingerprint(columns(t, "b date, a bigint")) || Fingerprint(columns(t, "a varchar")) != Fingerprint(encode(table(t, "a varchar", "")).Schema()) {
		t.Error("fingerprints")
	}
	for _, bad := range []string{"", "{", `{"fields":[{"name":"a","type":"bigin"}]}`, `{"fingerprint":"x","fields":[]}`} {
		if _, err := UnmarshalSchema([]byte(bad)); err == nil {
			t.Errorf("%s is a schema", bad)
		}
	}
}
