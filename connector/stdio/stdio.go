// Package stdio reads rows from the standard input of the process and writes them to its standard output.
package stdio

import (
	"github.com/gros-lake/gros/connector"
)

// Connector is the stdio connector.
var Connector = connector.Spec{
	Name:   "stdio",
	Doc:    "Standard input and output: JSON lines, CSV, Arrow",
	Source: connector.SourceOf("stdin", openSource),
	Sink:   sinkSpec(),
}

func sinkSpec() *connector.SinkSpec {
	s := connector.SinkOf("stdout", openSink)
	s.Payloads = true
	return s
}

// SourceConfig is the settings of stdin.
type SourceConfig struct {
	Format string `setting:"format" doc:"json, csv, arrow (an IPC stream), or another of files; without it, the first bytes tell" example:"csv"`
}

// SinkConfig is the settings of stdout.
type SinkConfig struct {
	Format string `setting:"format" doc:"json, one object a line, or csv; without it json, and undecoded payloads are written as they are" example:"csv"`
}
