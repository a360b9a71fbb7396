package generate

import (
	"slices"
	"strings"

	"github.com/gros-lake/gros/setting"
)

// reader reads descriptions of columns.
type reader struct {
	start int64  // microseconds since 1970
	nulls uint64 // of all columns that do not say otherwise, as a threshold
	late  mess
}

// Keys that say how a column is made, and those that may stand beside one.
const (
	sequenceKey    = "sequence"
	uuidKey        = "uuid"
	constantKey    = "constant"
	normalKey      = "normal"
	lognormalKey   = "lognormal"
	uniformKey     = "uniform"
	exponentialKey = "exponential"
	oneOfKey       = "one_of"
	boolKey        = "bool"
	textKey        = "text"
	everyKey       = "every"
	structKey      = "struct"
	listKey        = "list"

	nullsKey   = "nulls"
	decimalKey = "decimal"
	jitterKey  = "jitter"
)

// beside is what may stand beside each key, other than nulls.
var beside = map[string]string{
	sequenceKey: "", uuidKey: "", constantKey: "", normalKey: decimalKey, lognormalKey: decimalKey, uniformKey: decimalKey, exponentialKey: decimalKey,
	oneOfKey: "", boolKey: "", textKey: "", everyKey: jitterKey, structKey: "", listKey: "",
}

// makers are the keys of beside in the order in which errors list them.
var makers = []string{sequenceKey, uuidKey, constantKey, normalKey, lognormalKey, uniformKey, exponentialKey, oneOfKey, boolKey, textKey, everyKey, structKey, listKey}

func (r *reader) columns(n *setting.Node) ([]column, error) {
	if n.Kind != setting.Map {
		return nil, n.Errorf("%s is no map of columns", n.Shown()).WithHint("write {id: sequence, amount: {normal: [100, 15]}}")
	}
	var out []column
	known := map[string]bool{}
	for _, p := range n.Pairs {
		if p.Key == "" || known[p.Key] {
			return nil, p.Place.Errorf("every column needs a name of its own")
		}
		known[p.Key] = true
		value := p.Value
		if value == nil {
			value = &setting.Node{Place: p.Place}
		}
		c, err := r.column(p.Key, value)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, n.Errorf("there are no columns")
	}
	return out, nil
}

// column reads one description: a word (sequence), or a map of one way to make values and what may stand beside it.
func (r *reader) column(name string, n *setting.Node) (column, error) {
	how, value, err := way(n)
	if err != nil {
		return column{}, err
	}
	c, err := r.build(how, value, n)
	if err != nil {
		return column{}, err
	}
	made := newColumn(name, c.typ, c.make)
	made.key = how == sequenceKey || how == uuidKey || how == everyKey
	if !made.key {
		made.nulls = r.nulls
	}
	if own := n.Get(nullsKey); own != nil {
		share, err := number(own, 0, 1)
		if err != nil {
			return column{}, err
		}
		made.nulls = chance(share)
	}
	return made, nil
}

// way finds how a column is made, and the value that says it more exactly.
func way(n *setting.Node) (how string, value *setting.Node, err error) {
	switch n.Kind {
	case setting.Scalar:
		if _, ok := beside[n.Text]; !ok {
			return "", nil, unknown(n.Place, n.Text)
		}
		return n.Text, &setting.Node{Place: n.Place}, nil
	case setting.Map:
		return wayOfMap(n)
	}
	return "", nil, n.Errorf("%s does not say what is in the column", n.Shown()).WithHint("write for example sequence, or {normal: [100, 15]}")
}

func wayOfMap(n *setting.Node) (how string, value *setting.Node, err error) {
	for _, p := range n.Pairs {
		if _, ok := beside[p.Key]; !ok {
			continue
		}
		if how != "" {
			return "", nil, p.Place.Errorf("the column is made by %s already", how).WithHint("keep one of them")
		}
		how, value = p.Key, p.Value
		if value == nil {
			value = &setting.Node{Place: p.Place}
		}
	}
	allowed := []string{how, nullsKey, beside[how]}
	for _, p := range n.Pairs {
		switch {
		case how == "":
			return "", nil, unknown(p.Place, p.Key)
		case !slices.Contains(allowed, p.Key):
			return "", nil, setting.UnknownKey(p.Place, p.Key, slices.DeleteFunc(allowed[1:], func(s string) bool { return s == "" }))
		}
	}
	if how == "" {
		return "", nil, n.Errorf("nothing says what is in the column").WithHint("it can be %s", strings.Join(makers, ", "))
	}
	return how, value, nil
}

func unknown(at setting.Place, word string) error {
	e := setting.UnknownKey(at, word, makers)
	e.Message = "there is no way " + word + " to make a column"
	return e
}

// number reads a number between lo and hi.
func number(n *setting.Node, lo, hi float64) (float64, error) {
	var v float64
	if err := setting.Decode(n, &v); err != nil {
		return 0, err
	}
	if !(v >= lo && v <= hi) {
		return 0, n.Errorf("%s is not between %v and %v", n.Shown(), lo, hi)
	}
	return v, nil
}

// pair reads [a, b]. The hint shows one.
func pair(n *setting.Node, hint string) (a, b float64, err error) {
	if n.Kind != setting.List || len(n.Items) != 2 {
		return 0, 0, n.Errorf("two numbers are needed").WithHint("write %s", hint)
	}
	if a, err = number(n.Items[0], -1e300, 1e300); err != nil {
		return 0, 0, err
	}
	b, err = number(n.Items[1], -1e300, 1e300)
	return a, b, err
}

// span reads a length, or [least, most].
func span(n *setting.Node, most float64, hint string) (lo, hi int, err error) {
	if n != nil && n.Kind == setting.Scalar {
		v, err := number(n, 0, most)
		return int(v), int(v), err
	}
	if n == nil {
		n = &setting.Node{}
	}
	a, b, err := pair(n, hint)
	if err != nil {
		return 0, 0, err
	}
	if a < 0 || b < a || b > most {
		return 0, 0, n.Errorf("no length is between %v and %v", a, b).WithHint("lengths go from 0 to %v, the lesser one first", most)
	}
	return int(a), int(b), nil
}
