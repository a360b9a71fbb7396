package all

import "testing"

func TestFilesFindTheirFormat(t *testing.T) {
	for name, want := range map[string][2]string{
		"a.parquet": {"parquet", ""}, "a.jsonl": {"json", ""}, "a.ndjson.gz": {"json", "gzip"}, "A.JSON": {"json", ""}, "x/a.csv.zst": {"csv", "zstd"}, "a.tsv": {"csv", ""},
		"a.parquet.gz": {"", ""}, "a.txt": {"", ""}, "csv": {"", ""},
	} {
		spec, compression, ok := Formats().ByName(name)
		if spec.Name != want[0] || compression != want[1] || ok != (want[0] != "") {
			t.Errorf("%s is %q compressed by %q, %v", name, spec.Name, compression, ok)
		}
	}
}
