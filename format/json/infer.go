package json

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

// guess is what is known of a column: its type when a schema holds it, else what the values of a payload say of it.
type guess struct {
	field arrow.Field // Type is nil for an element nobody knows of
	kind  kind        // that of the held type, or of the first value that told one
	held  bool

	kids  []*guess // of objects, in order of first appearance
	index map[string]*guess
	item  *guess // of lists and maps

	whole, large, fraction bool    // numbers
	sorts                  [4]bool // strings
	wants                  [2]bool // companions: double, text
	parent                 *guess  // whose kid it is, while that can be undone
	seen                   int     // number of the object that had this key last
	at                     int     // and the node of its value
}

// guesses infers columns from documents.
type guesses struct {
	root    guess
	times   bool
	most    int
	columns int
	tree    tree
	opened  []*guess // by the current document
	objects int
}

// newGuesses knows what the columns of s know.
func newGuesses(s *scanner, d *decoder) *guesses {
	g := &guesses{times: d.times, most: d.maxColumns}
	g.hold(&g.root, s.root)
	return g
}

func (g *guesses) hold(to *guess, c *column) {
	to.kind, to.held, to.field = c.kind, c.kind != undecided, c.field
	c.guess = to
	switch c.kind {
	case object:
		to.index = make(map[string]*guess, len(c.kids))
		for _, k := range c.kids {
			kid := &guess{}
			g.hold(kid, k)
			to.kids = append(to.kids, kid)
			to.index[k.name] = kid
		}
		g.columns += len(c.kids)
	case list, mapping:
		to.item = &guess{}
		g.hold(to.item, c.item())
	}
}

// take learns from the document at i, which drifted, unless it needs more columns than there may be.
func (g *guesses) take(s *scanner, i int) {
	drifted := false
	for _, n := range s.notes {
		switch n.what {
		case unknown:
			drifted = true
		case wantDouble:
			n.col.guess.wants[0] = true
		case wantText:
			n.col.guess.wants[1] = true
		}
	}
	if drifted {
		g.check(s, i)
	}
}

// check is take for a document of which nothing is noted. It returns why the document must be refused whatever columns
// there are.
func (g *guesses) check(s *scanner, i int) failure {
	s.err, s.depth = failure{}, 0
	if g.tree.parse(&s.text, i) < 0 {
		return s.err
	}
	g.opened = g.opened[:0]
	if !g.open(&g.root, 0) && s.refuse {
		g.undo()
		return failure{kind: rows.Duplicate, at: i, what: "a key stands twice in one object"}
	}
	if g.columns > g.most {
		g.undo()
		return failure{}
	}
	g.learn(&g.root, 0)
	return failure{}
}

// may reports whether the column is of the kind, or may become so.
func (to *guess) may(k kind) bool { return to.kind == k || to.kind == undecided }

// open makes columns for the keys of the value n, and marks keys that are overwritten later: then it returns false.
func (g *guesses) open(to *guess, n int) bool {
	unique := true
	v := &g.tree.nodes[n]
	switch {
	case v.kind == object && to.kind == mapping, v.kind == list && to.may(list):
		if to.item == nil {
			to.item = &guess{}
		}
		for k := v.first; k > 0; k = g.tree.nodes[k].next {
			unique = g.open(to.item, k) && unique
		}
	case v.kind == object && to.may(object):
		g.objects++
		for k := v.first; k > 0; k = g.tree.nodes[k].next {
			node := &g.tree.nodes[k]
			kid := to.index[string(node.key)]
			switch {
			case kid == nil:
				kid = g.add(to, string(node.key))
			case kid.seen == g.objects:
				g.tree.nodes[kid.at].overwritten = true
				unique = false
			}
			kid.seen, kid.at = g.objects, k
			node.guess = kid
		}
		for k := v.first; k > 0; k = g.tree.nodes[k].next {
			if node := &g.tree.nodes[k]; !node.overwritten {
				unique = g.open(node.guess, k) && unique
			}
		}
	}
	return unique
}

func (g *guesses) add(to *guess, name string) *guess {
	kid := &guess{parent: to, field: arrow.Field{Name: name, Type: arrow.Null, Nullable: true}}
	if to.index == nil {
		to.index = make(map[string]*guess)
	}
	to.kids = append(to.kids, kid)
	to.index[name] = kid
	g.opened = append(g.opened, kid)
	g.columns++
	return kid
}

