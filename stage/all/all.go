// Package all lists the stages that the binary ships. Each has a file of its name here, which a build tag can leave out.
package all

import (
	"slices"
	"strings"

	"github.com/gros-lake/gros/stage"
)

var stages []stage.Spec

// Stages returns all stages, by name.
func Stages() []stage.Spec {
	all := slices.Clone(stages)
	slices.SortFunc(all, func(a, b stage.Spec) int { return strings.Compare(a.Name, b.Name) })
	return all
}
