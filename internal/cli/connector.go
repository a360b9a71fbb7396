package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/setting"
)

func (a *app) connectorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "connector",
		Short: "Say what pipelines are made of: sources, sinks, stages, formats",
		Example: `  gros connector ls
  gros connector show files`,
		Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "ls",
		Short: "List connectors, stages and formats",
		Example: `  gros connector ls
  gros connector ls --json`,
		Args: atMost(0, "gros connector ls lists all"),
		RunE: func(*cobra.Command, []string) error { return a.listParts() },
	}, &cobra.Command{
		Use:   "show NAME",
		Short: "Print every setting of a connector or stage",
		Example: `  gros connector show generate
  gros connector show filter --json`,
		Args: exactly(1, "name one: gros connector show files"),
		RunE: func(_ *cobra.Command, args []string) error {
			parts, err := gros.PartsNamed(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(parts)
			}
			return a.showParts(parts)
		},
	})
	return c
}

func (a *app) listParts() error {
	parts := gros.Parts()
	if a.json {
		return a.printJSON(parts)
	}
	var b strings.Builder
	for _, p := range parts {
		doc := p.Doc
		if len(p.Suffixes) > 0 {
			doc += " (" + strings.Join(p.Suffixes, " ") + ")"
		}
		fmt.Fprintf(&b, "%-6s  %-10s  %s\n", p.Kind, p.Name, doc)
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

func (a *app) showParts(parts []gros.Part) error {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s %s: %s\n", p.Kind, p.Name, p.Doc)
		for _, f := range p.Settings {
			showSetting(&b, f)
		}
		if len(p.Suffixes) > 0 {
			b.WriteString("\n  suffixes: " + strings.Join(p.Suffixes, " ") + "\n")
		}
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

func showSetting(b *strings.Builder, f setting.Field) {
	name := f.Name
	if name == "" {
		name = "(its value)"
	}
	head := "\n  " + name + "  " + f.Type
	switch {
	case f.Required:
		head += ", required"
	case f.Default != "":
		head += ", by default " + f.Default
	}
	b.WriteString(head + "\n")
	if f.Doc != "" {
		b.WriteString("      " + f.Doc + "\n")
	}
	if len(f.OneOf) > 0 {
		b.WriteString("      one of " + strings.Join(f.OneOf, ", ") + "\n")
	}
	if f.Example != "" {
		last := name[strings.LastIndexByte(name, '.')+1:]
		b.WriteString("      " + last + ": " + f.Example + "\n")
	}
}
