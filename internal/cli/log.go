package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
)

func (a *app) logCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "log PLACE",
		Short: "Print the commits of a place, newest first",
		Long: `Print the commits of a place, newest first.

A folder shows the commits of all names that were written in it; out/events.parquet shows those of this one. With --json
each commit is one object on a line: its rows, files, positions and schema.`,
		Example: `  gros log out/
  gros log out/events.parquet -n 1 --json`,
		Args: exactly(1, "name the folder: gros log out/"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkNumber(c, int64(limit)); err != nil {
				return err
			}
			v, err := gros.Look(c.Context(), args[0], gros.LookOptions{Log: a.log})
			if err != nil {
				return err
			}
			if limit == 0 {
				return nil
			}
			n, several := 0, len(v.Stems()) > 1
			for commit, err := range v.Commits(c.Context()) {
				if err != nil {
					return err
				}
				if a.json {
					err = a.printJSON(commit)
				} else {
					_, err = fmt.Fprint(a.stdout, a.commitLines(commit, several))
				}
				if n++; err != nil || n == limit {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().IntVarP(&limit, "number", "n", -1, "print the newest `commits` only")
	c.Flags().Lookup("number").DefValue = "0" // help says what no number means
	return c
}

// commitLines is a commit as people read it.
func (a *app) commitLines(c *gros.Commit, several bool) string {
	head := fmt.Sprintf("%4d  %s  %-4s  %s", c.Seq, clock(c.Time), c.Kind, c.Pipeline)
	if several {
		head += "  at " + c.Stem
	}
	if c.Kind == "data" {
		head += "  " + rowsOf(c)
	}
	lines := []string{head}
	if text := filesOf(c); text != "" {
		lines = append(lines, "      "+text)
	}
	if text := positionsOf(c); text != "" {
		lines = append(lines, "      "+text)
	}
	if c.Schema != nil && len(c.Schema.Changes) > 0 {
		text := strings.Join(c.Schema.Changes, ", ")
		if n := len(c.Schema.Changes); n > 3 {
			text = fmt.Sprintf("%d changes, see gros schema", n)
		}
		lines = append(lines, "      schema: "+visible(text))
	}
	w := a.columns()
	for i := range lines {
		if w > 0 {
			lines[i] = cut(lines[i], w)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// rowsOf says what became of the rows: +100,000 rows (read 100,010, rejected 10).
func rowsOf(c *gros.Commit) string {
	text := "+" + counted(c.Rows.Written, "row")
	var parts []string
	add := func(what string, n int64) {
		if n > 0 {
			parts = append(parts, what+" "+grouped(n))
		}
	}
	if c.Rows.Read != c.Rows.Written {
		add("read", c.Rows.Read)
	}
	add("made", c.Rows.Made)
	add("rejected", c.Rows.Rejected)
	add("filtered", c.Rows.Filtered)
	add("absorbed", c.Rows.Absorbed)
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

func filesOf(c *gros.Commit) string {
	var data, rejects, bytes int64
	for _, f := range c.Files {
		bytes += f.Bytes
		if f.Reject {
			rejects++
		} else {
			data++
		}
	}
	var parts []string
	if data > 0 {
		parts = append(parts, counted(data, "file"))
	}
	if rejects > 0 {
		parts = append(parts, counted(rejects, "file")+" of rejects")
	}
	if len(parts) > 0 {
		parts = append(parts, byteSize(bytes))
	}
	if len(c.Removes) > 0 {
		parts = append(parts, counted(int64(len(c.Removes)), "file")+" removed")
	}
	for _, seq := range c.Voids {
		parts = append(parts, fmt.Sprintf("takes back commit %d", seq))
	}
	return strings.Join(parts, ", ")
}

// positionsOf shows where the first splits stand.
func positionsOf(c *gros.Commit) string {
	const shown = 2
	names := slices.Sorted(maps.Keys(c.Positions))
	var parts []string
	for i, name := range names {
		if i == shown && len(names) > shown+1 {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-shown))
			break
		}
		pos := string(c.Positions[name])
		if pos == "" {
			pos = "the beginning"
		}
		parts = append(parts, visible(cutMiddle(name, 40)+" at "+cutMiddle(pos, 40)))
	}
	return strings.Join(parts, ", ")
}
