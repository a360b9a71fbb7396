package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gros-lake/gros/setting"
)

const (
	maxFile  = 4 << 20 // bytes of a file
	maxNodes = 200_000 // values of a file once its aliases are expanded
	maxDepth = 200
)

// parseYAML reads one YAML document: its tree of values with places, variables unresolved. An empty document is a Null.
// A key that is there twice is an error, and the first one holds.
func parseYAML(name string, text []byte) (*setting.Node, error) {
	start := setting.Place{File: name, Line: 1, Column: 1}
	if len(text) > maxFile {
		return nil, start.Errorf("the file has %d bytes, at most %d are read", len(text), maxFile)
	}
	source := strings.TrimPrefix(string(text), "\ufeff")
	if err := nestsTooDeep(source, start); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes([]byte(source), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(start, source, err)
	}
	c := converter{file: name, anchors: map[string]*setting.Node{}}
	root := &setting.Node{Place: start}
	seen := false
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if seen {
			at := c.place(firstToken(doc.Body), setting.Place{})
			c.errs = append(c.errs, at.Errorf("a second document begins here").WithHint("one file holds one document: split the file at ---"))
			break
		}
		seen = true
		root = c.node(doc.Body, start, 0)
	}
	return root, errors.Join(c.errs...)
}

// nestsTooDeep looks for brackets inside brackets, which the parser would follow down its stack.
func nestsTooDeep(source string, start setting.Place) error {
	depth := 0
	for i, line := range strings.Split(source, "\n") {
		depth = max(0, depth+strings.Count(line, "[")+strings.Count(line, "{")-strings.Count(line, "]")-strings.Count(line, "}"))
		indent := len(line) - len(strings.TrimLeft(line, " -?"))
		if depth > maxDepth || indent > 2*maxDepth || strings.Count(line, "[")+strings.Count(line, "{") > 2*maxDepth {
			start.Line = i + 1
			return start.Errorf("the file nests too deep")
		}
	}
	return nil
}

func syntaxError(at setting.Place, source string, err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return at.Errorf("%w", err)
	}
	message := y.GetMessage()
	if t := y.GetToken(); t != nil && t.Position != nil {
		at.Line, at.Column = t.Position.Line, t.Position.Column
	}
	line := ""
	if lines := strings.Split(source, "\n"); at.Line >= 1 && at.Line <= len(lines) {
		line = lines[at.Line-1]
	}
	switch {
	case strings.Contains(message, "'\t'") || strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		at.Column = strings.IndexByte(line, '\t') + 1
		return at.Errorf("a tab stands where YAML wants spaces").WithHint("indent with spaces")
	case strings.Contains(line, "${"):
		return at.Errorf("%s", message).WithHint(`inside [ ] and { } a variable stands in quotes: "${NAME}"`)
	}
	return at.Errorf("%s", message)
}

// converter makes Nodes of the syntax tree.
type converter struct {
	file    string
	anchors map[string]*setting.Node
	nodes   int
	errs    []error
}

func (c *converter) fail(err *setting.Error) { c.errs = append(c.errs, err) }

// place is that of a token, under the path of at.
func (c *converter) place(t *token.Token, at setting.Place) setting.Place {
	at.File = c.file
	if t != nil && t.Position != nil {
		at.Line, at.Column = t.Position.Line, t.Position.Column
	}
	return at
}

// firstToken is where a value begins for the reader: maps begin at their first key.
func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// node converts n, which stands at the path of at. A value that is not there has the place of at.
func (c *converter) node(n ast.Node, at setting.Place, depth int) *setting.Node {
	out := &setting.Node{Place: at}
	if _, null := n.(*ast.NullNode); n == nil || null {
		return out
	}
	out.Place = c.place(firstToken(n), at)
	if c.nodes++; c.nodes > maxNodes || depth > maxDepth {
		if c.nodes < 2*maxNodes {
			c.nodes = 2 * maxNodes // say it once
			c.fail(out.Errorf("the file has too many values"))
		}
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		c.mapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		c.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.Kind = setting.List
		for i, item := range n.Values {
			out.Items = append(out.Items, c.node(item, c.place(item.GetToken(), out.Place.Item(i)), depth+1))
		}
	case *ast.AnchorNode:
		out = c.node(n.Value, at, depth+1)
		c.anchors[n.Name.GetToken().Value] = out
	case *ast.AliasNode:
		return c.alias(n, out)
	case *ast.TagNode:
		tag := n.Start.Value
		out = c.node(n.Value, at, depth+1)
		if tag != "!!str" || out.Kind != setting.Scalar {
			c.fail(out.Errorf("the tag %s is not known", tag).WithHint("only !!str is"))
		}
		out.Quoted = true
	case *ast.LiteralNode:
		out.Kind, out.Text, out.Quoted = setting.Scalar, n.Value.Value, true
	case *ast.StringNode:
		out.Kind, out.Text = setting.Scalar, n.Value
		out.Quoted = n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
	case ast.ScalarNode:
		out.Kind, out.Text = setting.Scalar, n.GetToken().Value
	default:
		c.fail(out.Errorf("%s cannot stand here", strings.ToLower(n.Type().String())))
	}
	return out
}

