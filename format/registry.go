package format

import (
	"strings"

	"github.com/gros-lake/gros/fault"
)

// Registry is the formats that a program knows.
type Registry []Spec

// Lookup finds a format by name.
func (r Registry) Lookup(name string) (Spec, error) {
	var names []string
	for _, s := range r {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	err := fault.Errorf(fault.Invalid, "format %q: there is none of this name", name)
	if near := fault.Nearest(name, names); near != "" {
		return Spec{}, fault.Hint(err, "did you mean %q?", near)
	}
	return Spec{}, fault.Hint(err, "formats are %s", strings.Join(names, ", "))
}

// ByName finds the format and the compression ("", "gzip", "zstd") of a file by its name's suffix.
func (r Registry) ByName(name string) (s Spec, compression string, ok bool) {
	base := strings.ToLower(name)
	if b, found := strings.CutSuffix(base, ".gz"); found {
		base, compression = b, "gzip"
	} else if b, found := strings.CutSuffix(base, ".zst"); found {
		base, compression = b, "zstd"
	}
	for _, s := range r {
		for _, suffix := range s.Suffixes {
			if strings.HasSuffix(base, suffix) && (compression == "" || s.Text) {
				return s, compression, true
			}
		}
	}
	return Spec{}, "", false
}
