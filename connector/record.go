package connector

import (
	"encoding/json"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/rows"
)

// RecordVersion is the version of the record format that this program writes.
const RecordVersion = 1

// Kinds of Record.
const (
	KindOwn     = "own"     // a writer took splits over
	KindData    = "data"    // rows
	KindVoid    = "void"    // rows of an earlier record were lost by the store; its splits are set back
	KindReplace = "replace" // files in place of others: compaction, retention, repair
)

// Record is one commit: what was added, and where every split stands after it. docs/formats/commit-record.md has the
// format byte for byte. The newest record alone tells all that a writer must know to go on.
type Record struct {
	V          int                   `json:"v"`
	Kind       string                `json:"kind"`
	Seq        int64                 `json:"seq"`
	Writer     string                `json:"writer"` // nonce of the process that put it, 12 hex digits
	Commit     string                `json:"commit"` // unique to this attempt
	Time       time.Time             `json:"time"`
	Pipeline   string                `json:"pipeline"`         // that wrote it
	Tenant     string                `json:"tenant,omitempty"` // the pipeline that the place belongs to, carried forward
	Run        string                `json:"run,omitempty"`
	Splits     map[string]SplitState `json:"splits"`
	Files      []File                `json:"files,omitempty"`
	Starts     map[string]Start      `json:"starts,omitempty"`
	Pend       []Pend                `json:"pend,omitempty"`
	Clean      []Clean               `json:"clean,omitempty"`
	Dead       map[string]time.Time  `json:"dead,omitempty"`
	Voids      []int64               `json:"voids,omitempty"`
	Removes    []string              `json:"removes,omitempty"`
	Rows       rows.Counts           `json:"rows"`
	Coerced    map[string]int64      `json:"coerced,omitempty"`
	Duplicates int64                 `json:"duplicates,omitempty"` // values that a later one under the same key of their object replaced
	Watermark  *time.Time            `json:"watermark,omitempty"`
	Schema     json.RawMessage       `json:"schema,omitempty"` // of the destination, as rows.MarshalSchema writes it, carried forward
	Upstreams  []string              `json:"upstreams,omitempty"`
}

// SplitState is where one split stands.
type SplitState struct {
	Pos   rows.Position `json:"pos"`
	At    int64         `json:"at"`    // seq of the last record that touched the split
	Owner string        `json:"owner"` // nonce of the writer that may commit it, "" when it was given up
	State *StateRef     `json:"state,omitempty"`
	Done  bool          `json:"done,omitempty"` // has ended for good
}

// StateRef names an object of state, or of the finished splits that were folded away.
type StateRef struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

// File is a file that a record adds.
type File struct {
	bucket.Staged
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
	Reject bool   `json:"reject,omitempty"` // it holds rejects
}

// Start is where a record's rows begin in a split.
type Start struct {
	Pos   rows.Position `json:"pos"`
	State *StateRef     `json:"state,omitempty"`
	Done  bool          `json:"done,omitempty"`
}

// Pend is a recorded commit whose files may not be visible yet.
type Pend struct {
	Seq    int64            `json:"seq"`
	Writer string           `json:"writer"`
	Files  []File           `json:"files"`
	Starts map[string]Start `json:"starts"`
}

// Clean is a file of a voided record: it must be aborted, then deleted, then again when requests in flight have died.
type Clean struct {
	bucket.Staged
	Since time.Time `json:"since"`
}
