package services

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The packages of the reading engines, pinned so that the tests mean the same everywhere.
var (
	readers = []string{"duckdb==1.5.5", "pyarrow==25.0.0", "pandas==3.1.0", "polars==2.1.0"}
	spark   = []string{"pyspark==3.5.9"}
)

// Python returns an interpreter that has duckdb, pyarrow, pandas and polars.
func Python(t testing.TB) string {
	t.Helper()
	return venv(t, "python-readers", readers)
}

// Spark returns an interpreter that has pyspark; Java 17 must be on the machine.
func Spark(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("java"); err != nil {
		Missing(t, "Java", err)
	}
	return venv(t, "python-spark", spark)
}

func venv(t testing.TB, name string, packages []string) string {
	t.Helper()
	dir, err := once(name, func(dir string) error {
		if err := run("python3", "-m", "venv", dir); err != nil {
			return err
		}
		return run(filepath.Join(dir, "bin", "python"), append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, packages...)...)
	})
	if err != nil {
		Missing(t, "Python with "+strings.Join(packages, " "), err)
	}
	return filepath.Join(dir, "bin", "python")
}

// Script runs a Python program with arguments and returns what it printed.
func Script(t testing.TB, python, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(python, append([]string{"-c", program}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s%s", err, out, errs.String())
	}
	return string(out)
}

func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
