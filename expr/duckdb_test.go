package expr

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/test/services"
)

// duckdb evaluates each of the expressions of a JSON file over the rows of an Arrow file, as text; what raises is null in
// the rows that raise it.
const duckdb = `
import sys, json, duckdb, pyarrow as pa
t0 = pa.ipc.open_file(sys.argv[1]).read_all()
c = duckdb.connect(config={"threads": 1})
c.execute("set TimeZone='UTC'")
c.execute("set enable_progress_bar=false")
c.execute("create table t as select * from t0 order by row")
def run(e):
    rows = c.execute(f"select typeof({e}), ({e})::varchar from t order by row").fetchall()
    return {"type": rows[0][0], "values": [x[1] for x in rows]}
out = []
for e in json.load(open(sys.argv[2])):
    try:
        try:
            r = run(e)
            r["raises"] = False
        except duckdb.Error:
            r = run(f"try({e})")
            r["raises"] = True
    except duckdb.Error as err:
        r = {"error": str(err).split("\n")[0]}
    out.append(r)
json.dump(out, sys.stdout)
`

type duckdbResult struct {
	Type   string
	Values []*string
	Raises bool
	Error  string
}

func TestExpressionsMeanWhatDuckDBMeans(t *testing.T) {
	python := services.Python(t)
	n := 300
	if os.Getenv("GROS_SOAK") == "1" {
		n = 20_000
	}
	r, texts := generated(t, n), differential()
	dir := t.TempDir()
	writeArrow(t, filepath.Join(dir, "t.arrow"), r)
	list, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "e.json"), list, 0o644); err != nil {
		t.Fatal(err)
	}
	var results []duckdbResult
	out := services.Script(t, python, duckdb, filepath.Join(dir, "t.arrow"), filepath.Join(dir, "e.json"))
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		compareWithDuckDB(t, text, r, results[i])
	}
	t.Logf("%d expressions over %d rows", len(texts), r.NumRows())
}

func compareWithDuckDB(t *testing.T, text string, r arrow.RecordBatch, want duckdbResult) {
	e, err := Parse(text)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	p, err := e.Bind(r.Schema())
	if err != nil || want.Error != "" {
		t.Errorf("%s: %v, DuckDB: %s", text, err, want.Error)
		return
	}
	a, errs, err := p.Eval(t.Context(), r)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	if typ, err := rows.ParseType(want.Type); err != nil || !arrow.TypeEqual(typ, p.Type()) {
		t.Errorf("%s is %s, for DuckDB %s", text, rows.TypeName(p.Type()), want.Type)
		return
	}
	if (len(errs) > 0) != want.Raises {
		t.Errorf("%s: errors %.3v, DuckDB raises: %t", text, errs, want.Raises)
	}
	v, err := load(a)
	if err != nil {
		t.Fatal(err)
	}
	v = v.expand(a.Len())
	shown := 0
	for i := range a.Len() {
		got, expected := "null", "null"
		if !a.IsNull(i) {
			got = string(appendValue(nil, rows.Logical(a.DataType()), v, i))
		}
		if want.Values[i] != nil {
			expected = *want.Values[i]
		}
		single := strings.Contains(text, "f32")
		if got != expected && !((isFloat(p.Type()) || single) && sameFloat(got, expected, single || p.Type().ID() == arrow.FLOAT32)) {
			if shown++; shown <= 3 {
				t.Errorf("%s: row %d is %s, for DuckDB %s\n%s", text, i, got, expected, inputsOf(e, r, i))
			}
		}
	}
}

// sameFloat reports whether two texts mean one number: DuckDB's is not always the shortest that does, and has -nan.
func sameFloat(a, b string, single bool) bool {
	size := 64
	if single {
		size = 32
	}
	x, err := strconv.ParseFloat(a, size)
	y, fault := strconv.ParseFloat(strings.TrimPrefix(b, "-n"), size)
	if strings.HasPrefix(b, "-n") {
		y, fault = math.NaN(), nil
	}
	return err == nil && fault == nil && (x == y || x != x && y != y)
}

