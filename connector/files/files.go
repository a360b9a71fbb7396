// Package files reads rows from files in buckets, and writes them there.
package files

import (
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
)

// Connector is the files connector.
var Connector = connector.Spec{
	Name:   "files",
	Doc:    "Files of a folder: Parquet, JSON lines, CSV, compressed or not",
	Source: connector.SourceOf("files", openSource),
	Sink:   connector.SinkOf("files", openSink),
}

// SourceConfig is the settings of the source.
type SourceConfig struct {
	Path    []string      `setting:"path,required" doc:"a file, a folder or a prefix that ends with a slash, or a pattern with * ? [a-z] {a,b} and **; or a list of them" example:"data/**/*.parquet"`
	Format  string        `setting:"format" doc:"format of the files; without it, the suffix of each tells" example:"json"`
	Columns []string      `setting:"columns" doc:"the columns to read, where the format can leave out others; without it, all" example:"[id, amount]"`
	Watch   time.Duration `setting:"watch" doc:"how often to look for new files, 0 = only once" default:"0s" example:"10s"`
	Hive    bool          `setting:"hive" doc:"folders such as year=2024 are columns" default:"true"`
}

// Check reports settings that make no sense.
func (c SourceConfig) Check() error {
	if len(c.Path) == 0 {
		return fault.Hint(fault.Errorf(fault.Invalid, "path: is missing"), "write for example path: data/*.jsonl")
	}
	if c.Watch < 0 {
		return fault.Errorf(fault.Invalid, "watch: %v is negative", c.Watch)
	}
	return nil
}
