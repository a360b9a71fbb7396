package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

// Registry is what pipelines can be made of.
type Registry struct {
	Connectors []connector.Spec
	Stages     []stage.Spec
	Formats    format.Registry
}

// Options is how files are read. The zero value knows no connector.
type Options struct {
	Registry Registry
	Env      func(name string) (string, bool) // for ${NAME}; nil: no variable is set
	Set      []string                         // path=value, each instead of what the file says
}

// Load reads a pipeline file. Its error holds everything that is wrong with it: setting.Errors lists that.
func Load(path string, o Options) (*Pipeline, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, o)
}

// Parse is Load of the text of a file of this name.
func Parse(name string, text []byte, o Options) (*Pipeline, error) {
	p, l := parse(name, text, o)
	if err := l.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// parse makes a Pipeline of what is right with a file. It is nil if there is no tree to begin with.
func parse(name string, text []byte, o Options) (*Pipeline, *loader) {
	l := &loader{o: o}
	root, err := readTree(name, text, o)
	l.add(err)
	if root == nil {
		return nil, l
	}
	return l.pipeline(name, root), l
}

func readFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, fs.ErrNotExist):
		err := fault.Errorf(fault.NotFound, "%s: there is no such file", path)
		if near := nearestFile(path); near != "" {
			err = fault.Hint(err, "did you mean %s?", near)
		}
		return nil, err
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil, fault.Hint(fault.Errorf(fault.Invalid, "%s: is a folder", path), "name the file in it")
	}
	kind := fault.Invalid
	if errors.Is(err, fs.ErrPermission) {
		kind = fault.Denied
	}
	return nil, fault.Errorf(kind, "%s: %w", path, err)
}

func nearestFile(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if near := fault.Nearest(filepath.Base(path), names); near != "" {
		return filepath.Join(filepath.Dir(path), near)
	}
	return ""
}

// readTree parses, overrides and resolves. A nil tree means that nothing more can be said; else the error is one more.
func readTree(name string, text []byte, o Options) (*setting.Node, error) {
	root, err := parseYAML(name, text)
	if root == nil {
		return nil, err
	}
	errs := []error{err}
	for _, assignment := range o.Set {
		errs = append(errs, override(root, assignment))
	}
	if root.Kind == setting.Null {
		return nil, errors.Join(append(errs, root.Place.Errorf("the file is empty"))...)
	}
	errs = append(errs, resolve(root, o.Env)...)
	return root, errors.Join(errs...)
}

// loader turns a tree into a Pipeline and goes on after errors.
type loader struct {
	o    Options
	errs []*setting.Error
}

func (l *loader) fail(e *setting.Error) { l.errs = append(l.errs, e) }

func (l *loader) add(err error) { l.errs = append(l.errs, setting.Errors(err)...) }

// err joins what is wrong in the order of the file, and once per place: what follows from the first error is noise.
func (l *loader) err() error {
	slices.SortStableFunc(l.errs, func(a, b *setting.Error) int {
		if a.Place.File != b.Place.File {
			return strings.Compare(a.Place.File, b.Place.File)
		}
		if a.Place.Line != b.Place.Line {
			return a.Place.Line - b.Place.Line
		}
		return a.Place.Column - b.Place.Column
	})
	seen := map[setting.Place]bool{}
	var errs []error
	for _, e := range l.errs {
		if !seen[e.Place] {
			errs = append(errs, e)
		}
		seen[e.Place] = e.Place.Line > 0 || e.Place.Path != ""
	}
	return errors.Join(errs...)
}

