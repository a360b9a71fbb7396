// Package blackhole is a sink that counts rows and forgets them: for measuring what comes before it.
package blackhole

import (
	"github.com/gros-lake/gros/connector"
)

// Connector is the blackhole connector.
var Connector = connector.Spec{
	Name: "blackhole",
	Doc:  "Count rows and forget them",
	Sink: connector.SinkOf("blackhole", open),
}

// Config is the settings of the sink: there are none.
type Config struct{}
