package pipeline

import (
	"context"
	"testing"

	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// drop keeps all but n rows of each batch, payloads as they are.
func drop(n int64) stage.Stage {
	return stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
		in.Rows = in.Rows.NewSlice(min(n, in.Rows.NumRows()), in.Rows.NumRows())
		return emit(in)
	})
}

// split passes each batch on in two.
var split = stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	half := in.Rows.NumRows() / 2
	first, second := in, in
	first.Rows, second.Rows = in.Rows.NewSlice(0, half), in.Rows.NewSlice(half, in.Rows.NumRows())
	if err := emit(first); err != nil {
		return err
	}
	return emit(second)
})

// decodeTwice makes two rows of each payload, and a reject of each batch's first.
var decodeTwice = stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	p, _ := rows.PayloadOf(in.Rows)
	in.Rows = record(0, 2*(p.Values.Len()-1))
	in.Rejects = []rows.Reject{{Kind: rows.Malformed}}
	return emit(in)
})

// double makes rows.
var double = stage.Func(func(_ context.Context, in rows.Batch, emit func(rows.Batch) error) error {
	if err := emit(in); err != nil {
		return err
	}
	return emit(in)
})

func TestEveryRowIsAccountedForWhateverStagesDo(t *testing.T) {
	payload := rows.NewPayload("json", "", false, make([][]byte, 10)...)
	reject := []rows.Reject{{Kind: rows.Oversize}, {Kind: rows.Oversize}}
	for name, c := range map[string]struct {
		in     rows.Batch
		stages []stage.Stage
		want   rows.Counts // but Written
	}{
		"columns":                        {rows.Batch{Rows: record(0, 10)}, nil, rows.Counts{Read: 10}},
		"a position only":                {rows.Batch{Position: "1"}, []stage.Stage{drop(1), split}, rows.Counts{}},
		"rejects only":                   {rows.Batch{Rejects: reject}, []stage.Stage{decodeTwice}, rows.Counts{Read: 2, Rejected: 2}},
		"filtered, in two, made":         {rows.Batch{Rows: record(0, 10)}, []stage.Stage{drop(4), split, drop(1), double}, rows.Counts{Read: 10, Filtered: 6, Made: 4}},
		"all filtered":                   {rows.Batch{Rows: record(0, 10), Rejects: reject}, []stage.Stage{drop(10), double}, rows.Counts{Read: 12, Filtered: 10, Rejected: 2}},
		"payloads":                       {rows.Batch{Rows: payload, Rejects: reject}, nil, rows.Counts{Read: 12, Rejected: 2}},
		"payloads decoded":               {rows.Batch{Rows: payload, Rejects: reject}, []stage.Stage{decodeTwice}, rows.Counts{Read: 21, Rejected: 3}},
		"payloads filtered, decoded":     {rows.Batch{Rows: payload}, []stage.Stage{drop(3), decodeTwice}, rows.Counts{Read: 16, Filtered: 3, Rejected: 1}},
		"payloads in two, decoded, made": {rows.Batch{Rows: payload}, []stage.Stage{split, decodeTwice, double}, rows.Counts{Read: 18, Rejected: 2, Made: 16}},
		"payloads filtered, as they are": {rows.Batch{Rows: payload}, []stage.Stage{drop(3)}, rows.Counts{Read: 10, Filtered: 3}},
	} {
		out, ok, err := newChain(c.stages).try(t.Context(), c.in)
		if !ok || err != nil {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
		got := out.counts
		if got != c.want || int64(len(out.rejects)) != got.Rejected {
			t.Errorf("%s: %+v with %d rejects, want %+v", name, got, len(out.rejects), c.want)
		}
		for _, b := range out.batches {
			got.Written += b.Len()
		}
		if !got.Balanced() {
			t.Errorf("%s: %+v does not balance", name, got)
		}
	}
}

func TestMarksOfSourcesThatAreNotReadNowAreKept(t *testing.T) {
	var c chains
	c.open = func(string) ([]stage.Stage, error) { return nil, nil }
	mark := []byte(`{"a":[{"x":1}],"b":[null]}`)
	if err := c.reset(mark); err != nil {
		t.Fatal(err)
	}
	if got, err := c.mark(); err != nil || string(got) != string(mark) {
		t.Errorf("mark is %s, %v; want %s", got, err, mark)
	}
}
