// Package config loads pipeline files and gros.yaml, with every error in its place.
//
// A step of a pipeline is a map with one key, the name of a connector or stage, whose value is its settings; without
// settings the name alone will do. Options of the step itself stand beside the name, or among the settings where the
// connector has no setting of the same name:
//
//	source: {generate: {rows: 5}, format: json}    # the same as the next line
//	source: {generate: {rows: 5, format: json}}
//
// They are name and format of a source, where, contract and name of a sink, from of a stage (beside its name only).
// An option in both places is an error.
package config

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

// EgressName is the name of a pipeline that only hands over rows: its sinks keep no positions, and any number of processes
// may run it at one place at once.
const EgressName = "egress"

// Pipeline is a pipeline file, checked and with its defaults.
type Pipeline struct {
	Name    string // as the file says, else its name without the suffix
	File    string
	Sources []Source // one or more, in the order of the file
	Stages  []Stage
	Sinks   []Sink // one or more, with different names

	Commit        Commit
	Memory        setting.Bytes // the bound of all rows in flight
	Shutdown      time.Duration // how long a stop may take
	MaxRejects    *MaxRejects   // nil: no bound
	DuplicateKeys string        // last or reject
	Infer         Infer
	Schema        *arrow.Schema // of decoded rows, nil: inferred
}

// DecodeOptions is how the pipeline's payloads are understood.
func (p *Pipeline) DecodeOptions() format.DecodeOptions {
	return format.DecodeOptions{DuplicateKeys: p.DuplicateKeys, Timestamps: p.Infer.Timestamps}
}

// Source is where rows come from.
type Source struct {
	Name   string // in rows.Split; the connector's when the file gives none
	Kind   string // of the connector
	Spec   *connector.SourceSpec
	Config any // as Spec.Config made it
	Place  setting.Place
	Decode *Stage // the first stage of this source alone that its format asks for, nil if none
}

// Open makes the source; its error has the place.
func (s *Source) Open(ctx context.Context, env connector.Env) (connector.Source, error) {
	opened, err := s.Spec.Open(ctx, env, s.Config)
	if err != nil {
		return nil, s.Place.Wrap(err)
	}
	return opened, nil
}

// Stage is one step between sources and sinks.
type Stage struct {
	Name   string
	Spec   stage.Spec
	Config any // as Spec.Config made it
	Place  setting.Place
	From   []string // sources whose rows it sees, nil: all; other rows pass by
}

// Open makes the stage; its error has the place.
func (s *Stage) Open(env stage.Env) (stage.Stage, error) {
	opened, err := s.Spec.Open(env, s.Config)
	if err != nil {
		return nil, s.Place.Wrap(err)
	}
	return opened, nil
}

// Applies reports whether the rows of a source pass through s.
func (s *Stage) Applies(source string) bool {
	if s.From == nil {
		return true
	}
	for _, name := range s.From {
		if name == source {
			return true
		}
	}
	return false
}

// Sink is where rows go.
type Sink struct {
	Name     string // unique in the pipeline; the connector's when the file gives none
	Kind     string // of the connector
	Spec     *connector.SinkSpec
	Config   any // as Spec.Config made it
	Place    setting.Place
	Where    Expression // rows it takes, "" = all
	Contract rows.Contract
}

// Open makes the sink; its error has the place.
func (s *Sink) Open(ctx context.Context, env connector.Env) (connector.Sink, error) {
	opened, err := s.Spec.Open(ctx, env, s.Config)
	if err != nil {
		return nil, s.Place.Wrap(err)
	}
	return opened, nil
}

// Expression is the text of an SQL expression, and where it stands.
type Expression struct {
	Text  string
	Place setting.Place
}

// Commit says when an epoch ends: whatever comes first, 0 = never for that reason.
type Commit struct {
	Every time.Duration `setting:"every" default:"5s" doc:"age of the first row"`
	Rows  int64         `setting:"rows" default:"0" doc:"rows, 0 = any number" example:"1_000_000"`
	Bytes setting.Bytes `setting:"bytes" default:"0" doc:"bytes of rows in memory, 0 = any number" example:"1GB"`
}

