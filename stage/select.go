package stage

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Select keeps the columns that are named, in that order, with their companions.
var Select = Of("select", "keeps these columns, in this order", func(_ Env, c *[]string) (Stage, error) {
	if len(*c) == 0 {
		return nil, fault.Hint(fault.Errorf(fault.Invalid, "no column is named"), "write select: [a, b]")
	}
	return &arrange{layout: selectLayout(*c)}, nil
})

func selectLayout(names []string) func(*arrow.Schema) (layout, error) {
	return func(in *arrow.Schema) (layout, error) {
		var fields []arrow.Field
		var from []int
		for _, name := range names {
			places, err := withCompanions(in, name)
			if err != nil {
				return layout{}, err
			}
			for _, at := range places {
				if f := in.Field(at); rows.CompanionOf(f) == "" || !slices.Contains(from, at) { // a companion may be named, too
					fields, from = append(fields, f), append(from, at)
				}
			}
		}
		return newLayout(in, fields, from)
	}
}
