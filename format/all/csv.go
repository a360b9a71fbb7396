//go:build !no_format_csv

package all

import "github.com/gros-lake/gros/format/csv"

func init() { formats = append(formats, csv.Format) }
