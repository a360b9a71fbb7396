// Package format reads and writes rows as bytes.
package format

import (
	"context"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

// Spec is what the binary knows of a format. A nil function is something the format cannot do.
type Spec struct {
	Name     string   // as users write it: parquet, json, csv
	Doc      string   // one line
	Suffixes []string // of its files, with the dot, the usual one first; .gz and .zst may follow where Compresses is set
	Text     bool     // its files are made of payloads, and may be compressed as a whole (.gz, .zst)

	Decoder func(DecodeOptions) (Decoder, error)
	Encoder func(EncodeOptions) (Encoder, error)
	Open    func(context.Context, Input, ReadOptions) (Reader, error)
}

// DecodeOptions is how payloads are understood. The zero value is the default.
type DecodeOptions struct {
	DuplicateKeys string   // "last" (default): the last one wins and is counted; "reject" refuses the row
	Timestamps    string   // "on" (default): ISO-8601 strings become timestamps and dates; "off"
	Encoding      string   // "utf-8" (default), "latin-1"; what is not of it is a reject
	Delimiter     string   // CSV: one byte; "" is found out from the header
	Nulls         []string // CSV: texts that mean null, beside the empty unquoted field
	MaxRow        int64    // bytes of one document, 0 = 64 MiB
	MaxColumns    int      // that inference may open, 0 = 10,000
}

// Decoder turns payloads into columns under a schema that only grows: a column keeps its name, place and type, a value
// that does not fit its column stands in a companion column (rows.Companion), a column with no value so far has the type
// arrow.Null. It is safe for concurrent use.
type Decoder interface {
	// Decode decodes the documents of p, all of them unless Rest says otherwise, into the columns of s, in one pass, allocating per batch and never per row. The
	// columns of Decoded.Rows are those of s in the same order; a column of strings may be dictionary-encoded.
	// When a value has no column in s, Decoded.Drift is set and nothing else: Infer, then Decode again.
	Decode(p rows.Payload, s *arrow.Schema) (Decoded, error)
	// Infer returns s, or the empty schema if nil, extended by what the documents of p need.
	Infer(p rows.Payload, s *arrow.Schema) (*arrow.Schema, error)
}

// Decoded is what became of a payload.
type Decoded struct {
	Rows       arrow.RecordBatch
	Rejects    []rows.Reject    // Raw, Kind, Message, Column and Offset are set
	Drift      bool             // a value had no column: the rest is not set
	Coerced    map[string]int64 // values per column that were cast to its type, or went to its companion
	Duplicates int64            // keys that were overwritten by a later one of the same object
	Rest       int64            // bytes at the end of the one block of p that are left to be decoded: its rows would take too much at once
	Headers    int64            // lines that repeat the header of their file, and are no rows
}

// EncodeOptions is how files are written. The zero value is the default.
type EncodeOptions struct {
	Compression string // parquet: zstd (default), snappy, none; text: "" none, gzip, zstd
	Level       int    // 0 = the format's default, zstd 1
}

// Encoder writes files as a beginning, runs of rows that are encoded apart from each other, and an end. So runs of one
// file can be encoded in parallel, and a file appended to while others grow. It is safe for concurrent use.
type Encoder interface {
	// Suffix is that of the files, ".parquet".
	Suffix() string
	// Begin returns the first bytes of a file of rows of s.
	Begin(s *arrow.Schema) ([]byte, error)
	// Encode encodes the rows of recs, which all have columns of the names of s, some maybe missing, in any order; strings
	// may be dictionary-encoded. Types are those of s.
	Encode(ctx context.Context, s *arrow.Schema, recs []arrow.RecordBatch) (Run, error)
	// End returns the last bytes of a file that holds runs in this order right after Begin's bytes.
	End(s *arrow.Schema, runs []Run) ([]byte, error)
}

// Run is a row group of Parquet, a stretch of lines. Bytes may be dropped once they are written: End needs Meta and Size.
type Run struct {
	Bytes []byte
	Size  int64 // len(Bytes)
	Rows  int64
	Meta  any // the encoder's own
}

// Input is a file to read, or a stream.
type Input struct {
	Name string // for errors
	Size int64  // -1: unknown, and Open can only be called once, with off 0
	// Open reads n bytes from off, n < 0 to the end.
	Open func(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// ReadOptions is how a file is read. The zero value is the default.
type ReadOptions struct {
	Columns []string // only these, where the format can; nil = all
	Block   int      // bytes of one payload block, 0 = 8 MiB
	Decode  DecodeOptions
}

// Reader reads one file.
type Reader interface {
	// Schema is that of the rows, nil when they are payloads.
	Schema() *arrow.Schema
	// Read yields the batches that follow pos, with Rows and Position set: columns, or blocks of payloads for the
	// format's Decoder. The zero Position is the beginning. An error is the last thing it yields and names the place.
	Read(ctx context.Context, pos rows.Position) iter.Seq2[rows.Batch, error]
}
