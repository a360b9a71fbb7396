package cli

import (
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/fault"
)

func (a *app) egressCommand() *cobra.Command {
	var s gros.EgressSettings
	c := &cobra.Command{
		Use:   "egress DEST",
		Short: "Write rows from standard input into chunks of files",
		Long: `Write rows from standard input into chunks of files.

DEST is a folder, out/, or a name whose chunks are numbered: data/events.parquet becomes data/events_<id>.parquet.
Rows become visible at each commit; any number of processes may write one place at once.`,
		Example: `  gros egress out/ --partition-by page_url_path < events.ndjson
  zcat orders.csv.gz | gros egress data/orders.parquet --from csv --partition-by 'month(ordered_at)'`,
		Args: exactly(1, "name the destination: gros egress out/"),
		RunE: func(c *cobra.Command, args []string) error {
			if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
				return fault.Hint(fault.New(fault.Invalid, "standard input is a terminal"), "pipe rows into it: gros egress %s < events.ndjson", args[0])
			}
			p, err := gros.Egress(args[0], s, a.env)
			if err != nil {
				return err
			}
			limitMemory(p.Memory())
			process := a.process()
			stop := a.progress("egress", process.Stats)
			err = p.Run(c.Context(), gros.RunOptions{Process: process})
			stop()
			a.tellRejects(args[:1], process.Stats)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&s.From, "from", "", "`format` of the input: ndjson, csv, arrow; found out from its first bytes")
	f.StringVar(&s.Delimiter, "delimiter", "", "CSV: `byte` between fields; found out from the header")
	f.StringVar(&s.Encoding, "encoding", "", "of text: utf-8 or latin-1")
	f.StringVar(&s.DuplicateKeys, "duplicate-keys", "", "a key twice in one object: last (it wins, and is counted) or reject")
	f.StringVar(&s.Timestamps, "timestamps", "", "on: ISO-8601 strings become timestamps; off")
	f.StringVar(&s.Schema, "schema", "", "`columns` and types instead of inference: '{id: bigint, amount: double}'")
	f.StringVar(&s.Contract, "contract", "", "how the schema may change: a `mode` (evolve, freeze, …), or '{columns: freeze, types: evolve}'")
	f.StringVar(&s.Format, "format", "", "of the files: parquet, json, csv; the suffix of DEST tells")
	f.StringVar(&s.Compression, "compression", "", "of the files: zstd, snappy, gzip, none")
	f.StringArrayVar(&s.PartitionBy, "partition-by", nil, "`column` or expression whose values make Hive folders; repeats")
	f.BoolVar(&s.KeepColumns, "keep-partition-columns", false, "leave columns that stand in a folder's name in the files")
	f.StringVar(&s.RollRows, "roll-rows", "", "`rows` after which a file is full")
	f.StringVar(&s.RollSize, "roll-size", "", "`size` at which a file is full (128MiB)")
	f.StringVar(&s.RollEvery, "roll-every", "", "`age` at which a file is full")
	f.StringVar(&s.CommitEvery, "commit-every", "", "`age` at which rows become visible (5s)")
	f.StringVar(&s.Memory, "memory", "", "`bound` of the rows in memory (256MiB)")
	f.StringVar(&s.MaxRejects, "max-rejects", "", "more rejects than `this` stop it: '25 of 1000', or 100")
	return c
}