// undo forgets the columns that the current document opened.
func (g *guesses) undo() {
	for _, kid := range slices.Backward(g.opened) {
		to := kid.parent
		delete(to.index, kid.field.Name)
		to.kids = to.kids[:len(to.kids)-1]
		g.columns--
	}
}

// learn takes up what the value n says of its type.
func (g *guesses) learn(to *guess, n int) {
	v := &g.tree.nodes[n]
	if to.kind == undecided && !v.hollow {
		to.kind = v.kind
	}
	switch {
	case v.kind == object && to.kind == mapping, v.kind == list && to.may(list):
		for k := v.first; k > 0; k = g.tree.nodes[k].next {
			g.learn(to.item, k)
		}
	case v.kind == object && to.may(object):
		for k := v.first; k > 0; k = g.tree.nodes[k].next {
			if node := &g.tree.nodes[k]; !node.overwritten {
				g.learn(node.guess, k)
			}
		}
	case to.held || v.kind != to.kind:
	case v.kind == floating:
		to.whole = to.whole || v.whole
		to.large = to.large || v.large
		to.fraction = to.fraction || v.fraction
	case v.kind == words:
		to.sorts[v.sort] = true
	}
}

// schema is s with what was guessed.
func (g *guesses) schema(s *arrow.Schema) *arrow.Schema {
	g.companions(&g.root)
	md := s.Metadata()
	return arrow.NewSchema(g.fields(&g.root), &md)
}

// companions opens those that are wanted, as far as there may be more columns.
func (g *guesses) companions(to *guess) {
	for _, kid := range slices.Clone(to.kids) {
		for i, f := range [...]arrow.Field{rows.DoubleCompanion(kid.field.Name), rows.TextCompanion(kid.field.Name)} {
			if kid.wants[i] && to.index[f.Name] == nil && g.columns < g.most {
				c := g.add(to, f.Name)
				c.field, c.held, c.kind = f, true, [...]kind{floating, words}[i]
			}
		}
		g.companions(kid)
	}
	if to.item != nil {
		g.companions(to.item)
	}
}

func (g *guesses) fields(to *guess) []arrow.Field {
	out := make([]arrow.Field, 0, len(to.kids))
	for _, kid := range to.kids {
		f := kid.field
		f.Type = g.typeOf(kid)
		out = append(out, f)
	}
	return out
}

var (
	stampZoned = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	stampNaive = &arrow.TimestampType{Unit: arrow.Microsecond}
	largeWhole = &arrow.Decimal128Type{Precision: 20, Scale: 0}
)

// typeOf is the type that a column has, or gets.
func (g *guesses) typeOf(of *guess) arrow.DataType {
	switch of.kind {
	case undecided:
		return arrow.Null
	case object:
		return arrow.StructOf(g.fields(of)...)
	case list:
		f := of.item.field
		if held, ok := of.field.Type.(*arrow.ListType); ok {
			f = held.ElemField()
		} else {
			f = arrow.Field{Name: "item", Nullable: true}
		}
		f.Type = g.typeOf(of.item)
		return arrow.ListOfField(f)
	case mapping:
		held := of.field.Type.(*arrow.MapType)
		f := held.ItemField()
		f.Type = g.typeOf(of.item)
		if arrow.TypeEqual(f.Type, held.ItemType()) {
			return held
		}
		return arrow.MapOfFields(held.KeyField(), f)
	}
	switch {
	case of.held:
		return of.field.Type
	case of.kind == boolean:
		return arrow.FixedWidthTypes.Boolean
	case of.kind == floating && of.fraction:
		return arrow.PrimitiveTypes.Float64
	case of.kind == floating && of.large:
		return largeWhole
	case of.kind == floating:
		return arrow.PrimitiveTypes.Int64
	}
	return g.wordsType(of)
}

// wordsType is the type of strings that may all be of one sort.
func (g *guesses) wordsType(of *guess) arrow.DataType {
	has := of.sorts
	switch {
	case !g.times || has[noTime] || has[naive] && has[zoned]:
		return arrow.BinaryTypes.String
	case has[zoned]:
		return stampZoned
	case has[naive]:
		return stampNaive
	}
	return arrow.FixedWidthTypes.Date32
}
