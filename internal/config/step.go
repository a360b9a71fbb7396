package config

import (
	"slices"
	"strings"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
)

// step is a map with one key, the name of a connector or a stage, whose value is its settings. Options of the step
// itself stand beside that key; they may stand among the settings too where these have no setting of that name.
type step struct {
	name     string
	place    setting.Place // of the name
	settings *setting.Node // never nil
	options  map[string]setting.Pair
}

// option returns the value of one, nil if it is absent.
func (s *step) option(name string) *setting.Node {
	p, ok := s.options[name]
	if !ok || p.Value.Kind == setting.Null {
		return nil
	}
	return p.Value
}

// readStep finds the name among names, and the options of which there may be. what is source, sink or stage.
func (l *loader) readStep(n *setting.Node, what string, names, options []string) (*step, bool) {
	s := &step{options: map[string]setting.Pair{}}
	switch n.Kind {
	case setting.Scalar:
		s.name, s.place, s.settings = n.Text, n.Place, &setting.Node{Place: n.Place.Key(n.Text)}
		if n.Raw != "" && !slices.Contains(names, n.Text) {
			l.fail(n.Errorf("the value of %s is no %s", n.Raw, what).WithHint("there are %s", strings.Join(names, ", ")))
			return s, false
		}
		return s, l.known(s.place, what, s.name, names)
	case setting.Null, setting.List:
		l.fail(n.Errorf("%s is no %s", n.Shown(), what).WithHint("write the name of a %s, then its settings: %s", what, strings.Join(names, ", ")))
		return nil, false
	}
	var named setting.Pairs
	for _, p := range n.Pairs {
		if slices.Contains(options, p.Key) {
			s.options[p.Key] = p
		} else {
			named = append(named, p)
		}
	}
	if len(named) == 0 {
		l.fail(n.Errorf("the %s has no name", what).WithHint("write one of %s", strings.Join(names, ", ")))
		return nil, false
	}
	chosen, ok := l.choose(named, what, names, options)
	if !ok {
		return nil, false
	}
	s.name, s.place, s.settings = chosen.Key, chosen.Place, chosen.Value
	return s, true
}

// choose picks the pair that names the step and complains about all others.
func (l *loader) choose(named setting.Pairs, what string, names, options []string) (chosen setting.Pair, ok bool) {
	for _, p := range named {
		if slices.Contains(names, p.Key) {
			chosen, ok = p, true
			break
		}
	}
	if !ok {
		return named[0], l.known(named[0].Place, what, named[0].Key, names)
	}
	for _, p := range named {
		switch {
		case p.Key == chosen.Key:
		case slices.Contains(names, p.Key):
			l.fail(p.Place.Errorf("the %s is %s already", what, chosen.Key).WithHint("%s", several[what]))
		case slices.Contains(pipelineKeys, p.Key):
			l.fail(belongsAbove(p.Place, p.Key))
		default:
			l.fail(setting.UnknownKey(p.Place, p.Key, append([]string{chosen.Key}, options...)))
		}
	}
	return chosen, true
}

// several says how to write more than one.
var several = map[string]string{
	"source": "several sources are written as sources: {a: {…}, b: {…}}",
	"sink":   "several sinks are written as sinks: [{…}, {…}]",
	"stage":  "each stage has a dash of its own",
}

func (l *loader) known(at setting.Place, what, name string, names []string) bool {
	if slices.Contains(names, name) {
		return true
	}
	e := at.Errorf("there is no %s %s", what, name)
	if near := fault.Nearest(name, names); near != "" {
		e = e.WithHint("did you mean %q?", near)
	} else if len(names) > 0 {
		e = e.WithHint("there are %s", strings.Join(names, ", "))
	}
	l.fail(e)
	return false
}

// pipelineKeys are settings that users look for in a sink or a source, but belong to the pipeline.
var pipelineKeys = []string{"commit", "memory", "shutdown", "max_rejects", "duplicate_keys", "infer", "schema"}

// belongsBelow are settings that users look for in the pipeline, but belong to a source or a sink.
var belongsBelow = map[string]string{"format": "source", "where": "sink", "roll": "sink", "partition_by": "sink", "path": "sink"}

func belongsAbove(at setting.Place, key string) *setting.Error {
	return at.Errorf("unknown key").WithHint("%s belongs to the pipeline: write it without indentation", key)
}

// decode reads the settings of s into config, after taking the step's options from among them.
func (l *loader) decode(s *step, config any, options []string) bool {
	own := map[string]bool{}
	for _, f := range setting.Describe(config) {
		own[f.Name] = true
	}
	before := len(l.errs)
	n := *s.settings
	n.Pairs = nil
	for _, p := range s.settings.Pairs {
		switch {
		case own[p.Key] || own[""]:
			n.Pairs = append(n.Pairs, p)
		case slices.Contains(options, p.Key):
			if first, twice := s.options[p.Key]; twice {
				l.fail(setting.Twice(p.Place, first.Place))
				continue
			}
			s.options[p.Key] = p
		case slices.Contains(pipelineKeys, p.Key):
			l.fail(belongsAbove(p.Place, p.Key))
		default:
			n.Pairs = append(n.Pairs, p)
		}
	}
	l.add(setting.Decode(&n, config))
	return len(l.errs) == before
}
