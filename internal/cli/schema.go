package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
)

// shownChanges is how many changes of one commit people are shown; the columns themselves stand above them.
const shownChanges = 5

func (a *app) schemaCommand() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "schema PLACE",
		Short: "Print the columns of a place, and how they came about",
		Long: `Print the columns of a place with their types in SQL, and how they came about: each change, when, and by which commit.
Of files without a log, the columns of all files together; texts are read to their ends for it.`,
		Example: `  gros schema out/
  gros schema events.jsonl --json`,
		Args: exactly(1, "name the place: gros schema out/"),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := gros.Look(c.Context(), args[0], gros.LookOptions{Format: from, Log: a.log})
			if err != nil {
				return err
			}
			h, err := v.History(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(h)
			}
			return a.printSchema(h, len(v.Stems()) > 1)
		},
	}
	c.Flags().StringVar(&from, "from", "", "`format` of files whose suffix does not tell: parquet, json, csv")
	return c
}

func (a *app) printSchema(h *gros.SchemaHistory, several bool) error {
	var b strings.Builder
	names := 0
	for _, c := range h.Columns {
		names = max(names, cells(visible(c.Name)))
	}
	for _, c := range h.Columns {
		line := pad(visible(c.Name), names) + "  " + c.Type
		switch {
		case c.CompanionOf != "":
			line += "  (of " + visible(c.CompanionOf) + ", what does not fit it)"
		case c.Partition:
			line += "  (from the names of folders)"
		}
		b.WriteString(line + "\n")
	}
	for i, c := range h.Changes {
		if i == 0 {
			b.WriteString("\n")
		}
		at := ""
		if several {
			at = "  at " + c.Stem
		}
		fmt.Fprintf(&b, "%4d  %s  %s%s\n", c.Seq, clock(c.Time), c.Pipeline, at)
		for k, change := range c.Changes {
			if k == shownChanges && len(c.Changes) > shownChanges+1 {
				fmt.Fprintf(&b, "      and %d more\n", len(c.Changes)-k)
				break
			}
			b.WriteString("      " + visible(change) + "\n")
		}
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}
