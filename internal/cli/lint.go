package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/fault"
)

func (a *app) lintCommand() *cobra.Command {
	var o gros.LintOptions
	var schema string
	c := &cobra.Command{
		Use:   "lint PIPELINE.yaml…",
		Short: "Check pipeline files without running them",
		Long: `Check pipeline files without running them: keys, values, expressions, and columns where the source knows its own. Every
problem is told, with its place. Of a file without one, the guarantee of each sink is printed, and why it holds.`,
		Example: `  gros lint examples/web-events.yaml
  gros lint --schema > gros.schema.json`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("schema") {
				if len(args) == 1 { // --schema FILE, as a flag that may stand alone cannot have it
					schema, args = args[0], nil
				}
				if len(args) > 0 {
					return fault.New(fault.Invalid, "--schema checks no files")
				}
				if ext := filepath.Ext(schema); ext == ".yaml" || ext == ".yml" { // a pipeline, which it would overwrite
					err := fault.Errorf(fault.Invalid, "--schema %s: is the name of a pipeline, and this writes a JSON Schema", schema)
					return fault.Hint(err, "gros lint %s checks it; gros lint --schema gros.schema.json writes the schema", schema)
				}
				return a.writeSchema(schema)
			}
			if len(args) == 0 {
				return fault.Hint(fault.New(fault.Invalid, "an argument is missing"), "name the pipeline file: gros lint pipeline.yaml")
			}
			o.Process = a.process()
			var errs []error
			for _, path := range args {
				r, err := gros.Lint(c.Context(), path, o)
				errs = append(errs, err)
				if err := a.printReport(r); err != nil {
					return err
				}
			}
			return errors.Join(errs...)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.Set, "set", nil, "override a setting, `path=value`; repeats")
	f.BoolVar(&o.Connect, "connect", false, "reach out to sources and sinks, too; nothing is written")
	f.StringVar(&schema, "schema", "", "write the JSON Schema of pipeline files to standard output, or to the `FILE` that follows")
	f.Lookup("schema").NoOptDefVal = "-"
	return c
}

// printReport prints what a file without problems promises; the problems of others are errors.
func (a *app) printReport(r *gros.LintReport) error {
	if a.json {
		return a.printJSON(r)
	}
	if !r.OK {
		return nil
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: ok\n", r.File); err != nil {
		return err
	}
	for _, s := range r.Sinks {
		if _, err := fmt.Fprintf(a.stdout, "  %s: %s: %s\n", s.Sink, s.Guarantee, s.Why); err != nil {
			return err
		}
	}
	for _, w := range r.Warnings {
		if _, err := fmt.Fprintf(a.stdout, "  warning: %s: %s\n    → %s\n", w.Place, w.Message, w.Hint); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) writeSchema(path string) error {
	text, err := json.MarshalIndent(gros.PipelineSchema(), "", "  ")
	if err != nil {
		return fault.As(fault.Internal, err)
	}
	text = append(text, '\n')
	if path == "" || path == "-" {
		_, err = a.stdout.Write(text)
		return err
	}
	return writeError(os.WriteFile(path, text, 0o644))
}

// writeError gives an error of the file system its kind.
func writeError(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fault.As(fault.Denied, err)
	case errors.Is(err, os.ErrNotExist):
		return fault.As(fault.NotFound, err)
	case errors.Is(err, os.ErrExist):
		return fault.As(fault.Exists, err)
	case err != nil:
		return fault.As(fault.Invalid, err)
	}
	return nil
}
