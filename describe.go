package gros

import (
	"cmp"
	"slices"

	connectorall "github.com/gros-lake/gros/connector/all"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
	stageall "github.com/gros-lake/gros/stage/all"
)

// Part is a source, a sink, a stage or a format that this binary knows.
type Part struct {
	Name      string          `json:"name"`
	Kind      string          `json:"kind"`                // source, sink, stage or format
	Connector string          `json:"connector,omitempty"` // of a source or sink: the folder that holds it
	Doc       string          `json:"doc"`
	Suffixes  []string        `json:"suffixes,omitempty"` // of a format
	Settings  []setting.Field `json:"settings,omitempty"`
}

// Parts returns all of them: sources and sinks by name, then stages and formats.
func Parts() []Part {
	var parts []Part
	for _, c := range connectorall.Connectors() {
		if s := c.Source; s != nil {
			parts = append(parts, Part{Name: s.Name, Kind: "source", Connector: c.Name, Doc: c.Doc, Settings: setting.Describe(s.Config())})
		}
		if s := c.Sink; s != nil {
			parts = append(parts, Part{Name: s.Name, Kind: "sink", Connector: c.Name, Doc: c.Doc, Settings: setting.Describe(s.Config())})
		}
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(b.Kind, a.Kind)) })
	for _, s := range stageall.Stages() {
		parts = append(parts, Part{Name: s.Name, Kind: "stage", Doc: s.Doc, Settings: setting.Describe(s.Config())})
	}
	for _, f := range Formats() {
		parts = append(parts, Part{Name: f.Name, Kind: "format", Doc: f.Doc, Suffixes: f.Suffixes})
	}
	return parts
}

// PartsNamed returns the parts of a name, or of the connector of that name.
func PartsNamed(name string) ([]Part, error) {
	var found []Part
	var names []string
	for _, p := range Parts() {
		if p.Name == name || p.Connector == name {
			found = append(found, p)
		}
		names = append(names, p.Name)
	}
	if found != nil {
		return found, nil
	}
	err := fault.Errorf(fault.NotFound, "there is no connector, stage or format %s", name)
	if near := fault.Nearest(name, names); near != "" {
		return nil, fault.Hint(err, "did you mean %q?", near)
	}
	return nil, fault.Hint(err, "gros connector ls lists them")
}
