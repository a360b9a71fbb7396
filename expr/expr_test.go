package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/gros-lake/gros/fault"
)

func TestCanonicalTextHasOnlyTheBracketsItNeeds(t *testing.T) {
	for text, want := range map[string]string{
		"YEAR( ts )":                          "year(ts)",
		"device_type <> 'Bot'":                "device_type <> 'Bot'",
		"a!='it''s'":                          "a <> 'it''s'",
		"((a))+(b*c)":                         "a + b * c",
		"(a+b)*c":                             "(a + b) * c",
		"a-(b-c)":                             "a - (b - c)",
		"a - b - c":                           "a - b - c",
		"a or b and not c":                    "a or b and not c",
		"(a or b) and not (c or d)":           "(a or b) and not (c or d)",
		"not not a":                           "not not a",
		"NOT a IN (1,2)":                      "a not in (1, 2)",
		"a not in (1)":                        "a not in (1)",
		"not (a = b)":                         "not a = b",
		"(not a) = b":                         "(not a) = b",
		"a is not null":                       "a is not null",
		"not a is null":                       "a is not null",
		"(a = b) is null":                     "a = b is null",
		"a = (b is null)":                     "a = (b is null)",
		"a between 1 and 2 and b":             "a between 1 and 2 and b",
		"a not between 1 and (b and c)":       "a not between 1 and (b and c)",
		"a like 'x%' escape '!'":              "a like 'x%' escape '!'",
		"a not ilike 'x'":                     "a not ilike 'x'",
		"x::int":                              "cast(x as integer)",
		"x::timestamp with time zone":         "cast(x as timestamptz)",
		"x::decimal(10,2)::varchar":           "cast(cast(x as decimal(10,2)) as varchar)",
		"try_cast(x as double precision)":     "try_cast(x as double)",
		"cast(x as struct(a int, b int[])[])": "cast(x as struct(a integer, b integer[])[])",
		"-5":                                  "-5",
		"- -5":                                "-(-5)",
		"-(5)":                                "-5",
		"-a":                                  "-a",
		"-(-a)":                               "-(-a)",
		"a - -5":                              "a - -5",
		"-5::int":                             "-cast(5 as integer)",
		"+a":                                  "a",
		"1_000 + 0012 + .5 + 5. + 1E5":        "1000 + 12 + 0.5 + 5. + 1e5",
		"a||'b'||1+2":                         "a || 'b' || 1 + 2",
		"a.b.c + \"a.b\" + \"select me\"":     `a.b.c + "a.b" + "select me"`,
		`"null" is null`:                      `"null" is null`,
		"date":                                "date",
		"date '2024-01-01' < timestamp '2024-01-01 10:00:00'": "date '2024-01-01' < timestamp '2024-01-01 10:00:00'",
		"case when a then 1 end":                              "case when a then 1 end",
		"case a when 1 then 'x' when 2 then 'y' else b end":   "case a when 1 then 'x' when 2 then 'y' else b end",
		"substring(a, 1)":                                     "substr(a, 1)",
		"a -- comment\n+ b":                                   "a + b",
		"Größe > 1":                                           "Größe > 1",
	} {
		e, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
		if again, err := Parse(want); err != nil || again.String() != want {
			t.Errorf("%s does not come back: %v, %v", want, again, err)
		}
	}
}

func TestWhatIsNoExpressionIsShownByItsPlace(t *testing.T) {
	for _, c := range []struct {
		text          string
		column        int
		message, hint string
	}{
		{"", 1, "ends where a value", ""},
		{"a +", 4, "ends where a value", ""},
		{"a b", 3, "b where an operator", ""},
		{"yaer(ts)", 1, "no function yaer", "did you mean year?"},
		{"größe + yaer(ts)", 9, "no function yaer", "did you mean year?"},
		{"year(a, b)", 1, "year does not take 2 arguments", "year(date or timestamp)"},
		{"x = 'abc", 5, "quote is not closed", ""},
		{"x = \"abc\" 'd'", 11, "'d' where an operator", "single quotes"},
		{"a < b < c", 7, "do not chain", "a < b and b < c"},
		{"a in ()", 3, "empty", ""},
		{"a not 5", 7, "5 where", ""},
		{"case a else 1 end", 8, "else where “when”", ""},
		{"case when a then 1", 19, "ends where “end”", ""},
		{"end > 1", 1, "end where a value", `written "end"`},
		{"a ; b", 3, "';' means nothing", ""},
		{"(a", 3, "ends where “)”", ""},
		{"x::bigin", 4, "no type", "did you mean bigint?"},
		{"x::decimal(50,2)", 4, "decimal", "1 to 38"},
		{"date '2024-02-30'", 6, "is no date", ""},
		{"12abc", 1, "is no number", ""},
		{"1e", 1, "no digits", ""},
		{`"" = 1`, 1, "cannot be empty", ""},
		{"a.5", 2, "where an operator", ""},
		{"a\xff", 1, "UTF-8", ""},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if e.Column != c.column || !strings.Contains(e.Message, c.message) || !strings.Contains(fault.HintOf(err), c.hint) {
			t.Errorf("%s: %d %q hint %q, want %d %q %q", c.text, e.Column, e.Message, fault.HintOf(err), c.column, c.message, c.hint)
		}
	}
}

func TestDeepTextIsAnErrorAndNoCrash(t *testing.T) {
	const n = 100_000
	for _, text := range []string{
		strings.Repeat("(", n), strings.Repeat("(", n) + "a" + strings.Repeat(")", n), strings.Repeat("-", 1) + strings.Repeat(" -", n) + "a",
		strings.Repeat("not ", n) + "a", "a" + strings.Repeat("+a", n), "a" + strings.Repeat("::int", n), strings.Repeat("case when ", n),
		strings.Repeat("abs(", n), "a" + strings.Repeat(" is null", n), "x::" + strings.Repeat("struct(a ", n), "x::int" + strings.Repeat("[]", n),
		strings.Repeat("a", 2<<20),
	} {
		if _, err := Parse(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20s…: %v", text, err)
		}
	}
	if _, err := Parse("a" + strings.Repeat(" or a", maxDepth-1)); err != nil {
		t.Error(err)
	}
}

func TestColumnsAreThePathsInOrder(t *testing.T) {
	e, err := Parse(`b.c + a * b.c - "x y"`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.Columns(), "|"); got != "b.c|a|x y" {
		t.Errorf("columns = %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"year(ts)", "a + b * -c", "not (a in (1, null)) or b is not null", "case x when 1 then 'a' else \"b\".c end", "x::decimal(10,2) || 'é'",
		"date '2024-01-01' between a and b", "a like '%x' escape '!'", "- - 5", "-(5)", "1.5e-3 // .5", "try_cast(a as int[])", "a = b is null", "(a <> b) = c",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		canonical := e.String()
		again, err := Parse(canonical)
		if err != nil {
			t.Fatalf("%q: %q does not parse: %v", text, canonical, err)
		}
		if !sameNode(e.root, again.root) {
			t.Fatalf("%q: %q is another expression: %q", text, canonical, again)
		}
	})
}

func sameNode(a, b *node) bool {
	if a.kind != b.kind || a.literal != b.literal || a.text != b.text || strings.Join(a.path, "\x00") != strings.Join(b.path, "\x00") || len(a.args) != len(b.args) {
		return false
	}
	for i := range a.args {
		if !sameNode(a.args[i], b.args[i]) {
			return false
		}
	}
	return true
}
