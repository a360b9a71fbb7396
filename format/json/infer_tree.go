package json

// node is a value of a document.
type node struct {
	kind        kind // boolean, floating (any number), words, list, object; undecided for null
	hollow      bool // it holds no scalar but null, as text.skip says
	overwritten bool // a later key of its object is the same
	first, next int  // of the values inside, and beside it; 0 = none
	key         []byte
	guess       *guess

	whole, large, fraction bool // number: fits 64 bits; does not but has at most 20 digits; is not written as a whole number
	sort                   sort // string
}

// tree is a document whose memory is used again for the next one.
type tree struct {
	nodes []node
	t     *text
	keys  []byte
	lit   literal
}

// parse reads the document at i, whose node is the first.
func (w *tree) parse(t *text, i int) int {
	w.nodes, w.keys, w.t = w.nodes[:0], w.keys[:0], t
	_, i = w.value(i)
	return i
}

// value reads the value at i and returns its node.
func (w *tree) value(i int) (n, end int) {
	t := w.t
	n = len(w.nodes)
	w.nodes = append(w.nodes, node{})
	v := node{}
	switch c := load1(t.p, i); {
	case c == '{' || c == '[':
		return n, w.inside(n, i, c == '{')
	case c == '"':
		var text []byte
		text, end = t.stringAt(i + 1)
		v.kind = words
		if end > 0 {
			_, v.sort = parseTime(text)
		}
	case numeric(c):
		v.kind = floating
		var whole bool
		if end, whole = t.number(i); end > 0 {
			w.number(&v, t.buf[i:end], whole)
		}
	default:
		if end = t.scalar(i); c == 'n' {
			v.hollow = true
		} else {
			v.kind = boolean
		}
	}
	w.nodes[n] = v
	return n, end
}

func (w *tree) number(v *node, lit []byte, whole bool) {
	if !whole {
		v.fraction = true
		return
	}
	w.lit.parse(lit)
	_, v.whole = w.lit.int64()
	v.large = !v.whole && w.lit.exp <= int(largeWhole.Precision)
}

// inside reads what an object or array holds.
func (w *tree) inside(n, i int, keyed bool) int {
	t := w.t
	if t.depth >= maxDepth {
		return t.tooDeep(i)
	}
	t.depth++
	kind, closer := list, byte(']')
	if keyed {
		kind, closer = object, '}'
	}
	hollow, last := true, 0
	i = t.space(i + 1)
	for fresh := true; ; fresh = false {
		c := load1(t.p, i)
		if c == closer && (fresh || last > 0) {
			break
		}
		if !fresh {
			if c != ',' {
				return t.want(i, closing(keyed))
			}
			i = t.space(i + 1)
		}
		var key []byte
		if keyed {
			if key, i = w.key(i); i < 0 {
				return i
			}
		}
		k, end := w.value(i)
		if end < 0 {
			return end
		}
		i = t.space(end)
		w.nodes[k].key = key
		hollow = hollow && w.nodes[k].hollow
		if last == 0 {
			w.nodes[n].first = k
		} else {
			w.nodes[last].next = k
		}
		last = k
	}
	t.depth--
	w.nodes[n].kind, w.nodes[n].hollow = kind, hollow
	return i + 1
}

// key reads the key at i.
func (w *tree) key(i int) ([]byte, int) {
	if load1(w.t.p, i) != '"' {
		return nil, w.t.want(i, "a key in quotes")
	}
	v, i := w.t.stringAt(i + 1)
	if i < 0 {
		return nil, i
	}
	at := len(w.keys)
	w.keys = append(w.keys, v...)
	return w.keys[at:len(w.keys):len(w.keys)], w.t.colon(i)
}
