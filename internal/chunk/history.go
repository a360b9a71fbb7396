package chunk

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// Commit is one commit record, as people and programs look at it.
type Commit struct {
	Seq        int64                    `json:"seq"`
	Time       time.Time                `json:"time"`
	Kind       string                   `json:"kind"`
	Stem       string                   `json:"stem"`
	Pipeline   string                   `json:"pipeline"`
	Writer     string                   `json:"writer"`
	Run        string                   `json:"run,omitempty"`
	Rows       rows.Counts              `json:"rows"`
	Files      []CommitFile             `json:"files"`
	Positions  map[string]rows.Position `json:"positions"` // of every split, after it
	Schema     *CommitSchema            `json:"schema,omitempty"`
	Coerced    map[string]int64         `json:"coerced,omitempty"`
	Duplicates int64                    `json:"duplicates,omitempty"` // values that a later one under the same key of their object replaced
	Watermark  *time.Time               `json:"watermark,omitempty"`
	Voids      []int64                  `json:"voids,omitempty"`   // commits that it takes back
	Removes    []string                 `json:"removes,omitempty"` // files that it takes away
	Upstreams  []string                 `json:"upstreams,omitempty"`
}

// CommitFile is a file that a commit added.
type CommitFile struct {
	Key    string `json:"key"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Reject bool   `json:"reject,omitempty"`
}

// CommitSchema is the schema of the destination after a commit.
type CommitSchema struct {
	Fingerprint string   `json:"fingerprint"`
	Changes     []string `json:"changes"` // that the commit made
}

// commitOf is what people see of a record; older is the one before it, nil if there is none.
func commitOf(stem string, r, older *connector.Record) (*Commit, error) {
	c := &Commit{
		Seq: r.Seq, Time: r.Time, Kind: r.Kind, Stem: stem, Pipeline: r.Pipeline, Writer: r.Writer, Run: r.Run, Rows: r.Rows,
		Files: []CommitFile{}, Positions: map[string]rows.Position{}, Coerced: r.Coerced, Duplicates: r.Duplicates, Watermark: r.Watermark,
		Voids: r.Voids, Removes: r.Removes, Upstreams: r.Upstreams,
	}
	for _, f := range r.Files {
		c.Files = append(c.Files, CommitFile{f.Key, f.Rows, f.Size, f.SHA256, f.Reject})
	}
	for name, s := range r.Splits {
		c.Positions[name] = s.Pos
	}
	if r.Schema == nil {
		return c, nil
	}
	c.Schema = &CommitSchema{}
	if err := json.Unmarshal(r.Schema, c.Schema); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "record %d of %s: its schema: %w", r.Seq, stem, err)
	}
	if carried := older != nil && bytes.Equal(older.Schema, r.Schema); carried || c.Schema.Changes == nil {
		c.Schema.Changes = []string{}
	}
	return c, nil
}

// Commits yields the commits of all logs of a place, newest first.
func (v *View) Commits(ctx context.Context) iter.Seq2[*Commit, error] {
	return func(yield func(*Commit, error) bool) {
		if err := v.needLog(); err != nil {
			yield(nil, err)
			return
		}
		var heads []*history
		defer func() {
			for _, h := range heads {
				h.stop()
			}
		}()
		for _, l := range v.logs {
			h := &history{stem: l.stem}
			h.next, h.stop = iter.Pull2(l.Records(ctx))
			heads = append(heads, h)
			if err := h.read(); err != nil {
				yield(nil, err)
				return
			}
		}
		for {
			newest := latest(heads)
			if newest == nil {
				return
			}
			c, err := commitOf(newest.stem, newest.record, newest.older)
			if !yield(c, err) || err != nil {
				return
			}
			if err := newest.read(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// history is a log that is read backwards.
type history struct {
	stem          string
	next          func() (*connector.Record, error, bool)
	stop          func()
	record, older *connector.Record // nil at the end
	err           error             // of reading older
}

// read moves on to the next older record.
func (h *history) read() error {
	if h.err != nil {
		return h.err
	}
	h.record, h.older = h.older, nil
	if older, err, ok := h.next(); ok {
		h.older, h.err = older, err
	}
	if h.record == nil { // at the beginning, or at the end
		if h.err != nil {
			return h.err
		}
		if h.older != nil {
			return h.read()
		}
	}
	return nil
}

func latest(all []*history) *history {
	var best *history
	for _, h := range all {
		if h.record != nil && (best == nil || h.record.Time.After(best.record.Time)) {
			best = h
		}
	}
	return best
}

// Column is a column as people see it.
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type"`                   // in SQL
	CompanionOf string `json:"companion_of,omitempty"` // the column whose values that do not fit it holds
	Partition   bool   `json:"partition,omitempty"`    // only the folders' names say it
}

// SchemaChange is a commit after which the schema was another.
type SchemaChange struct {
	Seq         int64     `json:"seq"`
	Time        time.Time `json:"time"`
	Stem        string    `json:"stem"`
	Pipeline    string    `json:"pipeline"`
	Fingerprint string    `json:"fingerprint"`
	Changes     []string  `json:"changes"`
}

// SchemaHistory is the columns of a place and how they came about.
type SchemaHistory struct {
	Place       string         `json:"place"`
	Fingerprint string         `json:"fingerprint"`
	Columns     []Column       `json:"columns"`
	Changes     []SchemaChange `json:"changes"` // oldest first; none without a log
}

// History returns the columns of a place, and each change of them.
func (v *View) History(ctx context.Context) (*SchemaHistory, error) {
	r, err := v.Read(ctx, ReadOptions{})
	if err != nil {
		return nil, err
	}
	s, err := r.Schema(ctx)
	if err != nil {
		return nil, err
	}
	h := &SchemaHistory{Place: v.Place, Columns: []Column{}, Changes: []SchemaChange{}, Fingerprint: rows.Fingerprint(s)}
	for _, f := range s.Fields() {
		h.Columns = append(h.Columns, Column{f.Name, rows.TypeName(f.Type), rows.CompanionOf(f), r.hive.has(f.Name)})
	}
	if len(v.logs) == 0 {
		return h, nil
	}
	for c, err := range v.Commits(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Schema != nil && len(c.Schema.Changes) > 0 {
			h.Changes = append(h.Changes, SchemaChange{c.Seq, c.Time, c.Stem, c.Pipeline, c.Schema.Fingerprint, c.Schema.Changes})
		}
	}
	slices.Reverse(h.Changes)
	return h, nil
}

func (h hiveTypes) has(name string) bool {
	return slices.ContainsFunc(h, func(f arrow.Field) bool { return f.Name == name })
}
