// Package parquet reads and writes Parquet files.
//
// Files are written so that Spark, Trino, DuckDB, pyarrow and Polars read them alike: timestamps in microseconds with
// isAdjustedToUTC set for zone UTC only, no unsigned, nanosecond or UUID types, pages of version 1, statistics for every
// column.
package parquet

import "github.com/gros-lake/gros/format"

// Format is what the binary knows of Parquet.
var Format = format.Spec{
	Name:     "parquet",
	Doc:      "columns in row groups (Apache Parquet)",
	Suffixes: []string{".parquet"},
	Encoder:  NewEncoder,
	Open:     Open,
}

// magic begins and ends every file; a file with an encrypted footer has encryptedMagic instead.
const (
	magic          = "PAR1"
	encryptedMagic = "PARE"
)

// createdBy names the writer in the footer.
const createdBy = "gros"
