package e2e

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// webEvents are the settings of the example at a pace at which there is something to kill.
var webEvents = []string{"--set", "source.generate.rate=40000", "--set", "commit.every=250ms"}

func startWebEvents(t *testing.T, dir string, more ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"run", example(t, "web-events.yaml")}, webEvents...)
	c := gros(dir, append(args, more...)...)
	c.Stderr = new(strings.Builder)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKilledAtRandomEveryRowIsThereOnce(t *testing.T) {
	dir := t.TempDir()
	for range rounds() {
		c := startWebEvents(t, dir)
		time.Sleep(time.Duration(rand.Int64N(int64(600 * time.Millisecond))))
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		c.Wait()
		left := run(t, dir, "", "verify", "--json", "parquet_demo_out/")
		if left.code != 0 && left.code != 3 { // 3: killed before there was a place
			t.Fatalf("verify after the kill: exit %d\n%s%s", left.code, left.stdout, left.stderr)
		}
	}
	c := startWebEvents(t, dir)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, c.Stderr)
	}
	checkWebEvents(t, dir)
}

// checkWebEvents counts the 100,000 events of the example by every means.
func checkWebEvents(t *testing.T, dir string) {
	t.Helper()
	out := filepath.Join(dir, "parquet_demo_out")
	if _, rows := verified(t, dir, "parquet_demo_out/"); rows != 100_000 {
		t.Errorf("verify counts %d rows", rows)
	}
	if rows, ids := counted(t, out, "event_id"); rows != 100_000 || ids != 100_000 {
		t.Errorf("engines count %d rows, %d ids", rows, ids)
	}
	staged, err := os.ReadDir(filepath.Join(out, "_gros/part/staged"))
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(staged) > 0 {
		t.Errorf("left behind: %v, %v", staged, err)
	}
}

// A is stopped, B takes over and finishes, A wakes: it must say that it was fenced, and every row is there once.
func TestASleeperIsFenced(t *testing.T) {
	dir := t.TempDir()
	a := startWebEvents(t, dir)
	time.Sleep(700 * time.Millisecond)
	if err := a.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b := startWebEvents(t, dir)
	if err := b.Wait(); err != nil {
		t.Fatalf("B: %v\n%s", err, b.Stderr)
	}
	if err := a.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	a.Wait()
	if code := a.ProcessState.ExitCode(); code != 4 {
		t.Errorf("A ends with %d, want 4", code)
	}
	if said := a.Stderr.(*strings.Builder).String(); !strings.Contains(said, "fenced") {
		t.Errorf("A says %s", said)
	}
	checkWebEvents(t, dir)
}

func TestASignalCommitsAndEndsWell(t *testing.T) {
	dir := t.TempDir()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := startWebEvents(t, dir, "--set", "commit.every=1h")
		time.Sleep(500 * time.Millisecond)
		if err := c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			t.Fatalf("%v: %v\n%s", signal, err, c.Stderr)
		}
		if _, rows := verified(t, dir, "parquet_demo_out/"); rows == 0 {
			t.Errorf("%v: nothing was committed", signal)
		}
	}
	c := startWebEvents(t, dir)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, c.Stderr)
	}
	checkWebEvents(t, dir)
}

// Many processes hand over rows at one place at once.
func TestManyEgressProcessesAtOnePlace(t *testing.T) {
	dir := t.TempDir()
	const processes, each = 8, 500
	var running []*exec.Cmd
	for p := range processes {
		var rows strings.Builder
		for i := range each {
			rows.WriteString(`{"id": "` + string(rune('a'+p)) + "-" + time.Duration(i).String() + `", "p": ` + string(rune('0'+p)) + "}\n")
		}
		c := gros(dir, "egress", "out/", "--partition-by", "p", "--commit-every", "50ms")
		c.Stdin, c.Stderr = strings.NewReader(rows.String()), new(strings.Builder)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	for _, c := range running {
		if err := c.Wait(); err != nil {
			t.Errorf("%v\n%s", err, c.Stderr)
		}
	}
	if _, rows := verified(t, dir, "out/"); rows != processes*each {
		t.Errorf("%d rows", rows)
	}
	if rows, ids := counted(t, filepath.Join(dir, "out"), "id"); rows != processes*each || ids != rows {
		t.Errorf("engines count %d rows, %d ids", rows, ids)
	}
}