// Check refuses what would never commit.
func (c Commit) Check() error {
	if c.Every <= 0 {
		return fault.Hint(fmt.Errorf("every must be longer than nothing"), "rows become visible at a commit: write every: 5s")
	}
	if c.Rows < 0 {
		return fmt.Errorf("rows must not be negative")
	}
	return nil
}

// Infer says what inference may find in text.
type Infer struct {
	Timestamps string `setting:"timestamps" oneof:"on off" default:"on" doc:"ISO-8601 strings become timestamps and dates"`
}

// MaxRejects is the breaker: more rejects than Rejects stop the pipeline, among Rows rows in a row, or in all if Rows is 0.
type MaxRejects struct{ Rejects, Rows int64 }

// UnmarshalSetting reads "25 of 1000" and "100".
func (m *MaxRejects) UnmarshalSetting(n *setting.Node) error {
	part, whole, of := strings.Cut(n.Text, " of ")
	rejects, err := count(part)
	total := int64(0)
	if err == nil && of {
		if total, err = count(whole); err == nil && total == 0 {
			err = strconv.ErrRange
		}
	}
	if err != nil || n.Kind != setting.Scalar || of && rejects >= total {
		return fault.Hint(fmt.Errorf("%s is no bound of rejects", n.Shown()), "write 25 of 1000, or 100 for all rows of a run")
	}
	m.Rejects, m.Rows = rejects, total
	return nil
}

func count(text string) (int64, error) {
	var n int64
	err := setting.Decode(&setting.Node{Kind: setting.Scalar, Text: strings.TrimSpace(text)}, &n)
	if err == nil && n < 0 {
		err = strconv.ErrRange
	}
	return n, err
}

// SettingType describes the notation.
func (m *MaxRejects) SettingType() (string, map[string]any) {
	return "25 of 1000, or 100", map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 0},
		map[string]any{"type": "string", "pattern": `^[0-9_]+( +of +[0-9_]+)?$|\$\{`},
	}}
}

func (m *MaxRejects) String() string {
	if m.Rows == 0 {
		return strconv.FormatInt(m.Rejects, 10)
	}
	return fmt.Sprintf("%d of %d", m.Rejects, m.Rows)
}

// file is a pipeline file as it is written.
type file struct {
	Name          string          `setting:"name" doc:"of the pipeline, in records and logs; the file's name if absent" example:"web-events"`
	Source        *setting.Node   `setting:"source" doc:"where rows come from: one connector with its settings"`
	Sources       *setting.Node   `setting:"sources" doc:"several sources, by name"`
	Stages        []*setting.Node `setting:"stages" doc:"what changes rows on their way, in order"`
	Sink          *setting.Node   `setting:"sink" doc:"where rows go: one connector with its settings"`
	Sinks         []*setting.Node `setting:"sinks" doc:"several sinks; each gets every row that its where lets through"`
	Contract      *setting.Node   `setting:"contract" doc:"how the schema of a sink may change, unless the sink says itself"`
	Commit        Commit          `setting:"commit" doc:"when rows become visible"`
	Memory        setting.Bytes   `setting:"memory" default:"256MiB" doc:"bound of all rows in flight"`
	Shutdown      time.Duration   `setting:"shutdown" default:"30s" doc:"how long a stop may take"`
	MaxRejects    *MaxRejects     `setting:"max_rejects" doc:"more rejects than this stop the pipeline" example:"25 of 1000"`
	DuplicateKeys string          `setting:"duplicate_keys" oneof:"last reject" default:"last" doc:"a key twice in one object: the last wins and is counted, or the row is refused"`
	Infer         Infer           `setting:"infer" doc:"what inference may find in text"`
	Schema        *setting.Node   `setting:"schema" doc:"columns of decoded rows, name: type; inferred if absent"`
}
