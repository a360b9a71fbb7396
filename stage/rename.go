package stage

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// Rename gives columns, and their companions, other names. All change at once: two columns can swap theirs.
var Rename = Of("rename", "gives columns other names: {old: new}", func(_ Env, c *setting.Pairs) (Stage, error) {
	names := make(map[string]string, len(*c))
	for _, p := range *c {
		if p.Value.Kind != setting.Scalar || p.Value.Text == "" {
			return nil, p.Value.Errorf("%s is no name", p.Value.Shown()).WithHint("write old: new")
		}
		names[p.Key] = p.Value.Text
	}
	return &arrange{layout: renameLayout(*c, names)}, nil
})

func renameLayout(pairs setting.Pairs, names map[string]string) func(*arrow.Schema) (layout, error) {
	return func(in *arrow.Schema) (layout, error) {
		for _, p := range pairs {
			if _, err := columnOf(in, p.Key); err != nil {
				return layout{}, p.Place.Wrap(err)
			}
		}
		fields, from := in.Fields(), make([]int, in.NumFields())
		for i, f := range fields {
			from[i] = i
			to, renamed := names[f.Name]
			owner, owned := names[rows.CompanionOf(f)]
			switch {
			case renamed:
				fields[i].Name = to
			case owned && rows.CompanionOf(f) != "":
				fields[i] = companionOf(owner, f)
			}
		}
		return newLayout(in, fields, from)
	}
}

// companionOf is the companion f under the name that belongs to the column owner.
func companionOf(owner string, f arrow.Field) arrow.Field {
	if f.Type.ID() == arrow.FLOAT64 {
		return rows.DoubleCompanion(owner)
	}
	c := rows.TextCompanion(owner)
	c.Type = f.Type // plain or a dictionary
	return c
}
