//go:build !no_connector_generate

package all

import "github.com/gros-lake/gros/connector/generate"

func init() { connectors = append(connectors, generate.Connector) }
