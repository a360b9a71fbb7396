package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A destination holds one schema over processes: what comes later is cast, stands beside, or is added.
func TestTheSchemaIsHeldAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	input := []string{
		`{"id":1,"x":5,"d":0.5,"t":"2024-01-01T00:00:00Z","o":{"a":1},"l":[1],"n":null}`,
		`{"id":2,"x":"five","d":100,"t":"no time","o":{"b":"x"},"l":[0.5],"n":null}`,
		`{"n":true,"l":["a"],"o":{"a":0.5},"t":"2024-01-02T00:00:00+01:00","d":"much","x":1.5,"id":3}`,
		`{"id":4,"x":9223372036854775808,"o":"none","l":3,"t":7}`,
		`{"id":5}`,
	}
	for _, line := range input {
		egress(t, dir, line, "out/")
	}
	out := filepath.Join(dir, "out")
	query := func(columns string) string {
		return "select " + columns + " from read_parquet(@, union_by_name = true) order by id"
	}
	answers(t, out, query("id, x, x__v_double, x__v_text"), `[1,5,null,null]`, `[2,null,null,"\"five\""]`, `[3,null,1.5,null]`, `[4,null,null,"9223372036854775808"]`, `[5,null,null,null]`)
	answers(t, out, query("d, d__v_text"), `[0.5,null]`, `[100.0,null]`, `[null,"\"much\""]`, `[null,null]`, `[null,null]`)
	answers(t, out, query("epoch(t), t__v_text, t__v_double"), `[1704067200.0,null,null]`, `[null,"\"no time\"",null]`, `[1704150000.0,null,null]`, `[null,null,7.0]`, `[null,null,null]`)
	answers(t, out, query("n"), `[null]`, `[null]`, `[true]`, `[null]`, `[null]`)
	answers(t, out, query("o.a, o.b, o__v_text"), `[1,null,null]`, `[null,"x",null]`, `[null,null,null]`, `[null,null,"\"none\""]`, `[null,null,null]`)
	// No file has another type for a column than the files before it.
	answers(t, out, `with s as (select name, type, converted_type from parquet_schema(@) where name in ('id', 'x', 'd', 't', 'n', 'x__v_double', 'x__v_text'))
		select name from s group by name having count(distinct type || coalesce(converted_type, '')) > 1`)
	_, sum := records(t, out, "part")
	if sum != (counts{Read: 5, Written: 5}) {
		t.Errorf("counts %+v", sum)
	}
	if _, rows := verified(t, dir, "out/"); rows != 5 {
		t.Errorf("%d rows", rows)
	}
}

func TestColumnsKeepTheOrderOfTheirFirstAppearance(t *testing.T) {
	for range 3 {
		dir := t.TempDir()
		egress(t, dir, "{\"z\":1}\n{\"m\":1,\"a\":2,\"z\":3}\n{\"a\":1,\"k\":2}\n", "out/")
		egress(t, dir, "{\"b\":1,\"a\":2,\"z\":3}\n", "out/")
		answers(t, filepath.Join(dir, "out"), "select string_agg(column_name, ' ') from (describe select * from read_parquet(@, union_by_name = true))", `["z m a k b"]`)
	}
}

// What others lose: a column that the first record has not, and one of which the first batch has only nulls.
func TestTheFirstRecordDecidesNothing(t *testing.T) {
	dir := t.TempDir()
	egress(t, dir, "{\"id\":1}\n{\"id\":2,\"late\":\"x\"}\n", "out/")
	egress(t, dir, "{\"id\":3,\"late\":\"y\",\"nulls\":null}\n", "out/")
	egress(t, dir, "{\"id\":4,\"nulls\":null}\n", "out/")
	out := filepath.Join(dir, "out")
	if strings.Contains(strings.Join(queried(t, out, "describe select * from read_parquet(@, union_by_name = true)"), " "), "nulls") {
		t.Error("a column of nulls was written")
	}
	egress(t, dir, "{\"id\":5,\"nulls\":\"now\"}\n", "out/")
	answers(t, out, "select id, late, nulls from read_parquet(@, union_by_name = true) order by id",
		`[1,null,null]`, `[2,"x",null]`, `[3,"y",null]`, `[4,null,null]`, `[5,null,"now"]`)
}

