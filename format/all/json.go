//go:build !no_format_json

package all

import "github.com/gros-lake/gros/format/json"

func init() { formats = append(formats, json.Format) }
