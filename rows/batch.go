// Package rows holds runs of rows as columns, and says where in a stream they stand.
package rows

import (
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Split names a part of a stream that is read on its own: a Kafka partition, a file, a simulated visitor stream.
// Source is the name of the source in its pipeline and holds no slash.
type Split struct{ Source, ID string }

// String returns the name of s in records and logs, "source/id".
func (s Split) String() string { return s.Source + "/" + s.ID }

// ParseSplit reads what Split.String wrote.
func ParseSplit(text string) Split {
	source, id, _ := strings.Cut(text, "/")
	return Split{source, id}
}

// Position is a place in a split: what a source needs to go on from there. It is readable, documented by its
// connector and opaque to everybody else. The zero Position is the beginning.
type Position string

// Batch is a run of consecutive rows of one split, as columns. Whoever yields it gives it away; nobody changes its
// rows. Memory is the garbage collector's: no Retain, no Release.
type Batch struct {
	Rows       arrow.RecordBatch // nil: no rows, the batch only moves the position or carries rejects
	Rejects    []Reject
	Stream     string // which output: a table, a branch, "late"; "" is the main one
	Split      Split
	Position   Position         // after the last row; "" = no commit may fall here (inside a transaction)
	EventTime  time.Time        // newest, if known
	Coerced    map[string]int64 // values per column that were cast to its type, or went to its companion
	Duplicates int64            // values that a later one under the same key of their object replaced
}

// Len is the number of rows of b, rejects aside.
func (b Batch) Len() int64 {
	if b.Rows == nil {
		return 0
	}
	return b.Rows.NumRows()
}

// Reject is a row that was refused, with its reason.
type Reject struct {
	Raw      []byte    `json:"-"`    // as it came, or as JSON when it came as columns
	Format   string    `json:"-"`    // of Raw as it came, "" = it came as columns
	Header   string    `json:"-"`    // that the format needs to read Raw, see Payload
	Kind     string    `json:"kind"` // malformed, type, check, contract, route, encoding, size, duplicate
	Message  string    `json:"message"`
	Column   string    `json:"column,omitempty"` // path of the column at fault, dots between its parts
	Split    Split     `json:"-"`
	Position Position  `json:"position,omitempty"` // of the batch that held it
	Offset   int64     `json:"offset"`             // bytes into the split where that is text, else rows or bytes into the batch
	Time     time.Time `json:"time"`
	Pipeline string    `json:"pipeline,omitempty"`
}

// Kinds of Reject.
const (
	Malformed = "malformed" // no document of the format
	BadType   = "type"      // a value that no column of the schema can hold
	Failed    = "check"     // a check said no
	Breach    = "contract"  // the destination's contract refuses it
	Unrouted  = "route"     // no path can be made of it
	Encoding  = "encoding"  // bytes that are no text of the declared encoding
	Oversize  = "size"      // longer than a row may be
	Duplicate = "duplicate" // a key twice in one object, where that is refused
)

// Counts accounts for rows: Read + Made = Written + Rejected + Filtered + Absorbed holds in every commit record.
type Counts struct {
	Read     int64 `json:"read"`     // rows that the source yielded
	Made     int64 `json:"made"`     // rows that stages created
	Written  int64 `json:"written"`  // rows in data files
	Rejected int64 `json:"rejected"` // rows refused, kept in files of rejects
	Filtered int64 `json:"filtered"` // rows dropped on purpose
	Absorbed int64 `json:"absorbed"` // rows that went into state
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Read += o.Read
	c.Made += o.Made
	c.Written += o.Written
	c.Rejected += o.Rejected
	c.Filtered += o.Filtered
	c.Absorbed += o.Absorbed
}

// Balanced reports whether every row is accounted for.
func (c Counts) Balanced() bool {
	return c.Read+c.Made == c.Written+c.Rejected+c.Filtered+c.Absorbed
}
