package all

import "github.com/gros-lake/gros/connector/files"

func init() { connectors = append(connectors, files.Connector) }
