package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// duckdbFlat and duckdbFolders do what egress does. argv: the input, the output.
const (
	duckdbFlat = `
import sys, duckdb
duckdb.sql(f"""COPY (SELECT * FROM read_json('{sys.argv[1]}', format = 'newline_delimited'))
  TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)""")
`
	duckdbFolders = `
import sys, duckdb
duckdb.sql(f"""COPY (SELECT *, day(event_timestamp) AS day FROM read_json('{sys.argv[1]}', format = 'newline_delimited'))
  TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (page_url_path, day))""")
`
	duckdbStart = `import duckdb; duckdb.sql("SELECT 1").fetchall()`
)

// findDuckDB returns an interpreter that has duckdb: the one given, else the one that the tests installed, else python3.
func findDuckDB(given string) (string, error) {
	try := []string{given}
	if given == "" {
		cache := os.Getenv("GROS_TEST_CACHE")
		if base, err := os.UserCacheDir(); cache == "" && err == nil {
			cache = filepath.Join(base, "gros-test")
		}
		try = []string{filepath.Join(cache, "python-readers", "bin", "python"), "python3"}
	}
	var errs []error
	for _, python := range try {
		out, err := exec.Command(python, "-c", "import duckdb").CombinedOutput()
		if err == nil {
			return python, nil
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		errs = append(errs, fmt.Errorf("%s: %w %s", python, err, lines[len(lines)-1]))
	}
	return "", fmt.Errorf("%w; `make test` installs it, or name an interpreter by -python", errors.Join(errs...))
}

func duckdbVersion(python string) string {
	out, err := exec.Command(python, "-c", "import duckdb; print(duckdb.__version__)").Output()
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(out))
}
