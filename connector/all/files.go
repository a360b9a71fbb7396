//go:build !no_connector_files

package all

import "github.com/gros-lake/gros/connector/files"

func init() { connectors = append(connectors, files.Connector) }
