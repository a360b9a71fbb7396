package blackhole

import (
	"testing"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/connector/connectortest"
	"github.com/gros-lake/gros/rows"
)

func TestConnector(t *testing.T) {
	connectortest.Run(t, Connector, connectortest.Case{Name: "nothing is visible", Sink: &Config{}})
}

func TestCountsAreThoseOfCommits(t *testing.T) {
	opened, err := open(t.Context(), connector.Env{}, &Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*Sink)
	write := func(rejects int) {
		if err := s.Write(t.Context(), rows.Batch{Rows: rows.NewPayload("json", "", false, []byte("{}"), []byte("{}")), Rejects: make([]rows.Reject, rejects)}); err != nil {
			t.Fatal(err)
		}
	}
	write(1)
	p, err := s.Seal(t.Context(), connector.Epoch{Rows: rows.Counts{Read: 4, Filtered: 1}})
	if err != nil {
		t.Fatal(err)
	}
	write(0)
	if got := s.Counts(); got != (rows.Counts{}) {
		t.Errorf("before the commit it counts %+v", got)
	}
	r, err := p.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := rows.Counts{Read: 4, Written: 2, Rejected: 1, Filtered: 1}
	if got := s.Counts(); got != want || r.Rows != want || !r.Rows.Balanced() {
		t.Errorf("it counts %+v and records %+v, want %+v", got, r.Rows, want)
	}
}
