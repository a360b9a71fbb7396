package config

import (
	"strconv"
	"strings"

	"github.com/gros-lake/gros/setting"
)

// override applies one path=value to the tree at root, as if the file said so. The path's keys have dots between them,
// items of lists a number in brackets: sinks[0].files.path. What is missing on the way is made.
func override(root *setting.Node, assignment string) error {
	at := setting.Place{File: "--set"}
	path, text, found := strings.Cut(assignment, "=")
	if !found || path == "" {
		return at.Errorf("%q is no assignment", assignment).WithHint("write --set source.generate.rows=1000")
	}
	value, err := parseYAML("--set "+path, []byte(text))
	if err != nil {
		return err
	}
	node := root
	for _, step := range pathSteps(path) {
		if node, err = child(node, step, &at); err != nil {
			return err
		}
	}
	*node = *replaced(value, at)
	return nil
}

// pathSteps cuts a[0].b into a, [0], b.
func pathSteps(path string) []string {
	var steps []string
	for part := range strings.SplitSeq(path, ".") {
		key, index, found := strings.Cut(part, "[")
		if key != "" || !found {
			steps = append(steps, key)
		}
		for found {
			var item string
			item, index, found = strings.Cut(index, "[")
			steps = append(steps, "["+item)
		}
	}
	return steps
}

// child is the value at one step below n, made if n lacks it; at moves along.
func child(n *setting.Node, step string, at *setting.Place) (*setting.Node, error) {
	if item, isItem := strings.CutPrefix(step, "["); isItem {
		i, err := strconv.Atoi(strings.TrimSuffix(item, "]"))
		if err != nil || n.Kind != setting.List || i < 0 || i >= len(n.Items) {
			e := at.Errorf("there is no item [%s", item)
			if n.Kind == setting.List {
				return nil, e.WithHint("the list has %d items, counted from 0", len(n.Items))
			}
			return nil, e.WithHint("it is %s", n.Shown())
		}
		*at = at.Item(i)
		return n.Items[i], nil
	}
	if n.Kind != setting.Map && n.Kind != setting.Null {
		return nil, at.Key(step).Errorf("%s has no key %s", n.Shown(), step)
	}
	*at = at.Key(step)
	if v := n.Get(step); v != nil {
		return v, nil
	}
	v := &setting.Node{Place: *at}
	n.Kind = setting.Map
	n.Pairs = append(n.Pairs, setting.Pair{Key: step, Place: *at, Value: v})
	return v, nil
}

// replaced is the value that was given for the path at.
func replaced(n *setting.Node, at setting.Place) *setting.Node {
	n.Place = at
	for i, item := range n.Items {
		replaced(item, at.Item(i))
	}
	for i := range n.Pairs {
		n.Pairs[i].Place = at.Key(n.Pairs[i].Key)
		replaced(n.Pairs[i].Value, n.Pairs[i].Place)
	}
	return n
}
