package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/fault"
)

func (a *app) catCommand() *cobra.Command {
	var o gros.ReadOptions
	var look gros.LookOptions
	var as string
	limit := int64(-1)
	c := &cobra.Command{
		Use:   "cat PLACE",
		Short: "Print rows",
		Long: `Print rows as a table, or in a format to be read by other programs.

PLACE is a folder or a name that gros wrote, of which only committed rows are read, in the order of the commits; or any
file, folder or pattern of files. Folders such as year=2024 are columns.`,
		Example: `  gros cat out/ -n 5
  gros cat out/ --columns id,amount --where 'amount > 100' --format csv > large.csv`,
		Args: exactly(1, "name the place: gros cat out/ -n 5"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkNumber(c, limit); err != nil {
				return err
			}
			if a.json {
				as = "jsonl"
			}
			look.Log = a.log
			v, err := gros.Look(c.Context(), args[0], look)
			if err != nil {
				return err
			}
			o.Limit = max(limit, 0)
			r, err := v.Read(c.Context(), o)
			if err != nil {
				return err
			}
			out, err := a.rowWriter(c.Context(), as, r)
			if err != nil {
				return err
			}
			if err := copyRows(c.Context(), r, out, limit); err != nil {
				return err
			}
			a.tellUnread(r)
			return nil
		},
	}
	f := c.Flags()
	f.Int64VarP(&limit, "number", "n", -1, "print so many `rows`; all without it")
	f.StringVar(&as, "format", "table", "print as `format`: table, csv, jsonl, parquet, arrow")
	f.StringSliceVar(&o.Columns, "columns", nil, "only these `columns`, in this order: id,amount")
	f.StringVar(&o.Where, "where", "", "only rows for which the `expression` is true: 'amount > 100'")
	f.BoolVar(&o.Merge, "merge-variants", false, "show a column and its companions x__v_double, x__v_text as one column of JSON")
	f.StringVar(&look.Format, "from", "", "`format` of files whose suffix does not tell: parquet, json, csv")
	f.Lookup("number").DefValue = "0" // help says what no number means
	return c
}

func copyRows(ctx context.Context, r *gros.Reading, out rowWriter, limit int64) error {
	if limit != 0 {
		for rec, err := range r.Batches(ctx) {
			if err != nil {
				return err
			}
			if err := out.write(rec); err != nil {
				return err
			}
		}
	}
	return out.end()
}

// tellUnread says on stderr what the rows printed do not show.
func (a *app) tellUnread(r *gros.Reading) {
	if r.Rejected > 0 {
		fmt.Fprintf(a.stderr, "%s could not be read; the first: %s\n", counted(r.Rejected, "row"), r.Reject.Message)
	}
	if r.Skipped > 0 {
		fmt.Fprintf(a.stderr, "%s of unknown formats left out; --from json says what they are\n", counted(r.Skipped, "file"))
	}
}

func unknownFormat(name string) error {
	names := []string{"table", "csv", "jsonl", "parquet", "arrow"}
	err := fault.Errorf(fault.Invalid, "format %q: there is none of this name", name)
	if near := fault.Nearest(name, names); near != "" {
		return fault.Hint(err, "did you mean %q?", near)
	}
	return fault.Hint(err, "formats are table, csv, jsonl, parquet, arrow")
}