func inputsOf(e *Expr, r arrow.RecordBatch, row int) string {
	var b strings.Builder
	for _, c := range e.Columns() {
		at := r.Schema().FieldIndices(c)[0]
		fmt.Fprintf(&b, "\t%s = %s", c, rows.AppendJSONValue(nil, r.Column(at), row))
	}
	return b.String()
}

func writeArrow(t *testing.T, path string, r arrow.RecordBatch) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(r.Schema()))
	if err == nil {
		err = w.Write(r)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// generated makes n rows: the extremes of each type first, then random values, one null in nine.
func generated(t *testing.T, n int) arrow.RecordBatch {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	micros := []int64{0, -1, 1, 1709251199999999, 1709164800000000, -86400000000, -2208988800000000, 253402300799999999, -62135596800000000, 951782400000000, -30610224000000000}
	columns := []struct {
		typ   string
		name  string
		value func(i int) any
	}{
		{"integer", "row", func(i int) any { return i }},
		{"tinyint", "t8", ofInts(rnd, []int64{0, 1, -1, 127, -128, 10, 7}, func() int64 { return rnd.Int64N(256) - 128 })},
		{"smallint", "i16", ofInts(rnd, []int64{0, 1, -1, 32767, -32768, 3}, func() int64 { return rnd.Int64N(65536) - 32768 })},
		{"integer", "i32", ofInts(rnd, []int64{0, 1, -1, math.MaxInt32, math.MinInt32, 1000, 250, -250}, func() int64 { return int64(int32(rnd.Uint32())) >> rnd.IntN(31) })},
		{"bigint", "i64", ofInts(rnd, []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, -1<<53 - 1}, func() int64 { return int64(rnd.Uint64()) >> rnd.IntN(63) })},
		{"integer", "n", ofInts(rnd, []int64{0, 1, -1, 2, -2}, func() int64 { return rnd.Int64N(13) - 6 })},
		{"double", "f64", ofFloats(rnd, []float64{0, math.Copysign(0, -1), 1.5, -2.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324, 1e15, 1e16, 1e-5, 0.1, 2.675, 9.5e18})},
		{"float", "f32", ofFloats(rnd, []float64{0, 1.5, -0.5, math.NaN(), math.Inf(1), math.MaxFloat32, 1e-45, 16777216, 0.1})},
		{"decimal(10,2)", "d1", ofInts(rnd, []int64{0, 1, -1, 9999999999, -9999999999, 150, -250, 5}, func() int64 { return rnd.Int64N(2e6) - 1e6 })},
		{"decimal(38,10)", "d2", ofInts(rnd, []int64{0, 1, math.MaxInt64, math.MinInt64, 15000000000}, func() int64 { return int64(rnd.Uint64()) >> rnd.IntN(63) })},
		{"decimal(4,4)", "d4", ofInts(rnd, []int64{0, 9999, -9999, 5000, 50}, func() int64 { return rnd.Int64N(19999) - 9999 })},
		{"boolean", "b", func(int) any { return rnd.IntN(2) == 0 }},
		{"boolean", "c", func(int) any { return rnd.IntN(2) == 0 }},
		{"varchar", "s", ofTexts(rnd, []string{"", " ", "a", "abc", "ABC", "héllo wörld", "Straße", "日本語テキスト", "👩‍👩‍👧 family", "e\u0301", "a,b,,c", ",", "%_", "a%c", "  both  ", "\ttab\n", "İstanbul", "ΑΣ", "\u00a0nbsp\u2003", "x\ny"})},
		{"varchar", "p", ofTexts(rnd, []string{"", "a", "b", ",", "é", "l", "abc", "%b%", "a%", "_", "語", "lo w", "__c"})},
		{"varchar", "num", ofTexts(rnd, []string{"0", "-1", "+5", " 12 ", "1.5", "2.5", "-2.5", "1e3", "1e400", "abc", "", "9223372036854775807", "9223372036854775808", "-128", "128", "0.005", ".5", "5.", "1_000", "nan", "inf", "-Infinity", "true", "--1", "1e-2", "99999999.995", "1.2.3", "1e", "٣"})},
		{"varchar", "moment", ofTexts(rnd, []string{"2024-02-29", "1969-12-31", "2024-01-05T10:00:00", "2024-01-05 10:00:00.123456", "2024-01-05 10:00", "2024-02-30", "x", "0001-01-01", "2024/01/05", "2024-1-5", "2024-01-05T23:59:59.999Z", "2024-01-05 10:00:00+02", "2024-01-05T10:00:00-05:30", "9999-12-31 23:59:59.999999", "2024-13-01", "2024-01-05 25:00:00", "2024-01-05 10:61:00"})},
		{"varchar", "flag", ofTexts(rnd, []string{"true", "FALSE", "t", "f", "1", "0", "yes", "no", "y", "n", "on", "", "2"})},
		{"date", "d", ofInts(rnd, []int64{0, -1, 59, 19782, 19781, 11016, -25567, -719162, 2932896, -719528}, func() int64 { return rnd.Int64N(80000) - 40000 })},
		{"timestamp", "ts", ofInts(rnd, micros, func() int64 { return rnd.Int64N(8e15) - 4e15 })},
		{"timestamptz", "tz", ofInts(rnd, micros, func() int64 { return rnd.Int64N(8e15) - 4e15 })},
		{"time", "tm", ofInts(rnd, []int64{0, 86399999999, 1, 3600000000}, func() int64 { return rnd.Int64N(86400000000) })},
	}
	var fields []arrow.Field
	var arrays []arrow.Array
	for _, c := range columns {
		dt, err := rows.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		v := &vector{nulls: make([]bool, n), bools: make([]bool, n), ints: make([]int64, n), floats: make([]float64, n), decs: make([]decimal128.Num, n), texts: make([]string, n)}
		for i := range n {
			switch x := c.value(i).(type) {
			case bool:
				v.bools[i] = x
			case int:
				v.ints[i] = int64(x)
			case int64:
				v.ints[i], v.decs[i] = x, decimal128.FromI64(x)
			case float64:
				v.floats[i] = x
				if dt.ID() == arrow.FLOAT32 {
					v.floats[i] = float64(float32(x))
				}
			case string:
				v.texts[i] = x
			}
			v.nulls[i] = c.name != "row" && i > 40 && rnd.IntN(9) == 0
		}
		a := v.column(dt, n)
		fields, arrays = append(fields, arrow.Field{Name: c.name, Type: dt, Nullable: true}), append(arrays, a)
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(n))
}

