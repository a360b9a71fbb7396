package chunk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gros-lake/gros/fault"
)

func TestPathsName(t *testing.T) {
	for text, want := range map[string]string{
		"data/events.parquet":                "data/|events|.parquet|",
		"out/":                               "out/|part||",
		"events.jsonl.gz":                    "|events|.jsonl.gz|",
		"/abs/a.b.csv.zst":                   "/abs/|a.b|.csv.zst|",
		"s3://lake/raw/":                     "s3://lake/raw/|part||",
		"file:///tmp/x.csv":                  "file:///tmp/|x|.csv|",
		"data/events":                        "data/|events||",
		"data/{kind}/events.parquet":         "data/|events|.parquet|{kind}/",
		"{kind}/":                            "|part||{kind}/",
		"s3://b/a/x{lower(kind)}y/z/e.csv":   "s3://b/a/|e|.csv|x{lower(kind)}y/z/",
		"a/{x}/b/{y}/c.csv":                  "a/|c|.csv|{x}/b/{y}/",
		"a{{b}}/c.csv":                       "a{b}/|c|.csv|",
		"events.gz":                          "|events|.gz|",
		"out/{substr(kind, 1, 2)}/e.parquet": "out/|e|.parquet|{substr(kind, 1, 2)}/",
	} {
		p, err := ParsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var below strings.Builder
		for _, piece := range p.Below {
			if piece.Expr != nil {
				below.WriteString("{" + piece.Expr.Text() + "}")
			}
			below.WriteString(piece.Text)
		}
		if got := fmt.Sprintf("%s|%s|%s|%s", p.Folder, p.Stem, p.Suffix, below.String()); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "a/{kind}.parquet", "{kind}", "a/{kind", "a/kind}/x.csv", "a/{}/x.csv", "a/{k i}/x.csv", "a/_x.csv", "a/.parquet", "..", "a/.", "s3://{b}/x.csv"} {
		if p, err := ParsePath(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is %v, %v", text, p, err)
		}
	}
}

func TestPartitionByNames(t *testing.T) {
	for entry, want := range map[string]string{
		"page": "page page", "year(ts)": "year ", "month( ts )": "month ", "DAY(ts)": "day ", "y=year(ts)": "y ", "bucket(16, id)": "id_bucket ",
		"truncate(4, sku)": "sku_trunc ", "p = page": "p ", "page=page": "page page", `"a b"`: "a b a b", `"x y"=page`: "x y ",
		"hour(date_trunc('day', ts))": "hour ", "s.page": "page ", "bucket(4, s.id)": "id_bucket ", "big=amount > 5": "big ",
	} {
		p, err := ParsePartitionBy([]string{entry})
		if err != nil {
			t.Errorf("%s: %v", entry, err)
			continue
		}
		if got := p[0].Name + " " + p[0].Column; got != want {
			t.Errorf("%s is %q, want %q", entry, got, want)
		}
	}
	for _, entries := range [][]string{{"year(a) + year(b)"}, {"lower(x)"}, {"x == 1"}, {"year(a"}, {""}, {"bucket(4, lower(x))"}, {"1"}, {"year(a)", "year(b)"}, {"page", "page=lower(page)"}} {
		if p, err := ParsePartitionBy(entries); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is %v, %v", entries, p, err)
		} else if len(entries) == 2 && fault.HintOf(err) == "" {
			t.Errorf("%q: no hint: %v", entries, err)
		}
	}
}

func TestValuesAreEscapedAsSparkDoes(t *testing.T) {
	for value, want := range map[string]string{
		"/home": "%2Fhome", "a b": "a b", "100%": "100%25", "a=b:c?d": "a%3Db%3Ac%3Fd", "é": "é", "{}[]": "%7B}%5B%5D", "\n\x00\x7f": "%0A%00%7F",
		`"#'*\^`: "%22%23%27%2A%5C%5E", "2024-01-01 00:00:00": "2024-01-01 00%3A00%3A00", "plain-._~!$&()+,;<>@|`": "plain-._~!$&()+,;<>@|`",
	} {
		if got := Escape(value); got != want || Unescape(got) != value {
			t.Errorf("%q is %q, want %q; back %q", value, got, want, Unescape(got))
		}
	}
	for text, want := range map[string]string{"%": "%", "%2": "%2", "%zz": "%zz", "%2f%2F": "//", "a%25": "a%"} {
		if got := Unescape(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestKeysNameTheirPartitions(t *testing.T) {
	got := fmt.Sprint(ParsePartitions("data/year=2024/page=%2Fhome/x=__HIVE_DEFAULT_PARTITION__/plain/a%3Db=c/=d/events_1.parquet"))
	if want := "[{year 2024 false} {page /home false} {x __HIVE_DEFAULT_PARTITION__ true} {a=b c false}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a/b=%")
	f.Fuzz(func(t *testing.T, value string) {
		text := Escape(value)
		if Unescape(text) != value || strings.ContainsAny(text, "/=\x00") {
			t.Fatalf("%q is %q, back %q", value, text, Unescape(text))
		}
	})
}
