package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
)

func (a *app) rejectsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rejects",
		Short: "Show the rows that were refused, and send them through again",
		Example: `  gros rejects ls out/
  gros rejects replay out/ --through pipeline.yaml`,
		Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.rejectsLs(), a.rejectsShow(), a.rejectsReplay())
	return c
}

func (a *app) rejectsLs() *cobra.Command {
	return &cobra.Command{
		Use:   "ls PLACE",
		Short: "Count refused rows by commit, kind and column",
		Example: `  gros rejects ls out/
  gros rejects ls out/events.parquet --json`,
		Args: exactly(1, "name the folder: gros rejects ls out/"),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := gros.Look(c.Context(), args[0], gros.LookOptions{Log: a.log})
			if err != nil {
				return err
			}
			files, err := v.RejectFiles(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(files)
			}
			return a.printRejectFiles(args[0], files, len(v.Stems()) > 1)
		},
	}
}

func (a *app) printRejectFiles(place string, files []gros.RejectFile, several bool) error {
	w := a.columns()
	total, open := int64(0), int64(0)
	for _, f := range files {
		total += f.Rows
		at, note := "", ""
		if several {
			at = " at " + f.Stem
		}
		if f.Replayed {
			note = ", replayed"
		} else {
			open += f.Rows
		}
		for _, k := range f.Counts {
			column := ""
			if k.Column != "" {
				column = " in column " + k.Column
			}
			line := visible(fmt.Sprintf("commit %d%s: %s %s%s from %s%s; the first: %s", f.Seq, at, grouped(k.Rows), k.Kind, column, k.Source, note, k.First))
			if w > 0 {
				line = cut(line, w)
			}
			if _, err := fmt.Fprintln(a.stdout, line); err != nil {
				return err
			}
		}
	}
	text := counted(total, "reject")
	if open < total {
		text += fmt.Sprintf(", %s of them replayed", grouped(total-open))
	}
	if open > 0 {
		text += fmt.Sprintf("; gros rejects show %s prints them", place)
	}
	_, err := fmt.Fprintln(a.stdout, text)
	return err
}

func (a *app) rejectsShow() *cobra.Command {
	var o gros.RejectOptions
	limit := -1
	c := &cobra.Command{
		Use:   "show PLACE",
		Short: "Print refused rows, with reason and place",
		Long:  "Print refused rows, with reason and place: those that were not replayed.",
		Example: `  gros rejects show out/ -n 10
  gros rejects show out/ --json | jq -r .raw`,
		Args: exactly(1, "name the folder: gros rejects show out/"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkNumber(c, int64(limit)); err != nil {
				return err
			}
			v, err := gros.Look(c.Context(), args[0], gros.LookOptions{Log: a.log})
			if err != nil {
				return err
			}
			n := 0
			for r, err := range v.Rejects(c.Context(), o) {
				if err != nil || n == limit {
					return err
				}
				if a.json {
					err = a.printJSON(r)
				} else {
					_, err = fmt.Fprint(a.stdout, a.rejectLines(r))
				}
				if n++; err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().IntVarP(&limit, "number", "n", -1, "print so many `rows`; all without it")
	c.Flags().Lookup("number").DefValue = "0" // help says what no number means
	c.Flags().BoolVar(&o.Replayed, "all", false, "print those that were replayed, too")
	return c
}

// rejectLines is a refused row as people read it: why, from where, and the row.
func (a *app) rejectLines(r gros.Reject) string {
	column := ""
	if r.Column != "" {
		column = r.Column + ": "
	}
	head := fmt.Sprintf("%s: %s%s", r.Kind, column, r.Message)
	from := fmt.Sprintf("  commit %d, %s/%s", r.Seq, r.Source, r.Split)
	if r.Position != "" {
		from += fmt.Sprintf(", offset %d, before position %s", r.Offset, r.Position)
	}
	raw := string(r.Bytes())
	if r.Raw == nil {
		raw = fmt.Sprintf("%q", r.Binary)
	}
	lines := []string{visible(head), visible(from), "  " + visible(raw)}
	text := ""
	for _, l := range lines {
		if w := a.columns(); w > 0 {
			l = cut(l, w)
		}
		text += l + "\n"
	}
	return text
}

func (a *app) rejectsReplay() *cobra.Command {
	var o gros.ReplayOptions
	c := &cobra.Command{
		Use:   "replay PLACE",
		Short: "Send refused rows through decoding again, into the same place",
		Long: `Send refused rows through decoding again, into the same place: after the schema, the contract or the pipeline was mended.
With --through they pass the stages of that pipeline, and are written as its sink says. Each row lands at most once,
however often this is done or broken off. What is refused again is a new reject.`,
		Example: `  gros rejects replay out/
  gros rejects replay out/ --through pipeline.yaml`,
		Args: exactly(1, "name the folder: gros rejects replay out/"),
		RunE: func(c *cobra.Command, args []string) error {
			o.Process = a.process()
			any, err := gros.Replay(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]int64{"read": o.Stats.Read.Load(), "written": o.Stats.Written.Load(), "rejected": o.Stats.Rejected.Load()})
			}
			text := "no reject is left that was not replayed"
			if any {
				text = fmt.Sprintf("%s read, %s written, %s refused again", counted(o.Stats.Read.Load(), "reject"), grouped(o.Stats.Written.Load()), grouped(o.Stats.Rejected.Load()))
			}
			_, err = fmt.Fprintln(a.stdout, text)
			return err
		},
	}
	c.Flags().StringVar(&o.Through, "through", "", "a `pipeline.yaml` whose stages the rows pass, and whose sink writes this place")
	c.Flags().StringArrayVar(&o.Set, "set", nil, "override a setting of it, `path=value`; repeats")
	return c
}