func ofInts(rnd *rand.Rand, first []int64, next func() int64) func(int) any {
	return func(i int) any {
		if i < 40 || rnd.IntN(4) == 0 {
			return first[rnd.IntN(len(first))]
		}
		return next()
	}
}

func ofFloats(rnd *rand.Rand, first []float64) func(int) any {
	return func(int) any {
		switch rnd.IntN(4) {
		case 0:
			return first[rnd.IntN(len(first))]
		case 1:
			if f := math.Float64frombits(rnd.Uint64()); f == f {
				return f
			}
			return math.NaN() // without a sign
		case 2:
			return float64(rnd.IntN(2000)-1000) / 8
		}
		return rnd.NormFloat64() * math.Pow10(rnd.IntN(14)-4)
	}
}

func ofTexts(rnd *rand.Rand, first []string) func(int) any {
	return func(i int) any {
		if i < len(first) {
			return first[i]
		}
		return first[rnd.IntN(len(first))]
	}
}

// differential lists the expressions that are compared.
func differential() []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	numbers := [][2]string{{"t8", "t8"}, {"t8", "i16"}, {"i16", "i32"}, {"i32", "i64"}, {"i64", "i64"}, {"i64", "n"}, {"n", "n"}, {"f64", "i32"}, {"f32", "n"}, {"f32", "f32"},
		{"f32", "f64"}, {"f64", "f64"}, {"d1", "d1"}, {"d1", "i32"}, {"d1", "i64"}, {"d4", "t8"}, {"d1", "d4"}, {"d1", "f64"}, {"d1", "f32"}, {"d2", "d1"}, {"t8", "1"}, {"t8", "1000"}, {"n", "2.5"},
		{"i64", "2.5"}, {"f64", "2.5"}, {"f32", "2.5"}, {"d1", "2"}, {"1", "n"}, {"i64", "1e3"}}
	for _, pair := range numbers {
		for _, operator := range []string{"+", "-", "*", "/", "//", "%", "=", "<>", "<", "<=", ">", ">="} {
			if operator == "*" && pair[0] == "d1" && !strings.HasPrefix(pair[1], "f") && pair[1] != "d4" {
				continue // the types differ
			}
			add("%s %s %s", pair[0], operator, pair[1])
		}
	}
	for _, pair := range [][2]string{{"s", "p"}, {"d", "d + n"}, {"d", "ts"}, {"ts", "tz"}, {"d", "tz"}, {"b", "c"}, {"b", "n"}, {"s", "'abc'"}, {"ts", "'2000-01-01'"}, {"d", "'2000-01-01'"}, {"tm", "tm"}, {"i64", "'12'"}} {
		for _, operator := range []string{"=", "<>", "<", "<=", ">", ">="} {
			add("%s %s %s", pair[0], operator, pair[1])
		}
	}
	all = append(all, []string{"b and c", "b or c", "not b", "b and null", "b or null", "b is null", "s is not null", "b and (c or not b)", "n in (1, 2, 3)", "n in (1, null)", "n not in (1, null)", "n not in (1, 2)",
		"s in ('abc', 'a', p)", "n in (1, 2, 3, 4, 5, 6, -1)", "n in (1, 2, 3, 4, 5, 6, null)", "s in ('a', 'b', 'abc', '', ' ', 'x', 'y')", "n between -1 and 3", "n between t8 and i16", "n not between 0 and null",
		"f64 between 0 and 100", "d between '1970-01-01' and '2000-01-01'", "case when n > 0 then 'pos' when n < 0 then 'neg' end", "case n when 1 then 'one' when 2 then 'two' else 'many' end",
		"case when b then i32 else f64 end", "case when b then n else d1 end", "case when b then 1 else 2.5 end", "case when b then d else ts end", "case when n <> 0 then 10 // n else 0 end",
		"coalesce(n, 0)", "coalesce(n, f64)", "coalesce(s, p, 'none')", "coalesce(b, c)", "coalesce(t8, 1)", "coalesce(d1, n)", "coalesce(d, ts)", "nullif(n, 0)", "nullif(s, p)", "nullif(f64, f64)", "nullif(i64, 1.0)",
		"greatest(n, i32)", "least(n, i32, 3)", "greatest(f64, f32)", "least(f64, n)", "greatest(s, p)", "least(s, 'b')", "greatest(d, ts)", "greatest(d1, n)", "least(t8, 5)", "greatest(b, c)", "greatest(n, null)",
		"-n", "-t8", "-i64", "-f64", "-d1", "- -n", "abs(n)", "abs(t8)", "abs(i64)", "abs(f64)", "abs(f32)", "abs(d1)", "date '2024-02-29' + n", "d + n", "n + d", "d - n", "d - d", "d - date '1970-01-01'",
		"1 + 2 * 3", "'a' || 'b'", "7 // 2", "1.5 * 1.25", "1e3 / 7", "true and null",
	}...)
	for _, part := range []string{"year", "quarter", "month", "day", "hour", "minute", "second"} {
		for _, c := range []string{"d", "ts", "tz"} {
			add("%s(%s)", part, c)
		}
	}
	add("hour(tm)")
	add("minute(tm)")
	add("second(tm)")
	for _, unit := range dateUnits() {
		for _, c := range []string{"d", "ts", "tz"} {
			add("date_trunc('%s', %s)", unit, c)
		}
	}
	for _, c := range []string{"s", "p", "num"} {
		for _, f := range []string{"lower", "upper", "trim", "ltrim", "rtrim", "length", "md5", "sha256"} {
			add("%s(%s)", f, c)
		}
	}
	all = append(all, []string{"trim(s, 'a')", "trim(s, p)", "ltrim(s, 'ab ')", "rtrim(s, 'c')", "substr(s, n)", "substr(s, n, 2)", "substr(s, 2, n)", "substr(s, n, n)", "substr(s, t8, n)", "substr(s, 1, 1)",
		"replace(s, p, 'X')", "replace(s, 'a', p)", "replace(s, 'l', '')", "split_part(s, ',', n)", "split_part(s, p, 1)", "split_part(s, p, n)", "split_part(s, '', n)", "starts_with(s, p)", "starts_with(s, 'a')",
		"ends_with(s, p)", "contains(s, p)", "s like p", "s not like p", "s like 'a%'", "s like '%c'", "s like '%b%'", "s like 'a_c'", "s like '%'", "s like ''", "s like '_'", "s like '%a%c%'", "s like '%!%%' escape '!'",
		"s like 'a!_' escape '!'", "s ilike 'A%'", "s ilike '%STRASSE%'", "p like s", "p like '%__'", "p like '_%_'", "s like '%______'", "regexp_matches(s, '^a')", "regexp_matches(s, '[a-c]+$')", "regexp_matches(s, 'A', 'i')", "regexp_matches(s, 'x.y')",
		"regexp_matches(s, 'x.y', 's')", "regexp_matches(s, '%_', 'l')", "regexp_extract(s, '[a-z]+')", "regexp_extract(s, '(\\w)(\\w)', 2)", "regexp_extract(s, 'z')", "regexp_extract(s, '(z)?a', 1)",
		"regexp_extract(s, 'B', 0, 'i')", "s || p", "s || n", "n || n", "f64 || s", "b || s", "d || ts", "length(s || p)",
		"cast(nullif(nullif(moment, '2024-01-05 25:00:00'), '2024-01-05 10:61:00') as date)",
		"round(f64)", "round(f64, 2)", "round(f64, -1)", "round(f32)", "round(f32, 1)", "round(d1)", "round(d1, 1)", "round(d1, 2)", "round(d1, 5)", "round(d1, -1)", "round(d4)", "round(d4, 2)", "round(d2, 3)",
		"round(n)", "round(i32, -2)", "round(i32, 1)", "round(n * 1234, -3)", "to_timestamp(n)", "to_timestamp(f32)", "epoch_ms(i32::bigint)", "make_timestamp(i32::bigint)",
	}...)
	return append(all, casts()...)
}

