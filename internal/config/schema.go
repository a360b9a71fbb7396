package config

import (
	"maps"
	"slices"

	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// JSONSchema is the JSON Schema (draft 2020-12) of pipeline files, for editors: every connector and stage of reg with its
// settings, what they mean and what they are by default.
func JSONSchema(reg Registry) map[string]any {
	root := setting.Schema(&file{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Gros pipeline"
	root["allOf"] = []any{oneKey("source", "sources"), oneKey("sink", "sinks")}
	p := root["properties"].(map[string]any)
	ref := func(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }
	set := func(key string, with map[string]any) {
		if doc, ok := p[key].(map[string]any)["description"]; ok {
			with["description"] = doc
		}
		p[key] = with
	}
	set("source", ref("source"))
	set("sources", map[string]any{"type": "object", "additionalProperties": ref("source"), "minProperties": 1})
	set("stages", map[string]any{"type": "array", "items": ref("stage")})
	set("sink", ref("sink"))
	set("sinks", map[string]any{"type": "array", "items": ref("sink"), "minItems": 1})
	set("contract", ref("contract"))
	set("schema", ref("schema"))
	root["$defs"] = map[string]any{
		"source":   sourceSchema(reg),
		"stage":    stageSchema(reg),
		"sink":     sinkSchema(reg),
		"format":   formatSchema(reg),
		"contract": contractSchema(),
		"schema":   columnsSchema(),
	}
	return root
}

func oneKey(a, b string) map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"required": []any{a}}, map[string]any{"required": []any{b}}}}
}

func text(doc string) map[string]any { return map[string]any{"type": "string", "description": doc} }

// stepSchema is a choice among named settings, or their bare name, with options beside the name.
func stepSchema(choices, options map[string]any) map[string]any {
	properties := map[string]any{}
	maps.Copy(properties, options)
	var names, bare []any
	for _, name := range slices.Sorted(maps.Keys(choices)) {
		properties[name] = choices[name]
		names = append(names, map[string]any{"required": []any{name}})
		bare = append(bare, name)
	}
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if names == nil {
		return object
	}
	object["oneOf"] = names
	return map[string]any{"anyOf": []any{object, map[string]any{"enum": bare}}}
}

// settingsSchema is what stands behind a name: settings, into which options may go that they do not have; or nothing.
func settingsSchema(doc string, config any, options map[string]any) map[string]any {
	s := setting.Schema(config)
	if properties, ok := s["properties"].(map[string]any); ok {
		for name, option := range options {
			if _, own := properties[name]; !own {
				properties[name] = option
			}
		}
		if _, required := s["required"]; !required {
			s["type"] = []any{"object", "null"}
		}
	}
	s["description"] = doc
	return s
}

func sourceSchema(reg Registry) map[string]any {
	options := map[string]any{
		"name":   text("of the source, where it is the only one; the connector's if absent"),
		"format": map[string]any{"$ref": "#/$defs/format", "description": "short for a first stage decode"},
	}
	choices := map[string]any{}
	for _, c := range reg.Connectors {
		if c.Source != nil {
			choices[c.Source.Name] = settingsSchema(c.Doc, c.Source.Config(), options)
		}
	}
	return stepSchema(choices, options)
}

func sinkSchema(reg Registry) map[string]any {
	options := map[string]any{
		"name":     text("of the sink, to tell it from others; the connector's if absent"),
		"where":    text("an SQL condition: rows for which it does not hold are no rows of this sink"),
		"contract": map[string]any{"$ref": "#/$defs/contract", "description": "how the schema of this sink may change"},
	}
	choices := map[string]any{}
	for _, c := range reg.Connectors {
		if c.Sink != nil {
			choices[c.Sink.Name] = settingsSchema(c.Doc, c.Sink.Config(), options)
		}
	}
	return stepSchema(choices, options)
}

func stageSchema(reg Registry) map[string]any {
	from := map[string]any{"description": "names of the sources whose rows it sees, all if absent", "anyOf": []any{
		map[string]any{"type": "string"},
		map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
	}}
	choices := map[string]any{}
	for _, s := range reg.Stages {
		choices[s.Name] = settingsSchema(s.Doc, s.Config(), nil)
	}
	return stepSchema(choices, map[string]any{"from": from})
}

// formatSchema is the name of a format, or its name with settings of the stage decode.
func formatSchema(reg Registry) map[string]any {
	settings := map[string]any{"type": []any{"object", "null"}}
	for _, s := range reg.Stages {
		if s.Name == "decode" {
			settings = settingsSchema(s.Doc, s.Config(), nil)
		}
	}
	choices := map[string]any{}
	for _, f := range reg.Formats {
		if f.Decoder != nil {
			own := maps.Clone(settings)
			own["description"] = f.Doc
			choices[f.Name] = own
		}
	}
	return stepSchema(choices, nil)
}

func contractSchema() map[string]any {
	mode := map[string]any{"enum": []any{
		string(rows.Evolve), string(rows.Freeze), string(rows.DiscardValue), string(rows.DiscardRow), string(rows.Quarantine), string(rows.Fail),
	}}
	object := setting.Schema(rows.Contract{})
	for _, axis := range object["properties"].(map[string]any) {
		a := axis.(map[string]any)
		delete(a, "type")
		maps.Copy(a, mode)
	}
	return map[string]any{"anyOf": []any{mode, object}}
}

func columnsSchema() map[string]any {
	column := map[string]any{
		"type": "object", "additionalProperties": false, "required": []any{"name", "type"},
		"properties": map[string]any{"name": text("of the column"), "type": text("as SQL and DuckDB call it: bigint, varchar, …")},
	}
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}, "minProperties": 1},
		map[string]any{"type": "array", "items": column, "minItems": 1},
	}}
}
