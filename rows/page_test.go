package rows

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the tables of the docs anew")

// matrix says of values of each type which columns they fit, as docs/schema.md shows it. The values of a type are such that
// some of them fit where not all do.
func matrix(t *testing.T) string {
	types := []struct{ name, values string }{
		{"boolean", `true false`},
		{"integer", `1 2147483647`},
		{"bigint", `1 9007199254740993 9223372036854775807`},
		{"decimal(20,2)", `"1.00" "0.25" "123456789012345678.99"`},
		{"double", `1 0.5 1e300`},
		{"varchar", `"x" "1" "true" "2024-02-29"`},
		{"blob", `"AA=="`},
		{"date", `"2024-02-29"`},
		{"time", `"10:00:00"`},
		{"timestamp", `"2024-02-29 00:00:00" "2024-02-29 10:00:00"`},
		{"timestamptz", `"2024-02-29T00:00:00Z" "2024-02-29T10:00:00Z"`},
	}
	var out strings.Builder
	out.WriteString("| value ╲ column |")
	for _, to := range types {
		fmt.Fprintf(&out, " `%s` |", to.name)
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(types)) + "\n")
	for _, from := range types {
		fmt.Fprintf(&out, "| `%s` |", from.name)
		values := strings.Fields(strings.ReplaceAll(from.values, "29 ", "29_"))
		for _, to := range types {
			fit := 0
			for _, v := range values {
				in := table(t, "x "+from.name, `{"x":`+strings.ReplaceAll(v, "_", " ")+`}`)
				got, err := hold(t, columns(t, "x "+to.name), nil, Contract{}).Conform(in)
				if err != nil || len(got.Rejects) > 0 {
					t.Fatalf("%s of %s as %s: %v %v", v, from.name, to.name, err, got.Rejects)
				}
				if got.Rows.Column(0).NullN() == 0 {
					fit++
				}
			}
			cell := "exact"
			switch {
			case from.name == to.name:
				cell = "="
			case fit == len(values):
				cell = "fits"
			case fit == 0:
				cell = "–"
			}
			fmt.Fprintf(&out, " %s |", cell)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func TestThePageOfSchemasShowsWhichValuesFit(t *testing.T) {
	const begin, end, page = "<!-- matrix -->\n", "<!-- /matrix -->", "../docs/schema.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	shown, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no matrix", page)
	}
	want := matrix(t)
	if *rewrite {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if shown != want {
		t.Errorf("the matrix is\n%s\nthe page shows\n%s\ngo test ./rows -rewrite writes it", want, shown)
	}
}
