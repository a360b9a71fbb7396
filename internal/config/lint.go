package config

import (
	"context"
	"log/slog"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
	"github.com/gros-lake/gros/stage"
)

// Schemer is a source, or the settings of one, that knows the columns of its rows before it reads: nil says that it
// does not, as when they are payloads.
type Schemer interface{ Schema() *arrow.Schema }

// Lint loads a pipeline file and checks it as far as that goes without running it: stages are opened, and bound to the
// schema of each source that knows its own. It returns all problems; the Pipeline is nil when the file cannot be loaded,
// and then sources are not opened.
func Lint(ctx context.Context, path string, o Options, env connector.Env) (*Pipeline, []*setting.Error) {
	text, err := readFile(path)
	if err != nil {
		return nil, setting.Errors(err)
	}
	p, l := parse(path, text, o)
	if l.err() == nil {
		return p, p.Check(ctx, o.Registry, env)
	}
	if p != nil {
		c := p.checker(o.Registry, env)
		c.openStages()
		l.errs = append(l.errs, c.l.errs...)
	}
	return nil, setting.Errors(l.err())
}

// Check is the second half of Lint. It opens sources, with env, and reads nothing from them.
func (p *Pipeline) Check(ctx context.Context, reg Registry, env connector.Env) []*setting.Error {
	c := p.checker(reg, env)
	c.openStages()
	env.Pipeline, env.Decode, env.Schema, env.Formats, env.Log = p.Name, c.env.Decode, p.Schema, c.env.Formats, c.env.Log
	for i := range p.Sources {
		s := &p.Sources[i]
		env.Name = s.Name
		c.flow(s, c.schemaOf(ctx, s, env))
	}
	return setting.Errors(c.l.err())
}

func (p *Pipeline) checker(reg Registry, env connector.Env) *checker {
	c := &checker{p: p, l: &loader{}, env: stage.Env{
		Pipeline: p.Name, Formats: env.Formats, Decode: p.DecodeOptions(), Schema: p.Schema, Log: env.Log,
	}}
	if c.env.Log == nil {
		c.env.Log = slog.New(slog.DiscardHandler)
	}
	if c.env.Formats == nil {
		c.env.Formats = reg.Formats
	}
	return c
}

type checker struct {
	p      *Pipeline
	l      *loader
	env    stage.Env
	stages []stage.Stage // opened, nil for one that cannot be
}

func (c *checker) openStages() {
	for i := range c.p.Stages {
		c.stages = append(c.stages, c.open(&c.p.Stages[i]))
	}
	for i := range c.p.Sources {
		if d := c.p.Sources[i].Decode; d != nil {
			c.open(d)
		}
	}
}

func (c *checker) open(s *Stage) stage.Stage {
	opened, err := s.Open(c.env)
	c.l.add(err)
	return opened
}

// schemaOf asks a source for the columns that stages will see first; nil if nobody knows.
func (c *checker) schemaOf(ctx context.Context, s *Source, env connector.Env) *arrow.Schema {
	opened, err := s.Open(ctx, env)
	if err != nil {
		c.l.add(err)
		return nil
	}
	for _, from := range []any{opened, s.Config} {
		if k, ok := from.(Schemer); ok {
			return k.Schema()
		}
	}
	return nil
}

// flow follows the schema of a source through the stages that its rows pass, as long as each can say what it makes.
func (c *checker) flow(s *Source, schema *arrow.Schema) {
	if s.Decode != nil {
		schema = c.p.Schema
	}
	for i := range c.p.Stages {
		st := &c.p.Stages[i]
		if !st.Applies(s.Name) {
			continue
		}
		if st.Name == "decode" && c.p.Schema != nil {
			schema = c.p.Schema
			continue
		}
		binder, ok := c.stages[i].(stage.Binder)
		if !ok || schema == nil {
			schema = nil
			continue
		}
		out, err := binder.Bind(schema)
		if err != nil {
			c.l.add(st.Place.Wrap(err))
			return
		}
		schema = out
	}
	if schema == nil {
		return
	}
	for i := range c.p.Sinks {
		c.where(&c.p.Sinks[i], schema)
	}
}

// where checks a sink's condition against the columns that reach it.
func (c *checker) where(s *Sink, schema *arrow.Schema) {
	e, err := expr.Parse(s.Where.Text)
	if s.Where.Text == "" || err != nil {
		return // Load has said it
	}
	bound, err := e.Bind(schema)
	if err != nil {
		c.l.add(s.Where.Place.Wrap(err))
		return
	}
	if t := bound.Type(); t.ID() != arrow.BOOL && t.ID() != arrow.NULL {
		c.l.fail(s.Where.Place.Errorf("%s is %s, no condition", s.Where.Text, rows.TypeName(t)).WithHint("a condition is true or false: compare it with something"))
	}
}
