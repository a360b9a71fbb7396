//go:build !no_connector_stdio

package all

import "github.com/gros-lake/gros/connector/stdio"

func init() { connectors = append(connectors, stdio.Connector) }
