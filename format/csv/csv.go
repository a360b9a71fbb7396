// Package csv reads and writes rows as comma-separated values, RFC 4180 and what is found in the wild.
//
// The first line that is not blank names the columns; a name that stands there twice gets the suffix _2, and an empty one is
// column_3 by its place. The delimiter is the one of , ; tab | that the header has most of. A field may be quoted; a quote in it
// is doubled, and it may hold delimiters and line ends, which stay as they are. A quote inside an unquoted field is a character
// like others. Spaces belong to fields. Lines end with LF or CRLF. Blank lines are no rows, except where there is one column:
// there they are rows with null, as the encoder writes them. A later line that is exactly the header is dropped and counted.
//
// An empty field is null, "" is the empty string. Without a schema a column is int64, double, bool (true, false), date or
// timestamp when all its values of a payload are, and else text; 007 and +1 are text. A position is the offset in uncompressed
// bytes after the last row, as decimal digits: "12345".
package csv

import "github.com/gros-lake/gros/format"

// Format is the spec of CSV.
var Format = format.Spec{
	Name:     "csv",
	Doc:      "comma-separated values with a header",
	Suffixes: []string{".csv", ".tsv"},
	Text:     true,
	Decoder:  NewDecoder,
	Encoder:  NewEncoder,
	Open:     Open,
}
