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

// folding moves finished splits of one source out of the record into an object of state. The list only grows: a void puts
// the splits that it sets back into the record again, where they count before the list.
type folding struct {
	into  string
	at    int64 // seq of the record that last changed the list
	names []string
	total int
	state *connector.StateRef
}

// Sum is the checksum that records keep: SHA-256 in hex.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// fold prepares to fold finished splits away when there are many.
func (w *Writer) fold(ctx context.Context, e Entry) (*folding, error) {
	mine := map[string]bool{}
	for name := range w.at {
		mine[rows.ParseSplit(name).Source] = true
	}
	done := map[string][]string{}
	for name, held := range w.head.Splits {
		s := rows.ParseSplit(name)
		_, moves := e.Positions[s] // it keeps its place until the next time, and with it the state of the stages
		if held.Done && !moves && mine[s.Source] && mayFold(held, w.nonce) {
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
		}
		slices.Sort(all)
		all = slices.Compact(all)
		raw, err := json.Marshal(all)
		if err != nil {
			return nil, fault.As(fault.Internal, err)
		}
		ref, err := w.PutState(ctx, raw)
		if err != nil {
			return nil, err
		}
		return &folding{into, held.At, names, len(all), ref}, nil
	}
	return nil, nil
}

// mayFold says whether a writer may fold an ended split away: its own, and one whose owner is dead.
func mayFold(s connector.SplitState, nonce string) bool { return s.Owner == nonce || s.Owner == "" }

// release says that the list is recorded, or will not be.
func (f *folding) release(w *Writer) {
	if f != nil {
		w.Release(f.state.Key)
	}
}

// apply folds in a record that is built on a head whose list is still the one prepared for. It touches
// the splits folded, so that a void of the record brings them back.
func (f *folding) apply(r *connector.Record) {
	if f == nil || r.Splits[f.into].At != f.at {
		return
	}
	for _, name := range f.names {
		if s, there := r.Splits[name]; !there || !mayFold(s, r.Writer) {
			continue // somebody took it over
		}
		if _, moved := r.Starts[name]; !moved {
			r.Starts[name] = startOf(r.Splits[name])
		}
		delete(r.Splits, name)
	}
	r.Splits[f.into] = connector.SplitState{Pos: rows.Position(strconv.Itoa(f.total)), At: r.Seq, State: f.state}
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

// unfolded returns those of splits that have not ended and been folded away.
func (w *Writer) unfolded(ctx context.Context, splits []rows.Split) ([]rows.Split, error) {
	if w.head == nil {
		return splits, nil
	}
	lists := map[string]map[string]bool{}
	var left []rows.Split
	for _, s := range splits {
		list, read := lists[s.Source]
		if !read {
			ids, err := w.folded(ctx, w.head.Splits[rows.Split{Source: s.Source, ID: foldID}.String()])
			if err != nil {
				return nil, err
			}
			list = map[string]bool{}
			for _, id := range ids {
				list[id] = true
			}
			lists[s.Source] = list
		}
		if _, there := w.head.Splits[s.String()]; there || !list[s.ID] {
			left = append(left, s)
		}
	}
	return left, nil
}

// Checkpoint says where the splits of this life stand.
func (w *Writer) Checkpoint(ctx context.Context) (connector.Checkpoint, error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	c := connector.Checkpoint{Positions: map[rows.Split]rows.Position{}}
	finished := map[rows.Split]bool{}
	var newest int64
	var state *connector.StateRef
	for name := range w.at {
		s, held := rows.ParseSplit(name), w.head.Splits[name]
		c.Positions[s] = held.Pos
		finished[s] = held.Done
		if held.State == nil || held.At < newest {
			continue
		}
		// An own record touches many splits at once; the keys of their states are in the order of time.
		if held.At > newest || state == nil || held.State.Key > state.Key {
			newest, state = held.At, held.State
		}
	}
	w.state = state
	for name, star := range w.head.Splits {
		source := rows.ParseSplit(name).Source
		if name != (rows.Split{Source: source, ID: foldID}).String() {
			continue
		}
		ids, err := w.folded(ctx, star)
		if err != nil {
			return c, err
		}
		for _, id := range ids {
			split := rows.Split{Source: source, ID: id}
			if _, there := w.head.Splits[split.String()]; !there {
				finished[split] = true
			}
		}
	}
	c.Finished = func(s rows.Split) bool { return finished[s] }
	if state == nil {
		return c, nil
	}
	raw, err := w.ReadState(ctx, state)
	if err != nil && w.refresh(ctx) == nil && w.owns() != nil {
		return c, w.owns() // whoever took over has swept it
	}
	c.State = raw
	return c, err
}
