package all

import "github.com/gros-lake/gros/connector/stdio"

func init() { connectors = append(connectors, stdio.Connector) }
