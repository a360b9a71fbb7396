//go:build !no_connector_blackhole

package all

import "github.com/gros-lake/gros/connector/blackhole"

func init() { connectors = append(connectors, blackhole.Connector) }