func (c *converter) alias(n *ast.AliasNode, out *setting.Node) *setting.Node {
	name := n.Value.GetToken().Value
	anchor := c.anchors[name]
	if anchor == nil {
		c.fail(out.Errorf("there is no anchor &%s before", name))
		out.Kind, out.Text = setting.Scalar, "*"+name
		return out
	}
	return c.copied(anchor, anchor.Place.Path, out.Place.Path)
}

// copied is n for another path: places keep file and line, which is where the reader must change something.
func (c *converter) copied(n *setting.Node, from, to string) *setting.Node {
	if c.nodes++; c.nodes > maxNodes {
		if c.nodes < 2*maxNodes {
			c.nodes = 2 * maxNodes
			c.fail(n.Errorf("the file has too many values"))
		}
		return &setting.Node{Place: n.Place}
	}
	moved := func(p setting.Place) setting.Place {
		p.Path = strings.TrimPrefix(to+strings.TrimPrefix(p.Path, from), ".")
		return p
	}
	out := *n
	out.Place, out.Items, out.Pairs = moved(n.Place), nil, nil
	for _, item := range n.Items {
		out.Items = append(out.Items, c.copied(item, from, to))
	}
	for _, p := range n.Pairs {
		out.Pairs = append(out.Pairs, setting.Pair{Key: p.Key, Place: moved(p.Place), Value: c.copied(p.Value, from, to)})
	}
	return &out
}

func (c *converter) mapping(out *setting.Node, values []*ast.MappingValueNode, depth int) {
	out.Kind = setting.Map
	index := map[string]int{}   // of the key in out.Pairs
	merged := map[string]bool{} // keys that came by <<
	put := func(p setting.Pair, byMerge bool) {
		i, there := index[p.Key]
		switch {
		case !there:
			index[p.Key] = len(out.Pairs)
			merged[p.Key] = byMerge
			out.Pairs = append(out.Pairs, p)
		case byMerge:
		case merged[p.Key]:
			out.Pairs[i], merged[p.Key] = p, false
		default:
			c.fail(setting.Twice(p.Place, out.Pairs[i].Place))
		}
	}
	for _, v := range values {
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			for _, p := range c.merge(v, out.Place, depth) {
				put(p, true)
			}
			continue
		}
		key, err := keyOf(v.Key)
		at := c.place(v.Key.GetToken(), out.Place.Key(key))
		if err != nil {
			c.fail(at.Errorf("%w", err))
			continue
		}
		put(setting.Pair{Key: key, Place: at, Value: c.node(v.Value, at, depth+1)}, false)
	}
}

func keyOf(n ast.MapKeyNode) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", fmt.Errorf("a key must be plain text")
}

// merge returns the pairs that a merge key brings in: those of a map, or of a list of maps, of which the first ones hold.
func (c *converter) merge(v *ast.MappingValueNode, at setting.Place, depth int) setting.Pairs {
	in := c.node(v.Value, at, depth+1)
	maps := []*setting.Node{in}
	if in.Kind == setting.List {
		maps = nil
		for _, item := range in.Items {
			maps = append(maps, c.copied(item, item.Place.Path, at.Path))
		}
	}
	var pairs setting.Pairs
	for _, m := range maps {
		if m.Kind != setting.Map {
			place := c.place(v.Key.GetToken(), at)
			c.fail(place.Errorf("<< merges maps, not %s", m.Shown()))
			continue
		}
		pairs = append(pairs, m.Pairs...)
	}
	return pairs
}
