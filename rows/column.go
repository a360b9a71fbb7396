package rows

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// column is a column of a schema that grows: its place and name stay, its type too once it has one.
type column struct {
	field  arrow.Field // its Type is that of a column that is no struct, list or map
	fields []*column   // of a struct; the element of a list; key and value of a map
	index  map[string]int
	folded map[string]string // lower case -> the first name of a struct's field that is so spelt
}

func columnOf(f arrow.Field) *column {
	c := &column{field: arrow.Field{Name: f.Name, Nullable: true, Metadata: f.Metadata}}
	c.adopt(f.Type)
	return c
}

func rootOf(s *arrow.Schema) *column {
	root := &column{field: arrow.Field{Type: arrow.StructOf()}, index: map[string]int{}}
	if s != nil {
		root.adopt(arrow.StructOf(s.Fields()...))
	}
	return root
}

// adopt gives c a type.
func (c *column) adopt(dt arrow.DataType) {
	c.field.Type, c.fields, c.index, c.folded = Logical(dt), nil, nil, nil
	switch t := dt.(type) {
	case *arrow.ListType:
		c.fields = []*column{columnOf(t.ElemField())}
	case *arrow.MapType:
		c.fields = []*column{columnOf(t.KeyField()), columnOf(t.ItemField())}
	case *arrow.StructType:
		c.index = make(map[string]int, t.NumFields())
		for _, f := range t.Fields() {
			c.add(columnOf(f))
		}
	}
}

// add adds a field to the struct c and returns its place.
func (c *column) add(f *column) int {
	at := len(c.fields)
	c.index[f.field.Name] = at
	c.fields = append(c.fields, f)
	return at
}

// spelt returns the field of c whose name differs from this one only by case, "" if there is none.
func (c *column) spelt(name string) string {
	if c.folded == nil {
		c.folded = make(map[string]string, len(c.fields))
		for _, f := range c.fields {
			c.folded[strings.ToLower(f.field.Name)] = f.field.Name
		}
	}
	low := strings.ToLower(name)
	other, ok := c.folded[low]
	if !ok {
		c.folded[low] = name
	}
	if other == name {
		return ""
	}
	return other
}

// typ is the type of c as it stands.
func (c *column) typ() arrow.DataType {
	switch c.field.Type.(type) {
	case *arrow.ListType:
		return arrow.ListOf(c.fields[0].typ())
	case *arrow.MapType:
		return arrow.MapOf(c.fields[0].typ(), c.fields[1].typ())
	case *arrow.StructType:
		return arrow.StructOf(c.arrowFields()...)
	}
	return c.field.Type
}

func (c *column) arrowFields() []arrow.Field {
	fields := make([]arrow.Field, len(c.fields))
	for i, f := range c.fields {
		fields[i] = f.field
		fields[i].Type = f.typ()
	}
	return fields
}

func (c *column) clone() *column {
	d := &column{field: c.field}
	if c.index != nil {
		d.index = make(map[string]int, len(c.fields))
	}
	for _, f := range c.fields {
		if d.index != nil {
			d.add(f.clone())
		} else {
			d.fields = append(d.fields, f.clone())
		}
	}
	return d
}

// declare adds to c what f has and c has not; types that c has stay.
func (c *column) declare(f *column) {
	if c.field.Type.ID() == arrow.NULL {
		f = f.clone()
		f.field.Name, f.field.Metadata = c.field.Name, c.field.Metadata
		*c = *f
		return
	}
	if c.field.Type.ID() != f.field.Type.ID() {
		return
	}
	for i, g := range f.fields {
		at := i
		if c.index != nil {
			var ok bool
			if at, ok = c.index[g.field.Name]; !ok {
				c.add(g.clone())
				continue
			}
		}
		c.fields[at].declare(g)
	}
}
