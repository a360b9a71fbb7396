// Package stage defines what changes rows on their way from a source to a sink.
package stage

import (
	"context"
	"log/slog"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// Stage changes rows. Apply passes on what becomes of in, in any number of batches and streams, with the rejects that it
// made itself; the pipeline keeps the positions and the rejects made before, and counts: rows that neither come out nor
// become rejects were filtered. A stateless stage is called
// concurrently; order within a split is restored.
type Stage interface {
	Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error
}

// Evolver is a Stage whose small state changes rarely, as the schema of decode does. Try is Apply under the state as it
// stands, is called concurrently and reports false, having emitted nothing, when the state would have to change. Then the
// pipeline calls Apply for that batch once all earlier batches have passed and while no other Apply runs: so the state
// depends on the rows alone and not on who was first.
type Evolver interface {
	Stage
	Try(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) (bool, error)
	// Mark returns the state after the batches applied so far; equal marks are equal states.
	Mark() []byte
	// Reset goes back to a state that Mark returned, nil to the first one.
	Reset(mark []byte) error
}

// Stateful is a Stage that remembers rows: groups, windows, joins. One instance serves one split.
type Stateful interface {
	Stage
	Advance(ctx context.Context, wall, watermark time.Time, emit func(rows.Batch) error) error
	Snapshot(ctx context.Context) (ref string, err error) // to the bucket; the record keeps the ref
	Restore(ctx context.Context, ref string) error
}

// Binder is a Stage that can say, before a row flows, what columns it makes of those of in, or why it cannot.
type Binder interface {
	Bind(in *arrow.Schema) (*arrow.Schema, error)
}

// Func is a stateless Stage made of a plain function.
type Func func(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error

// Apply calls f.
func (f Func) Apply(ctx context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	return f(ctx, in, emit)
}

// Spec is what the binary knows of a stage. A stage's file exports one; stage/all lists it.
type Spec struct {
	Name   string     // as users write it in a pipeline
	Doc    string     // one line
	Config func() any // a new pointer to what the key's value is parsed into, as package setting describes
	Open   func(env Env, config any) (Stage, error)
}

// Of makes a Spec of a typed function.
func Of[Config any](name, doc string, open func(Env, *Config) (Stage, error)) Spec {
	return Spec{
		Name:   name,
		Doc:    doc,
		Config: func() any { return new(Config) },
		Open:   func(env Env, c any) (Stage, error) { return open(env, c.(*Config)) },
	}
}

// Env is what a stage is given beside its own settings.
type Env struct {
	Pipeline string
	Formats  format.Registry
	Decode   format.DecodeOptions // the pipeline's
	Schema   *arrow.Schema        // declared by the user for what decode makes, nil if inferred
	Log      *slog.Logger
}
