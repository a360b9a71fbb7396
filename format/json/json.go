// Package json reads and writes rows as JSON: one object a line, one array of objects, or one pretty-printed document.
//
// A position is the offset in uncompressed bytes after the last row, as decimal digits: "12345".
package json

import "github.com/gros-lake/gros/format"

// Format is the spec of JSON.
var Format = format.Spec{
	Name:     "json",
	Doc:      "JSON objects, one a line; a file may also be one array of objects or one document",
	Suffixes: []string{".jsonl", ".ndjson", ".json"},
	Text:     true,
	Decoder:  NewDecoder,
	Encoder:  NewEncoder,
	Open:     Open,
}
