package rows

import "github.com/gros-lake/gros/fault"

// Mode is what happens to a change of schema that a batch would need.
type Mode string

// The modes. The zero Mode is Evolve.
const (
	Evolve       Mode = "evolve"        // the schema takes it up
	Freeze       Mode = "freeze"        // = quarantine
	DiscardValue Mode = "discard_value" // the row is written without the value
	DiscardRow   Mode = "discard_row"   // the row counts as filtered
	Quarantine   Mode = "quarantine"    // the row becomes a reject
	Fail         Mode = "fail"          // the pipeline stops
)

// Contract says how the schema of a destination may change. The zero Contract lets everything evolve.
type Contract struct {
	Tables  Mode `setting:"tables" doc:"a destination that does not exist yet" default:"evolve"`
	Columns Mode `setting:"columns" doc:"a column that the destination does not have" default:"evolve"`
	Types   Mode `setting:"types" doc:"a value that does not fit its column" default:"evolve"`
}

// Check reports a mode that does not exist.
func (c Contract) Check() error {
	for _, m := range []Mode{c.Tables, c.Columns, c.Types} {
		switch m {
		case "", Evolve, Freeze, DiscardValue, DiscardRow, Quarantine, Fail:
		default:
			err := fault.Errorf(fault.Invalid, "contract: %q is no mode", m)
			return fault.Hint(err, "modes are evolve, freeze, discard_value, discard_row, quarantine, fail")
		}
	}
	return nil
}
