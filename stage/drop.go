package stage

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

// Drop leaves out the columns that are named, and their companions.
var Drop = Of("drop", "leaves these columns out", func(_ Env, c *[]string) (Stage, error) {
	if len(*c) == 0 {
		return nil, fault.Hint(fault.Errorf(fault.Invalid, "no column is named"), "write drop: [a, b]")
	}
	return &arrange{layout: dropLayout(*c)}, nil
})

func dropLayout(names []string) func(*arrow.Schema) (layout, error) {
	return func(in *arrow.Schema) (layout, error) {
		gone := map[int]bool{}
		for _, name := range names {
			places, err := withCompanions(in, name)
			if err != nil {
				return layout{}, err
			}
			for _, at := range places {
				gone[at] = true
			}
		}
		var fields []arrow.Field
		var from []int
		for i, f := range in.Fields() {
			if !gone[i] {
				fields, from = append(fields, f), append(from, i)
			}
		}
		return newLayout(in, fields, from)
	}
}
