// Package all lists the connectors that the binary ships. Each has a file of its name here, which a build tag can leave out.
package all

import (
	"slices"
	"strings"

	"github.com/gros-lake/gros/connector"
)

var connectors []connector.Spec

// Connectors returns all connectors, by name.
func Connectors() []connector.Spec {
	all := slices.Clone(connectors)
	slices.SortFunc(all, func(a, b connector.Spec) int { return strings.Compare(a.Name, b.Name) })
	return all
}
