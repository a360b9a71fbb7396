package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The input that other tools stop at, drop or get wrong: 200,000 rows with trouble after 100,000 or 150,000.
func TestMessyInputLosesNothing(t *testing.T) {
	const rows, half, late = 200_000, 100_000, 150_000
	plain := func(i int) string {
		return fmt.Sprintf(`{"id":%d,"x":%d,"more":"some forty letters to fill the first block"}`, i, i*7)
	}
	after := func(from int, trouble func(i int) string) func(int) string {
		return func(i int) string {
			if i >= from {
				return trouble(i)
			}
			return plain(i)
		}
	}
	once := func(at int, trouble string) func(int) string {
		return func(i int) string {
			if i == at {
				return trouble
			}
			return plain(i)
		}
	}
	var mu sync.Mutex
	var tasks []task
	root := t.TempDir()
	t.Cleanup(func() { whole(t, tasks...) })
	for _, c := range []struct {
		name       string
		line       func(i int) string
		rejected   int64
		changes    string // of the schema
		coerced    string
		duplicates int64
	}{
		{"one malformed line", once(half, `{"id":100000,"x":7`), 1, "", "", 0},
		{"int becomes float", after(half, func(i int) string { return fmt.Sprintf(`{"id":%d,"x":%d.5}`, i, i) }), 0, "column x__v_double double added", "x:100000", 0},
		{"new field", after(late, func(i int) string { return fmt.Sprintf(`{"id":%d,"x":1,"new":"n%d"}`, i, i) }), 0, "column new varchar added", "", 0},
		{"null, then string", func(i int) string {
			if i < late {
				return fmt.Sprintf(`{"id":%d,"x":null}`, i)
			}
			return fmt.Sprintf(`{"id":%d,"x":"text %d"}`, i, i)
		}, 0, "column x varchar added", "", 0},
		{"2^63", once(late, `{"id":150000,"x":9223372036854775808}`), 0, "column x__v_text varchar added", "x:1", 0},
		{"2^64", once(late, `{"id":150000,"x":18446744073709551616}`), 0, "column x__v_text varchar added", "x:1", 0},
		{"duplicate key", once(late, `{"id":150000,"x":1,"x":2}`), 0, "", "", 1},
		{"int, then text", after(late, func(i int) string { return fmt.Sprintf(`{"id":%d,"x":"t%d"}`, i, i) }), 0, "column x__v_text varchar added", "x:50000", 0},
		{"Name and name", after(half, func(i int) string { return fmt.Sprintf(`{"id":%d,"Name":"A%d","name":"b%d"}`, i, i, i) }), 0, "column name varchar added", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp(root, "")
			if err != nil {
				t.Fatal(err)
			}
			input := filepath.Join(dir, "in.ndjson")
			var text strings.Builder
			for i := range rows {
				text.WriteString(c.line(i))
				text.WriteByte('\n')
			}
			if err := os.WriteFile(input, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			egress(t, dir, text.String(), "out/", "--roll-rows", "40000", "--commit-every", "100ms").inside(t, 256<<20)
			out := filepath.Join(dir, "out")
			log, sum := records(t, out, "part")
			if sum.Read != rows || sum.Rejected != c.rejected || sum.Written != rows-c.rejected || sum.Made+sum.Filtered+sum.Absorbed != 0 {
				t.Errorf("counts %+v", sum)
			}
			var changes []string
			coerced, duplicates := map[string]int64{}, int64(0)
			for _, r := range log {
				duplicates += r.Duplicates
				changes = append(changes, r.Schema.Changes...)
				for column, n := range r.Coerced {
					coerced[column] += n
				}
			}
			if !strings.Contains(strings.Join(changes, "\n"), c.changes) {
				t.Errorf("changes %q lack %q", changes, c.changes)
			}
			if got := fmt.Sprint(coerced); got != "map["+c.coerced+"]" {
				t.Errorf("coerced %v, want %s", coerced, c.coerced)
			}
			if duplicates != c.duplicates {
				t.Errorf("%d duplicate keys, want %d", duplicates, c.duplicates)
			}
			mu.Lock()
			defer mu.Unlock()
			tasks = append(tasks, taskOf(t, input, out, "part"))
		})
	}
}
