package gros

import (
	"context"
	"log/slog"

	"github.com/gros-lake/gros/internal/chunk"
)

// View is a place that is looked into: a folder of chunks, one stem of it, or plain files.
type View = chunk.View

// What a View tells, and how it is asked.
type (
	Listing       = chunk.Listing       // of View.List
	Entry         = chunk.Entry         // a file of it
	Commit        = chunk.Commit        // of View.Commits
	SchemaHistory = chunk.SchemaHistory // of View.History
	ReadOptions   = chunk.ReadOptions   // of View.Read
	Reading       = chunk.Reading       // of View.Read
	VerifyOptions = chunk.VerifyOptions // of View.Verify
	Verification  = chunk.Verification  // of View.Verify
	Finding       = chunk.Finding       // of it
	RejectFile    = chunk.RejectFile    // of View.RejectFiles
	Reject        = chunk.Reject        // of View.Rejects
	RejectOptions = chunk.RejectOptions // of View.Rejects
)

// JSONColumn is the metadata key of a column of a Reading whose text is JSON.
const JSONColumn = chunk.JSONColumn

// LookOptions is how a place is looked into. The zero value is the default.
type LookOptions struct {
	Format string // of files whose suffix does not tell
	Log    *slog.Logger
}

// Look opens a place to look into it. An existing object wins over a stem, and a stem over a prefix.
func Look(ctx context.Context, place string, o LookOptions) (*View, error) {
	return chunk.Look(ctx, chunk.ViewOptions{Buckets: Buckets(), Formats: Formats(), Format: formatName(o.Format), Log: o.Log}, place)
}
