package expr

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each example of docs/expressions.md, a row of a table with an expression and its value, is true; and each function is there.
func TestThePageOfExpressionsIsTrue(t *testing.T) {
	raw, err := os.ReadFile("../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	one := batch(t, [2]string{"i bigint", "[0]"})
	examples := regexp.MustCompile("(?m)\\| `([^`\n]+)` \\| `([^`\n]+)` \\|$").FindAllStringSubmatch(page, -1)
	if len(examples) < 30 {
		t.Fatalf("the page has %d examples", len(examples))
	}
	for _, e := range examples {
		text := strings.ReplaceAll(e[1], `\|`, "|")
		if got, errs := evalJSON(t, text, one); got != e[2] || len(errs) > 0 {
			t.Errorf("%s = %s %v, the page says %s", text, got, errs, e[2])
		}
	}
	for name := range maps.Keys(functions) {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page does not tell of %s", name)
		}
	}
	for name := range maps.Keys(aliases) {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page does not tell of %s", name)
		}
	}
}
