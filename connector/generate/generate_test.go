package generate

import (
	"testing"

	"github.com/gros-lake/gros/connector/connectortest"
)

func TestConnector(t *testing.T) {
	columns := describe(t, `{"id": "sequence", "v": {"normal": [100, 15]}, "s": {"struct": {"a": "uuid", "l": {"list": {"of": {"text": [0, 9]}, "length": [0, 4]}}}}}`)
	all := Mess{Nulls: .02, Late: .01, DriftAfter: 300}
	bad := all
	bad.BadJSON = .01
	connectortest.Run(t, Connector,
		connectortest.Case{Name: "web events", Paced: true, Source: &Config{Rows: 1_000, Rate: 4_000, Splits: 2, Mess: all}},
		connectortest.Case{Name: "web events as JSON", Paced: true, Source: &Config{Rows: 1_500, Rate: 4_000, Payload: "json", Timestamps: "legacy", Mess: bad}},
		connectortest.Case{Name: "rows", Paced: true, Source: &Config{Kind: Rows, Columns: columns, Rows: 1_000, Rate: 4_000, Splits: 2, Mess: all}},
		connectortest.Case{Name: "unpaced", Source: &Config{Kind: Rows, Columns: describe(t, `{id: sequence}`), Rows: 45_000}},
		connectortest.Case{Name: "rows as JSON", Paced: true, Source: &Config{Kind: Rows, Columns: columns, Rows: 1_500, Rate: 4_000, Payload: "json", Mess: bad}},
	)
}
