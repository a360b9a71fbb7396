package rows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

// randomType is the name of a type and a maker of JSON values of it, as the builders of Arrow read them.
func randomType(rng *rand.Rand, depth int) (string, func() string) {
	pick := func(values ...string) func() string { return func() string { return values[rng.IntN(len(values))] } }
	kinds := 13
	if depth > 2 {
		kinds = 9
	}
	switch rng.IntN(kinds) {
	case 0:
		return "boolean", pick("true", "false")
	case 1:
		return "tinyint", pick("-128", "0", "127")
	case 2:
		return "integer", pick("1", "-2147483648", "16777217")
	case 3:
		return "bigint", pick("9007199254740993", "9007199254740992", "-9223372036854775808", "5", "0")
	case 4:
		return "double", pick("0.5", "5", "1e300", "-0.125", "9007199254740994", "1e18")
	case 5:
		return "varchar", pick(`"n/a"`, `""`, `"é\"\n"`, `"true"`)
	case 6:
		return "decimal(20,2)", pick(`"1.25"`, `"123456789012345678.99"`, `"0.10"`, `"-3.00"`)
	case 7:
		if rng.IntN(2) == 0 {
			return "date", pick(`"2024-02-29"`, `"1969-12-31"`)
		}
		return "timestamp", pick(`"2024-02-29 01:02:03.000004"`, `"2024-02-29 00:00:00"`)
	case 8:
		if rng.IntN(2) == 0 {
			return "null", pick("null")
		}
		return "timestamptz", pick(`"2024-02-29T01:02:03.000004Z"`)
	case 9:
		name, value := randomType(rng, depth+1)
		return name + "[]", func() string {
			values := make([]string, rng.IntN(3))
			for i := range values {
				values[i] = value()
			}
			return "[" + strings.Join(values, ",") + "]"
		}
	case 10:
		name, value := randomType(rng, depth+1)
		return "map(varchar, " + name + ")", func() string { return fmt.Sprintf(`[{"key":"k%d","value":%s}]`, rng.IntN(3), value()) }
	default:
		var names []string
		var values []func() string
		for _, f := range rng.Perm(3)[:1+rng.IntN(3)] {
			name, value := randomType(rng, depth+1)
			names = append(names, fmt.Sprintf("f%d %s", f, name))
			values = append(values, func() string { return fmt.Sprintf(`"f%d":%s`, f, value()) })
		}
		return "struct(" + strings.Join(names, ", ") + ")", func() string {
			var fields []string
			for _, v := range values {
				if rng.IntN(4) > 0 {
					fields = append(fields, v())
				}
			}
			return "{" + strings.Join(fields, ",") + "}"
		}
	}
}

func TestEveryValueIsFoundAgain(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 7))
		h := hold(t, nil, nil, Contract{})
		before := map[string]string{}
		for batch := range 4 {
			in := randomBatch(t, rng)
			if rng.IntN(2) == 0 {
				in = encode(in)
			}
			got, err := h.Conform(in)
			if err != nil {
				t.Fatal(err)
			}
			checkHeld(t, h, got.Rows)
			for _, f := range h.Schema().Fields() {
				if was := before[f.Name]; was != "" && !strings.Contains(was, "null") && !strings.Contains(was, "struct") && was != TypeName(f.Type) {
					t.Fatalf("seed %d: %s was %s and is %s", seed, f.Name, was, TypeName(f.Type))
				}
				before[f.Name] = TypeName(f.Type)
			}
			if n := len(got.Rejects) + int(got.Filtered) + int(got.Rows.NumRows()); n != int(in.NumRows()) || len(got.Rejects) > 0 {
				t.Fatalf("seed %d: %d of %d rows, rejects %v", seed, n, in.NumRows(), got.Rejects)
			}
			for i := range int(in.NumRows()) {
				want, have := AppendJSON(nil, in, i), AppendJSON(nil, got.Rows, i)
				if !reflect.DeepEqual(whole(t, want), whole(t, have)) {
					t.Fatalf("seed %d, batch %d, held %s\nrow %s\nis  %s", seed, batch, schemaText(h.Schema()), want, have)
				}
			}
		}
	}
}

func randomBatch(t *testing.T, rng *rand.Rand) arrow.RecordBatch {
	var names []string
	var text strings.Builder
	var values []func() string
	for _, c := range rng.Perm(4)[:1+rng.IntN(4)] {
		name, value := randomType(rng, 0)
		names = append(names, fmt.Sprintf("c%d %s", c, name))
		values = append(values, func() string { return fmt.Sprintf(`"c%d":%s`, c, value()) })
	}
	for range 1 + rng.IntN(6) {
		var fields []string
		for _, v := range values {
			if rng.IntN(5) > 0 {
				fields = append(fields, v())
			}
		}
		text.WriteString("{" + strings.Join(fields, ",") + "}\n")
	}
	return table(t, strings.Join(names, ", "), text.String())
}

// whole reads a row with its companions put back, so that rows can be compared by what they mean.
func whole(t *testing.T, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return meaning(t, v)
}

func meaning(t *testing.T, v any) any {
	switch v := v.(type) {
	case json.Number:
		r, ok := new(big.Rat).SetString(string(v))
		if !ok {
			t.Fatalf("%s is no number", v)
		}
		return r.String()
	case string:
		return strings.TrimSuffix(strings.TrimSuffix(v, "Z"), "T00:00:00") // a date in a column of timestamps
	case []any:
		for i := range v {
			v[i] = meaning(t, v[i])
		}
		return v
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if value == nil {
				continue
			}
			m := meaning(t, value)
			if base, ok := strings.CutSuffix(key, TextSuffix); ok {
				key, m = base, whole(t, []byte(value.(string)))
			} else if base, ok := strings.CutSuffix(key, DoubleSuffix); ok {
				key = base
			}
			if _, twice := out[key]; twice {
				t.Fatalf("two values of %s in %v", key, v)
			}
			if m != nil {
				out[key] = m
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}
