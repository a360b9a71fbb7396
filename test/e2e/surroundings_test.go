package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody makes a folder that all may use, and a function that runs gros there as a user without rights.
func nobody(t *testing.T) (dir string, as func(stdin string, args ...string) result) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gros-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "gros")
	copied, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Chmod(dir, 0o777), os.WriteFile(program, copied, 0o755), os.Chmod(program, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(stdin string, args ...string) result {
		t.Helper()
		c := exec.Command(program, args...)
		var out, errs bytes.Buffer
		c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, strings.NewReader(stdin), &out, &errs
		if os.Getuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		err := c.Run()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
	}
}

func TestWithoutPermission(t *testing.T) {
	dir, as := nobody(t)
	chmod := func(name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	denied := func(what string, r result) {
		t.Helper()
		if r.code != 5 || !strings.Contains(r.stderr, "permission denied") || !strings.Contains(r.stderr, what) || !strings.Contains(r.stderr, "→") {
			t.Errorf("%s: exit %d: %s", what, r.code, r.stderr)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "ro"), 0o555); err != nil {
		t.Fatal(err)
	}
	denied("ro/out", as(`{"a":1}`, "egress", "ro/out/")) // a parent that cannot be written
	denied("ro", as(`{"a":1}`, "egress", "ro/"))

	if r := as(`{"a":1}`, "egress", "mine/"); r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	chmod("mine/_gros/part/log", 0o555)
	denied("log", as(`{"a":2}`, "egress", "mine/"))
	chmod("mine/_gros/part/log", 0o755)
	if got := len(chunks(t, filepath.Join(dir, "mine"))); got != 1 {
		t.Errorf("%d files after a record that could not be put", got)
	}
	if r := as(`{"a":3}`, "egress", "mine/"); r.code != 0 {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	answers(t, filepath.Join(dir, "mine"), "select list(a order by a) from read_parquet(@)", "[[1,3]]")

	// The record of {"a":4} is put, its file cannot be shown: whoever comes next shows it.
	chmod("mine", 0o555)
	denied("mine", as(`{"a":4}`, "egress", "mine/"))
	chmod("mine", 0o755)
	if r := as(`{"a":5}`, "egress", "mine/"); r.code != 0 {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	answers(t, filepath.Join(dir, "mine"), "select list(a order by a) from read_parquet(@)", "[[1,3,4,5]]")
	if _, rows := verified(t, dir, "mine/"); rows != 4 {
		t.Errorf("%d rows", rows)
	}

	write(t, dir, "in.jsonl", `{"a":1}`)
	chmod("in.jsonl", 0)
	write(t, dir, "p.yaml", "name: p\nsource: {files: {path: in.jsonl}}\nsink: {files: {path: mine/copied.parquet}}\n")
	chmod("p.yaml", 0o644)
	denied("in.jsonl", as("", "run", "p.yaml"))
	chmod("p.yaml", 0)
	if r := as("", "run", "p.yaml"); r.code != 5 || !strings.Contains(r.stderr, "p.yaml: permission denied") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestAFileIsNoPlace(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plain", "I was here first")
	for _, dest := range []string{"plain/", "plain/deep/", "plain/events.parquet", "plain/a/b.jsonl"} {
		r := run(t, dir, `{"a":1}`, "egress", dest)
		if r.code != 2 || !strings.Contains(r.stderr, "plain") {
			t.Errorf("%s: exit %d: %s", dest, r.code, r.stderr)
		}
	}
	if text := contents(t, filepath.Join(dir, "plain")); text != "I was here first" {
		t.Errorf("it became %q", text)
	}
}

// A log that a clock put a day ahead is gone on with: what orders commits is their number.
func TestAClockThatJumpsBack(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	egress(t, dir, `{"id":1}`, "out/")
	ahead := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339Nano)
	names, err := filepath.Glob(filepath.Join(out, "_gros/part/log/*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%q %v", names, err)
	}
	for _, name := range names {
		var r map[string]any
		if err := json.Unmarshal([]byte(contents(t, name)), &r); err != nil {
			t.Fatal(err)
		}
		r["time"] = ahead
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for id := 2; id <= 4; id++ {
		egress(t, dir, fmt.Sprintf(`{"id":%d}`, id), "out/")
	}
	if got := shapes(t, out); len(got) != 4 {
		t.Errorf("chunks %q", got)
	}
	answers(t, out, "select list(id order by id) from read_parquet(@)", "[[1,2,3,4]]")
	if _, rows := verified(t, dir, "out/"); rows != 4 {
		t.Errorf("%d rows", rows)
	}
	log, _ := records(t, out, "part")
	for i, r := range log {
		if r.Seq != int64(i)+1 {
			t.Errorf("record %d has seq %d", i+1, r.Seq)
		}
	}
}

func TestStandardInputEndsEarly(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := exec.Command("sh", "-c", `exec "$0" egress out/ <&-`, binary)
		c.Dir = dir
		if text, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	})
	t.Run("in the middle of a row", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		egress(t, dir, "{\"a\":1}\n{\"a\":2}\n{\"a\":", "out/")
		out := filepath.Join(dir, "out")
		if _, sum := records(t, out, "part"); sum != (counts{Read: 3, Written: 2, Rejected: 1}) {
			t.Errorf("counts %+v", sum)
		}
	})
	t.Run("while its writer waits", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := gros(dir, "egress", "out.jsonl", "--commit-every", "50ms")
		stdin, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		c.Stderr = &errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stdin, "{\"a\":1}\n{\"a\":2}"); err != nil {
			t.Fatal(err)
		}
		// The whole row becomes visible though nothing follows; the other waits for its end.
		for limit := time.Now().Add(30 * time.Second); dataOf(t, dir) != "{\"a\":1}\n"; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("not visible: %q\n%s", dataOf(t, dir), errs.String())
			}
		}
		if err := stdin.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		if got := dataOf(t, dir); got != "{\"a\":1}\n{\"a\":2}\n" {
			t.Errorf("rows %q", got)
		}
	})
}