func casts() []string {
	var all []string
	targets := map[string][]string{
		"t8": {"boolean", "smallint", "bigint", "float", "double", "decimal(3,0)", "decimal(2,0)", "varchar"}, "i32": {"tinyint", "smallint", "bigint", "float", "double", "decimal(10,2)", "decimal(12,2)", "varchar", "boolean"},
		"i64": {"integer", "tinyint", "double", "float", "decimal(38,10)", "decimal(18,3)", "varchar"}, "f64": {"tinyint", "integer", "bigint", "float", "decimal(10,2)", "decimal(38,4)", "varchar", "boolean"},
		"f32": {"integer", "bigint", "double", "varchar"}, "d1": {"tinyint", "integer", "bigint", "double", "float", "decimal(10,1)", "decimal(12,4)", "decimal(4,2)", "varchar", "boolean"},
		"d2": {"integer", "bigint", "double", "decimal(20,2)", "varchar"}, "d4": {"varchar", "double", "integer", "decimal(2,1)"}, "b": {"integer", "varchar", "double", "decimal(3,1)"},
		"num": {"tinyint", "integer", "bigint", "double", "float", "decimal(10,2)", "decimal(38,10)"}, "moment": {"timestamp", "timestamptz"}, "flag": {"boolean"},
		"d": {"varchar", "timestamp", "timestamptz"}, "ts": {"varchar", "date", "timestamptz", "time"}, "tz": {"varchar", "date", "timestamp"}, "tm": {"varchar"}, "s": {"varchar"},
	}
	for _, c := range []string{"t8", "i32", "i64", "f64", "f32", "d1", "d2", "d4", "b", "num", "moment", "flag", "d", "ts", "tz", "tm", "s"} {
		for _, typ := range targets[c] {
			all = append(all, "cast("+c+" as "+typ+")", "try_cast("+c+" as "+typ+")")
		}
	}
	return all
}