func TestContractsHoldTheSchema(t *testing.T) {
	const first = `{"id":1,"x":5}`
	drift := []string{`{"id":2,"x":"t"}`, `{"id":3,"x":7,"y":1}`, `{"id":4,"x":8}`}
	for _, c := range []struct {
		contract string
		code     int
		want     []string // rows of the second process
		rejected int64
		filtered int64
	}{
		{"evolve", 0, []string{`{"id":2,"x":null,"x__v_text":"\"t\"","y":null}`, `{"id":3,"x":7,"x__v_text":null,"y":1}`, `{"id":4,"x":8,"x__v_text":null,"y":null}`}, 0, 0},
		{"freeze", 0, []string{`{"id":4,"x":8}`}, 2, 0},
		{"quarantine", 0, []string{`{"id":4,"x":8}`}, 2, 0},
		{"discard_row", 0, []string{`{"id":4,"x":8}`}, 0, 2},
		{"discard_value", 0, []string{`{"id":2,"x":null}`, `{"id":3,"x":7}`, `{"id":4,"x":8}`}, 0, 0},
		{"fail", 2, nil, 0, 0},
		{"{columns: freeze}", 0, []string{`{"id":2,"x":null,"x__v_text":"\"t\""}`, `{"id":4,"x":8,"x__v_text":null}`}, 1, 0},
		{"{types: freeze}", 0, []string{`{"id":3,"x":7,"y":1}`, `{"id":4,"x":8,"y":null}`}, 1, 0},
		{"{types: discard_value}", 0, []string{`{"id":2,"x":null,"y":null}`, `{"id":3,"x":7,"y":1}`, `{"id":4,"x":8,"y":null}`}, 0, 0},
		{"{columns: fail}", 2, nil, 0, 0},
		{"{types: fail}", 2, nil, 0, 0},
	} {
		t.Run(c.contract, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			egress(t, dir, first, "out.jsonl")
			before := dataOf(t, dir)
			r := fed(t, dir, strings.NewReader(strings.Join(drift, "\n")+"\n"), "egress", "out.jsonl", "--contract", c.contract)
			if r.code != c.code {
				t.Fatalf("exit %d: %s", r.code, r.stderr)
			}
			_, sum := records(t, dir, "out")
			if c.code != 0 {
				if dataOf(t, dir) != before || !strings.Contains(r.stderr, "contract") {
					t.Errorf("rows %s, stderr %s", dataOf(t, dir), r.stderr)
				}
				return
			}
			if sum != (counts{Read: 4, Written: 1 + int64(len(c.want)), Rejected: c.rejected, Filtered: c.filtered}) {
				t.Errorf("counts %+v", sum)
			}
			got := strings.Split(strings.TrimSpace(strings.Replace(dataOf(t, dir), before, "", 1)), "\n")
			if !slices.Equal(got, c.want) {
				t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if c.rejected > 0 && !strings.Contains(r.stderr, "rejected and kept") {
				t.Errorf("stderr says nothing of the rejects: %s", r.stderr)
			}
			for _, r := range rejects(t, dir, "out") {
				if r.Kind != "contract" || r.Column == "" || r.Source == "" {
					t.Errorf("reject %+v", r)
				}
			}
		})
	}
	t.Run("{tables: freeze}", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		egress(t, dir, first, "out.jsonl", "--contract", "{tables: freeze}")
		if _, sum := records(t, dir, "out"); sum != (counts{Read: 1, Rejected: 1}) {
			t.Errorf("counts %+v", sum)
		}
	})
}

func TestADeclaredSchemaIsTaken(t *testing.T) {
	dir := t.TempDir()
	egress(t, dir, `{"amount":3,"id":7,"at":"2024-02-29"}
{"amount":1.25,"id":8,"at":"2024-02-29T00:00:00Z","more":1}
{"amount":1.005,"id":9}
`, "out/", "--schema", `{id: bigint, amount: "decimal(10,2)", at: date}`)
	out := filepath.Join(dir, "out")
	answers(t, out, "select column_name, column_type from (describe select * from read_parquet(@)) limit 3", `["id","BIGINT"]`, `["amount","DECIMAL(10,2)"]`, `["at","DATE"]`)
	answers(t, out, "select id, amount, amount__v_double, \"at\", more from read_parquet(@) order by id",
		`[7,"3.00",null,"2024-02-29",null]`, `[8,"1.25",null,null,1]`, `[9,null,1.005,null,null]`)
	r := run(t, dir, `{"id":1}`, "egress", "other/", "--schema", "{id: bigimt}")
	if r.code != 2 || !strings.Contains(r.stderr, "bigimt") || !strings.Contains(r.stderr, "bigint") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestTimestampsAreNeverGuessed(t *testing.T) {
	const row = `{"zoned":"2024-01-31T23:30:00.123456+02:00","naive":"2024-01-31T23:30:00","day":"2024-01-31","epoch":1706736600000,"text":"31.01.2024","uuid":"0b1d5e2c-6a0f-4b8e-9f58-0c6f6f1f7a11"}`
	for _, c := range []struct{ timestamps, types string }{
		{"on", `["TIMESTAMP WITH TIME ZONE TIMESTAMP DATE BIGINT VARCHAR VARCHAR"]`},
		{"off", `["VARCHAR VARCHAR VARCHAR BIGINT VARCHAR VARCHAR"]`},
	} {
		dir := t.TempDir()
		egress(t, dir, row, "out/", "--timestamps", c.timestamps)
		out := filepath.Join(dir, "out")
		answers(t, out, "select string_agg(column_type, ' ') from (describe select * from read_parquet(@))", c.types)
		if c.timestamps == "on" {
			answers(t, out, "select epoch_us(zoned), epoch_us(naive) from read_parquet(@)", "[1706736600123456,1706743800000000]")
			answers(t, out, "select logical_type from parquet_schema(@) where name in ('zoned', 'naive')",
				`["TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>))"]`,
				`["TimestampType(isAdjustedToUTC=0, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>))"]`)
		}
	}
}
