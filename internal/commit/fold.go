package commit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// foldAt is how many finished splits of a source a record lists before they are folded into one object.
const foldAt = 256

// foldID is the ID of the split that stands for all finished ones of its source.
const foldID = "*"

// folding moves finished splits of one source out of the record into an object of state.
type folding struct {
	into  string
	names []string
	total int
	state *connector.StateRef
}

// Sum is the checksum that records keep: SHA-256 in hex.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// folds returns the splits that stand for finished ones, for every source among splits.
func folds(splits []rows.Split) []rows.Split {
	var f []rows.Split
	for _, s := range splits {
		star := rows.Split{Source: s.Source, ID: foldID}
		if s.Source != EgressSource && !slices.Contains(f, star) {
			f = append(f, star)
		}
	}
	return f
}

// fold prepares to fold finished splits away when there are many. The splits folded are touched by the record, so that a
// void of it brings them back.
func (w *Writer) fold(ctx context.Context, e Entry, starts map[string]connector.Start) (*folding, error) {
	done := map[string][]string{}
	for name := range w.at {
		s := rows.ParseSplit(name)
		if s.ID != foldID && (w.head.Splits[name].Done || slices.Contains(e.Finished, s)) {
			done[s.Source] = append(done[s.Source], name)
		}
	}
	for source, names := range done {
		into := rows.Split{Source: source, ID: foldID}.String()
		held := w.head.Splits[into]
		folded, _ := strconv.Atoi(string(held.Pos))
		if len(names) < foldAt || len(names) < folded/8 {
			continue
		}
		all, err := w.folded(ctx, held)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			all = append(all, rows.ParseSplit(name).ID)
			starts[name] = startOf(w.head.Splits[name])
		}
		slices.Sort(all)
		raw, err := json.Marshal(all)
		if err != nil {
			return nil, fault.As(fault.Internal, err)
		}
		ref, err := w.PutState(ctx, raw)
		if err != nil {
			return nil, err
		}
		starts[into] = startOf(held)
		return &folding{into, names, len(all), ref}, nil
	}
	return nil, nil
}

func (f *folding) apply(r *connector.Record, owner string) {
	if f == nil {
		return
	}
	for _, name := range f.names {
		delete(r.Splits, name)
	}
	r.Splits[f.into] = connector.SplitState{Pos: rows.Position(strconv.Itoa(f.total)), At: r.Seq, Owner: owner, State: f.state}
}

// folded reads the IDs of the splits that were folded away.
func (w *Writer) folded(ctx context.Context, star connector.SplitState) ([]string, error) {
	if star.State == nil {
		return nil, nil
	}
	raw, err := w.ReadState(ctx, star.State)
	if err != nil {
		return nil, err
	}
	var ids []string
	if err := json.Unmarshal(raw, &ids); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "%s: is no list of finished splits: %w", star.State.Key, err)
	}
	return ids, nil
}

// Checkpoint says where the splits of this life stand.
func (w *Writer) Checkpoint(ctx context.Context) (connector.Checkpoint, error) {
	c := connector.Checkpoint{Positions: map[rows.Split]rows.Position{}}
	finished := map[rows.Split]bool{}
	var newest int64
	var state *connector.StateRef
	for name := range w.at {
		s, held := rows.ParseSplit(name), w.head.Splits[name]
		if s.ID == foldID {
			ids, err := w.folded(ctx, held)
			if err != nil {
				return c, err
			}
			for _, id := range ids {
				finished[rows.Split{Source: s.Source, ID: id}] = true
			}
			continue
		}
		c.Positions[s] = held.Pos
		if held.Done {
			finished[s] = true
		}
		if held.State != nil && held.At >= newest {
			newest, state = held.At, held.State
		}
	}
	c.Finished = func(s rows.Split) bool { return finished[s] }
	if state == nil {
		return c, nil
	}
	raw, err := w.ReadState(ctx, state)
	c.State = raw
	return c, err
}
