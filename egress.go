package gros

import (
	"encoding/json"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/internal/config"
)

// EgressSettings is how Process.Stdin becomes chunks. A zero field means its default. Names and meanings are those of a
// pipeline file.
type EgressSettings struct {
	From          string   // format of the input, found out from its first bytes if empty
	Delimiter     string   // CSV
	Encoding      string   // of text
	DuplicateKeys string   // last or reject
	Timestamps    string   // on or off
	Schema        string   // YAML: {id: bigint, amount: "decimal(10,2)"}, or a list of name and type
	Contract      string   // a mode, or YAML: {columns: freeze}
	Format        string   // of the files
	Compression   string   // of the files
	PartitionBy   []string // columns or expressions
	KeepColumns   bool     // keep_partition_columns
	RollRows      string
	RollSize      string
	RollEvery     string
	CommitEvery   string
	Memory        string
	MaxRejects    string
}

// Egress is the pipeline that writes the rows of Process.Stdin into chunks at dest. Any number of processes may do so at
// one place.
func Egress(dest string, s EgressSettings, env func(string) (string, bool)) (*Pipeline, error) {
	c, err := egressPipeline(dest, s, env)
	if err != nil {
		return nil, err
	}
	return &Pipeline{c}, nil
}

func egressPipeline(dest string, s EgressSettings, env func(string) (string, bool)) (*config.Pipeline, error) {
	files := map[string]any{"path": dest}
	put(files, "format", s.Format)
	put(files, "compression", s.Compression)
	if len(s.PartitionBy) > 0 {
		files["partition_by"] = s.PartitionBy
	}
	if s.KeepColumns {
		files["keep_partition_columns"] = true
	}
	roll := map[string]any{}
	put(roll, "rows", s.RollRows)
	put(roll, "size", s.RollSize)
	put(roll, "every", s.RollEvery)
	if len(roll) > 0 {
		files["roll"] = roll
	}
	stdin, decode := map[string]any{}, map[string]any{}
	put(stdin, "format", formatName(s.From))
	put(decode, "delimiter", s.Delimiter)
	put(decode, "encoding", s.Encoding)
	file := map[string]any{
		"name":   config.EgressName,
		"source": map[string]any{"stdin": stdin},
		"sink":   map[string]any{"files": files},
	}
	if len(decode) > 0 {
		file["stages"] = []any{map[string]any{"decode": decode}}
	}
	put(file, "duplicate_keys", s.DuplicateKeys)
	put(file, "memory", s.Memory)
	put(file, "max_rejects", s.MaxRejects)
	if s.Timestamps != "" {
		file["infer"] = map[string]any{"timestamps": s.Timestamps}
	}
	if s.CommitEvery != "" {
		file["commit"] = map[string]any{"every": s.CommitEvery}
	}
	text, err := json.Marshal(file) // JSON is YAML
	if err != nil {
		return nil, fault.As(fault.Internal, err)
	}
	var set []string
	if s.Schema != "" {
		set = append(set, "schema="+s.Schema)
	}
	if s.Contract != "" {
		set = append(set, "contract="+s.Contract)
	}
	return config.Parse("egress", text, config.Options{Registry: registry(), Env: env, Set: set})
}

func put(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}

// formatName is what the house calls what users say for a format.
func formatName(name string) string {
	if name == "ndjson" || name == "jsonl" {
		return "json"
	}
	return name
}