// Who reads our output may stop: that is no error, and it ends.
func TestStandardOutputIsClosed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p.yaml", "name: p\nsource: {generate: {kind: web_events}}\nsink: {stdout: {format: json}}\ncommit: {every: 50ms}\n")
	c := gros(dir, "run", "p.yaml")
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, `{"event_id":"`) {
		t.Errorf("%q %v", line, err)
	}
	stdout.Close()
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case err := <-done:
		if err != nil || strings.Contains(errs.String(), "panic") {
			t.Errorf("%v: %s", err, errs.String())
		}
	case <-time.After(time.Minute):
		c.Process.Kill()
		t.Fatalf("it goes on: %s", errs.String())
	}
}

func TestTheBreakerStopsWhatIsSimplyWrong(t *testing.T) {
	line := func(bad, every int) string {
		var b strings.Builder
		for i := range 10_000 {
			if i%every < bad {
				b.WriteString("wrong\n")
			} else {
				fmt.Fprintf(&b, "{\"id\":%d}\n", i)
			}
		}
		return b.String()
	}
	dir := t.TempDir()
	r := run(t, dir, line(1, 10), "egress", "out/", "--from", "ndjson", "--max-rejects", "25 of 1000")
	if r.code != 2 || !strings.Contains(r.stderr, "25 of 1000") || !strings.Contains(r.stderr, "malformed") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	if keys := chunks(t, filepath.Join(dir, "out")); len(keys) > 0 {
		t.Errorf("wrote %q", keys)
	}
	r = run(t, dir, line(1, 100), "egress", "out/", "--from", "ndjson", "--max-rejects", "25 of 1000")
	if r.code != 0 || !strings.Contains(r.stderr, "100 rows were rejected") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	r = run(t, dir, line(1, 100), "egress", "out/", "--from", "ndjson", "--max-rejects", "99")
	if r.code != 2 {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// A sink that fails is never silent, and the other's rows are kept.
func TestAFailingSinkFailsThePipeline(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "plain", "a file")
	write(t, dir, "p.yaml", `
name: p
source: {generate: {kind: rows, rows: 1000, columns: {id: sequence}}}
sinks:
  - {name: good, files: {path: good/}}
  - {name: bad, files: {path: plain/}}
`)
	r := run(t, dir, "", "run", "p.yaml")
	if r.code != 2 || !strings.Contains(r.stderr, "sink bad") || !strings.Contains(r.stderr, "plain") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	write(t, dir, "p.yaml", strings.Replace(contents(t, filepath.Join(dir, "p.yaml")), "plain/", "mended/", 1))
	must(t, dir, "", "run", "p.yaml")
	for _, place := range []string{"good", "mended"} {
		answers(t, filepath.Join(dir, place), "select count(*), count(distinct id) from read_parquet(@)", "[1000,1000]")
	}
}
