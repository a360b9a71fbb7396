package all_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/all"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/fault"
)

var _ bucket.Opener = all.Open

func TestAPathIsSplitIntoFolderAndKey(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	if err := os.MkdirAll("there/in", 0o777); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string][2]string{
		"data/events.parquet":              {here + "/data", "events.parquet"},
		"./data//x/../events.parquet":      {here + "/data", "events.parquet"},
		"events.parquet":                   {here, "events.parquet"},
		"out/":                             {here + "/out", ""},
		"out/deep/":                        {here + "/out/deep", ""},
		"there":                            {here + "/there", ""},
		"there/in":                         {here + "/there/in", ""},
		"there/in/":                        {here + "/there/in", ""},
		"there/x":                          {here + "/there", "x"},
		".":                                {here, ""},
		"..":                               {filepath.Dir(here), ""},
		"absent/..":                        {here, ""},
		"/":                                {"/", ""},
		"/data/x":                          {"/data", "x"},
		"/x":                               {"/", "x"},
		"in/*/x-{a,b}.jsonl":               {here + "/in", "*/x-{a,b}.jsonl"},
		"*.csv":                            {here, "*.csv"},
		"out/{tenant}/":                    {here + "/out", "{tenant}/"},
		"out/a{tenant}//x.parquet":         {here + "/out", "a{tenant}/x.parquet"},
		"/*/x":                             {"/", "*/x"},
		"data/page=%2Fhome/a b+c":          {here + "/data/page=%2Fhome", "a b+c"},
		"file:///data/page=%2Fhome/a b+c":  {"/data/page=%2Fhome", "a b+c"},
		"FILE://localhost/data/x":          {"/data", "x"},
		"file://" + here + "/there":        {here + "/there", ""},
		"c:/windows is a plain path/x":     {here + "/c:/windows is a plain path", "x"},
		"data/events_2024-01-01T00:00.csv": {here + "/data", "events_2024-01-01T00:00.csv"},
	} {
		b, key, err := all.Open(t.Context(), place)
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		if got := [2]string{b.(*file.Bucket).Root(), key}; got != want {
			t.Errorf("%s: folder and key are %q, want %q", place, got, want)
		}
	}
}

func TestPlacesThatCannotBeOpenedSayWhy(t *testing.T) {
	for place, want := range map[string]string{
		"":                    "the place is empty",
		"s3://bucket/prefix/": "place s3://bucket/prefix/: no bucket of scheme s3; schemes are file://, or a plain path",
		"fiel:///x":           "no bucket of scheme fiel",
		"file://data/x":       "a file URL has an absolute path",
	} {
		_, _, err := all.Open(t.Context(), place)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", place, err, want)
		}
	}
	_, _, err := all.Open(t.Context(), "fiel:///x")
	if got := fault.HintOf(err); got != "did you mean file://?" {
		t.Errorf("hint = %q", got)
	}
}

func TestOpeningMakesNothing(t *testing.T) {
	here := t.TempDir()
	b, _, err := all.Open(t.Context(), here+"/a/b/c.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for o, err := range b.List(t.Context(), "") {
		t.Error(o, err)
	}
	if entries, err := os.ReadDir(here); err != nil || len(entries) > 0 {
		t.Errorf("there is %v, %v", entries, err)
	}
}
