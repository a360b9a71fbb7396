// Package all lists the formats that the binary ships.
package all

import "github.com/gros-lake/gros/format"

// formats is filled by one file a format, each of which a build tag can leave out.
var formats format.Registry

// Formats returns what was built in.
func Formats() format.Registry { return formats }
