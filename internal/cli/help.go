package cli

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros/fault"
)

const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}{{end}}

Usage:
{{- if and .Runnable (not .HasAvailableSubCommands)}}
  {{.UseLine}}
{{- end}}
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND
{{- end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}

Commands:
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- with .LocalNonPersistentFlags.FlagUsages}}

Flags:
{{. | trimTrailingWhitespaces}}
{{- end}}

Flags of every command:
{{.Root.PersistentFlags.FlagUsages | trimTrailingWhitespaces}}
  -h, --help      say how a command is used

Exit status: 0 done, 2 wrong use or input, 3 not there or there already, 4 somebody else was first or owns it, 5 not
allowed, 6 unavailable, try later, 7 data is damaged or lost, 1 a fault of gros itself
`

// tidy gives all commands one form of help, and tells wrong commands what was meant.
func (a *app) tidy(root *cobra.Command) {
	root.SetHelpTemplate(helpTemplate)
	root.Args = noCommand
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.SetVersionTemplate("gros {{.Version}}\n")
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Hidden = true // gros version says more
	root.CompletionOptions.HiddenDefaultCmd = false
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short, c.Long = "Say how a command is used", "Say how a command is used."
			c.Example = "  gros help run\n  gros help connector show"
		case "completion":
			c.Short = "Print a script that completes commands in a shell"
			c.Long = "Print a script that completes commands in a shell. The help of each shell says where to put it."
			c.Example = "  gros completion bash > /etc/bash_completion.d/gros\n  gros completion zsh > \"${fpath[1]}/_gros\""
			c.Args = noCommand
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	hideHelpFlags(root)
}

// hideHelpFlags leaves --help to the template, which shows it once.
func hideHelpFlags(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Hidden = true
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		hideHelpFlags(sub)
	}
}

var flagNames = regexp.MustCompile(`(?m)^ +(?:-\w, |    )--([\w-]+)`)

// flagError says what was meant by a flag that there is not, and what the value of one is not.
func flagError(c *cobra.Command, err error) error {
	var unknown interface{ GetSpecifiedName() string }
	if errors.As(err, &unknown) {
		var names []string
		for _, found := range flagNames.FindAllStringSubmatch(c.Flags().FlagUsages(), -1) {
			names = append(names, found[1])
		}
		if near := fault.Nearest(unknown.GetSpecifiedName(), names); near != "" && near != unknown.GetSpecifiedName() {
			return fault.Hint(fault.As(fault.Invalid, err), "did you mean --%s?", near)
		}
	}
	var number *strconv.NumError
	if errors.As(err, &number) {
		err = fault.Errorf(fault.Invalid, "%q is no number", number.Num)
	}
	return fault.Hint(fault.As(fault.Invalid, err), "%s --help lists the flags", c.CommandPath())
}

// noCommand refuses an argument that names no command, and says which was meant.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	err := fault.Errorf(fault.Invalid, "there is no command %q", strings.Join([]string{c.CommandPath(), args[0]}, " "))
	if near := fault.Nearest(args[0], names); near != "" {
		return fault.Hint(err, "did you mean %s %s?", c.CommandPath(), near)
	}
	return fault.Hint(err, "commands are %s", strings.Join(names, ", "))
}
