//go:build !no_format_parquet

package all

import "github.com/gros-lake/gros/format/parquet"

func init() { formats = append(formats, parquet.Format) }
