// Package generate is a source of made-up rows: a simulated web shop, or rows after a description.
package generate

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
)

// Connector is the generate connector.
var Connector = connector.Spec{
	Name:   "generate",
	Doc:    "Make rows up: visitors of a simulated web shop, or rows after a description",
	Source: connector.SourceOf("generate", open),
}

// Kinds of rows.
const (
	WebEvents = "web_events"
	Rows      = "rows"
)

// Config is the settings of the source. A zero field means its default.
type Config struct {
	Kind           string        `setting:"kind" oneof:"web_events rows" doc:"web_events simulates the visitors of a web shop; rows makes what columns describes" default:"web_events"`
	Rows           int64         `setting:"rows" doc:"rows of all splits together, 0 = without end" default:"0" example:"100_000"`
	Duration       time.Duration `setting:"duration" doc:"wall time after which it ends, counted from each start, 0 = never" default:"0s" example:"30s"`
	Rate           float64       `setting:"rate" doc:"rows per second of all splits together, 0 = as fast as they are taken" default:"0" example:"10_000"`
	Seed           int64         `setting:"seed" doc:"the same seed gives the same rows" default:"0" example:"7"`
	Start          string        `setting:"start" doc:"when simulated time begins, a date or RFC 3339" default:"2024-01-01T00:00:00Z"`
	Splits         int           `setting:"splits" doc:"independent streams that are read side by side" default:"1"`
	Payload        string        `setting:"payload" oneof:"columns json" doc:"columns, or json: undecoded lines of JSON" default:"columns"`
	Timestamps     string        `setting:"timestamps" oneof:"rfc3339 legacy" doc:"how payloads write time: rfc3339, or legacy (2024-01-01 00:00:00.000000)" default:"rfc3339"`
	Users          int64         `setting:"users" doc:"web_events: how many people visit the shop" default:"5_000"`
	SessionsPerDay float64       `setting:"sessions_per_day" doc:"web_events: visits a simulated day, of all splits together" default:"20_000"`
	Columns        *setting.Node `setting:"columns" doc:"rows: the columns, name: what is in it" example:"{id: sequence, amount: {normal: [100, 15]}}"`
	Mess           Mess          `setting:"mess" doc:"what is wrong with the rows"`
}

// Mess is what is wrong with the rows. The zero Mess is nothing.
type Mess struct {
	Nulls      float64 `setting:"nulls" doc:"share of values that are null; ids and times stay" default:"0" example:"0.01"`
	Late       float64 `setting:"late" doc:"share of rows stamped between a minute and an hour too early" default:"0" example:"0.001"`
	BadJSON    float64 `setting:"bad_json" doc:"share of lines that break off, with payload: json" default:"0" example:"0.0001"`
	DriftAfter int64   `setting:"drift_after" doc:"rows of a split after which a column changes its type and another appears, 0 = never" default:"0" example:"500_000"`
}

// withDefaults returns c with the defaults of its zero fields.
func (c Config) withDefaults() Config {
	c.Kind = cmp.Or(c.Kind, WebEvents)
	c.Start = cmp.Or(c.Start, "2024-01-01T00:00:00Z")
	c.Splits = cmp.Or(c.Splits, 1)
	c.Payload = cmp.Or(c.Payload, "columns")
	c.Timestamps = cmp.Or(c.Timestamps, "rfc3339")
	c.Users = cmp.Or(c.Users, 5_000)
	c.SessionsPerDay = cmp.Or(c.SessionsPerDay, 20_000)
	return c
}

// Check reports settings that make no sense, before anything is read.
func (c Config) Check() error {
	_, err := c.withDefaults().source()
	return err
}

// source makes the source of settings that have their defaults.
func (c Config) source() (*source, error) {
	if err := c.checkWords(); err != nil {
		return nil, err
	}
	if err := c.checkNumbers(); err != nil {
		return nil, err
	}
	start, err := parseStart(c.Start)
	if err != nil {
		return nil, err
	}
	s := &source{conf: c, start: start.UnixMicro()}
	if c.Kind == Rows {
		s.plan, err = newPlan(c, s.start)
	}
	return s, err
}

func (c Config) checkWords() error {
	for _, w := range []struct {
		name, value string
		known       []string
	}{
		{"kind", c.Kind, []string{WebEvents, Rows}},
		{"payload", c.Payload, []string{"columns", "json"}},
		{"timestamps", c.Timestamps, []string{"rfc3339", "legacy"}},
	} {
		if slices.Contains(w.known, w.value) {
			continue
		}
		err := fault.Errorf(fault.Invalid, "%s: there is no %q", w.name, w.value)
		if near := fault.Nearest(w.value, w.known); near != "" {
			return fault.Hint(err, "did you mean %q?", near)
		}
		return fault.Hint(err, "it can be %s", strings.Join(w.known, ", "))
	}
	if c.Mess.BadJSON > 0 && c.Payload != "json" {
		err := fault.Errorf(fault.Invalid, "mess.bad_json: columns hold no JSON that could be bad")
		return fault.Hint(err, "add payload: json")
	}
	if c.Columns != nil && c.Kind != Rows {
		return c.Columns.Errorf("kind %s has columns of its own", c.Kind).WithHint("add kind: rows")
	}
	return nil
}

func (c Config) checkNumbers() error {
	for _, n := range []struct {
		name        string
		value       float64
		least, most float64
	}{
		{"rows", float64(c.Rows), 0, math.MaxInt64},
		{"duration", float64(c.Duration), 0, math.MaxInt64},
		{"rate", c.Rate, 0, 1e12},
		{"splits", float64(c.Splits), 1, 10_000},
		{"users", float64(c.Users), 1, math.MaxUint32},
		{"sessions_per_day", c.SessionsPerDay, 1, 1e10},
		{"mess.nulls", c.Mess.Nulls, 0, 1},
		{"mess.late", c.Mess.Late, 0, 1},
		{"mess.bad_json", c.Mess.BadJSON, 0, 1},
		{"mess.drift_after", float64(c.Mess.DriftAfter), 0, math.MaxInt64},
	} {
		if !(n.value >= n.least && n.value <= n.most) {
			return fault.Errorf(fault.Invalid, "%s: %v is not between %v and %v", n.name, n.value, n.least, n.most)
		}
	}
	return nil
}

func parseStart(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, time.DateTime} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	err := fault.Errorf(fault.Invalid, "start: %q is no time", text)
	return time.Time{}, fault.Hint(err, "write 2024-01-01 or 2024-01-01T00:00:00Z")
}

func open(_ context.Context, env connector.Env, c *Config) (connector.Source, error) {
	s, err := c.withDefaults().source()
	if err != nil {
		return nil, setting.Place{Path: "generate"}.Wrap(err)
	}
	s.name = env.Name
	return s, nil
}