func (l *loader) pipeline(name string, root *setting.Node) *Pipeline {
	var f file
	known := *root
	known.Pairs = slices.DeleteFunc(slices.Clone(root.Pairs), func(p setting.Pair) bool {
		to, misplaced := belongsBelow[p.Key]
		if misplaced {
			l.fail(p.Place.Errorf("unknown key").WithHint("%s belongs to the %s: write it there", p.Key, to))
		}
		return misplaced
	})
	l.add(setting.Decode(&known, &f))
	p := &Pipeline{
		Name: f.Name, File: name, Commit: f.Commit, Memory: f.Memory, Shutdown: f.Shutdown,
		MaxRejects: f.MaxRejects, DuplicateKeys: f.DuplicateKeys, Infer: f.Infer,
	}
	if p.Name == "" {
		p.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	if strings.ContainsAny(f.Name, "/\\\n\x00") {
		l.fail(root.Get("name").Errorf("%q cannot be a name", f.Name).WithHint("names hold no slash"))
	}
	if root.Kind != setting.Map {
		return p
	}
	if n := root.Get("memory"); n != nil && f.Memory < 1<<20 && n.Kind == setting.Scalar {
		l.fail(n.Errorf("%s is too little", n.Shown()).WithHint("the least is 1MiB, 256MiB is usual"))
	}
	p.Schema = l.schema(f.Schema)
	l.sources(p, root, &f)
	l.stages(p, &f)
	l.sinks(p, root, &f, l.contract(f.Contract, rows.Contract{Tables: rows.Evolve, Columns: rows.Evolve, Types: rows.Evolve}))
	return p
}

var sourceOptions = []string{"name", "format"}

func (l *loader) sources(p *Pipeline, root *setting.Node, f *file) {
	switch {
	case f.Source != nil && f.Sources != nil:
		l.fail(f.Sources.Errorf("there is a source already").WithHint("write either source or sources"))
	case f.Source != nil:
		l.source(p, f.Source, "")
	case f.Sources == nil:
		l.fail(root.Place.Key("source").Errorf("is missing").WithHint("write source: with a connector, one of %s", strings.Join(l.sourceNames(), ", ")))
	case f.Sources.Kind != setting.Map || len(f.Sources.Pairs) == 0:
		l.fail(f.Sources.Errorf("%s is no map of sources", f.Sources.Shown()).WithHint("%s", several["source"]))
	default:
		for _, s := range f.Sources.Pairs {
			l.source(p, s.Value, s.Key)
		}
	}
}

func (l *loader) sourceNames() []string {
	var names []string
	for _, c := range l.o.Registry.Connectors {
		if c.Source != nil {
			names = append(names, c.Source.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (l *loader) source(p *Pipeline, n *setting.Node, name string) {
	options := sourceOptions
	if name != "" {
		options = options[1:] // the name is given
	}
	s, ok := l.readStep(n, "source", l.sourceNames(), options)
	if !ok {
		return
	}
	out := Source{Name: name, Kind: s.name, Place: s.place}
	for _, c := range l.o.Registry.Connectors {
		if c.Source != nil && c.Source.Name == s.name {
			out.Spec = c.Source
		}
	}
	out.Config = out.Spec.Config()
	l.decode(s, out.Config, options)
	if name == "" {
		out.Name = l.name(s, s.name)
	} else if strings.Contains(name, "/") {
		l.fail(n.Errorf("%q cannot be a name", name).WithHint("names hold no slash"))
	}
	if f := s.option("format"); f != nil {
		out.Decode = l.decodeStage(f)
	}
	p.Sources = append(p.Sources, out)
}

// name is that of the step, or the one it has by itself.
func (l *loader) name(s *step, fallback string) string {
	n := s.option("name")
	if n == nil {
		return fallback
	}
	if n.Kind != setting.Scalar || n.Text == "" || strings.ContainsAny(n.Text, "/\\\n\x00") {
		l.fail(n.Errorf("%s cannot be a name", n.Shown()).WithHint("names are text without a slash"))
	}
	return n.Text
}

// decodeStage is what format: json, or format: {csv: {delimiter: ";"}}, is short for.
func (l *loader) decodeStage(f *setting.Node) *Stage {
	var names []string
	for _, spec := range l.o.Registry.Formats {
		if spec.Decoder != nil {
			names = append(names, spec.Name)
		}
	}
	slices.Sort(names)
	s, ok := l.readStep(f, "format", names, nil)
	if !ok {
		return nil
	}
	settings := &setting.Node{Kind: setting.Map, Place: s.place}
	name := &setting.Node{Kind: setting.Scalar, Text: s.name, Place: s.place}
	settings.Pairs = append(setting.Pairs{{Key: "format", Place: s.place, Value: name}}, s.settings.Pairs...)
	if k := s.settings.Kind; k != setting.Map && k != setting.Null {
		l.fail(s.settings.Errorf("%s is no map", s.settings.Shown()).WithHint("write settings of the stage decode"))
		return nil
	}
	return l.stage(&step{name: "decode", place: s.place, settings: settings})
}

func (l *loader) stages(p *Pipeline, f *file) {
	var sources []string
	for _, s := range p.Sources {
		sources = append(sources, s.Name)
	}
	for _, n := range f.Stages {
		s, ok := l.readStep(n, "stage", l.stageNames(), []string{"from"})
		if !ok {
			continue
		}
		out := l.stage(s)
		if out == nil {
			continue
		}
		if from := s.option("from"); from != nil {
			l.add(setting.Decode(from, &out.From))
			for _, name := range out.From {
				if len(p.Sources) > 0 {
					l.known(from.Place, "source", name, sources)
				}
			}
		}
		p.Stages = append(p.Stages, *out)
	}
}

func (l *loader) stageNames() []string {
	var names []string
	for _, s := range l.o.Registry.Stages {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// stage makes one, nil if it cannot be.
func (l *loader) stage(s *step) *Stage {
	for _, spec := range l.o.Registry.Stages {
		if spec.Name == s.name {
			out := &Stage{Name: s.name, Spec: spec, Config: spec.Config(), Place: s.place}
			if err := setting.Decode(s.settings, out.Config); err != nil {
				l.add(err)
				return nil
			}
			return out
		}
	}
	l.known(s.place, "stage", s.name, l.stageNames())
	return nil
}

var sinkOptions = []string{"name", "where", "contract"}

func (l *loader) sinks(p *Pipeline, root *setting.Node, f *file, contract rows.Contract) {
	nodes := f.Sinks
	switch {
	case f.Sink != nil && f.Sinks != nil:
		l.fail(root.Get("sinks").Errorf("there is a sink already").WithHint("write either sink or sinks"))
		return
	case f.Sink != nil:
		nodes = []*setting.Node{f.Sink}
	case len(f.Sinks) == 0:
		l.fail(root.Place.Key("sink").Errorf("is missing").WithHint("write sink: with a connector, one of %s", strings.Join(l.sinkNames(), ", ")))
	}
	for _, n := range nodes {
		l.sink(p, n, contract)
	}
}

func (l *loader) sinkNames() []string {
	var names []string
	for _, c := range l.o.Registry.Connectors {
		if c.Sink != nil {
			names = append(names, c.Sink.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (l *loader) sink(p *Pipeline, n *setting.Node, contract rows.Contract) {
	s, ok := l.readStep(n, "sink", l.sinkNames(), sinkOptions)
	if !ok {
		return
	}
	out := Sink{Kind: s.name, Place: s.place}
	for _, c := range l.o.Registry.Connectors {
		if c.Sink != nil && c.Sink.Name == s.name {
			out.Spec = c.Sink
		}
	}
	out.Config = out.Spec.Config()
	l.decode(s, out.Config, sinkOptions)
	out.Name = l.name(s, s.name)
	out.Contract = l.contract(s.option("contract"), contract)
	if where := s.option("where"); where != nil {
		out.Where = l.expression(where)
	}
	at := out.Place
	if named := s.option("name"); named != nil {
		at = named.Place
	}
	for _, other := range p.Sinks {
		if other.Name == out.Name {
			l.fail(at.Errorf("there are two sinks of the name %s", out.Name).WithHint("the first one is in line %d; write name: beside the connector to tell them apart", other.Place.Line))
			break
		}
	}
	p.Sinks = append(p.Sinks, out)
}
