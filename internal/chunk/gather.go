package chunk

import (
	"container/heap"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/rows"
)

// Gatherer keeps the rows that wait for each folder, in the order they came. Rows are not copied when they come: a batch
// stays whole while a folder has rows of it. When such batches take too much, all of them are settled: each folder's rows are
// copied together, and the batches are let go. It is for one goroutine.
type Gatherer struct {
	limit   int64
	pinned  int64 // bytes of batches
	settled int64 // bytes of copies
	folders map[string]*waiting
	order   byBytes

	schema *arrow.Schema // of the newest batch: earlier ones have no column that it has not
	same   *arrow.Schema // another whose columns are of the same types
	fewer  *arrow.Schema // another that lacks some of them
	last   *batch
}

// waiting is the rows of one folder.
type waiting struct {
	folder string
	parts  []part
	rows   int64
	bytes  int64 // its share of batches, and its copies
	at     int   // in order
}

// part is some rows of a batch, or a copy of some.
type part struct {
	rows.Part
	of    *batch // nil: a copy
	bytes int64
}

// batch is a batch with the number of parts that need it.
type batch struct {
	rows   arrow.RecordBatch
	bytes  int64
	beside int64 // bytes that the record takes beside its values
	parts  int
}

// Measured sizes of what stands beside the values: of a part, and of a column and the record of a copy.
const (
	partBytes   = 96
	columnBytes = 400
	recordBytes = 400
)

// maxTaken bounds the rows and bytes of one record that Take makes: text in it has 32-bit offsets.
const (
	maxTakenRows  = 1 << 20
	maxTakenBytes = 1 << 30
)

// NewGatherer returns a Gatherer that settles by itself when the batches it keeps take more than limit.
func NewGatherer(limit int64) *Gatherer {
	return &Gatherer{limit: limit, folders: map[string]*waiting{}}
}

// Add lets rows of r wait: those at index, which it keeps, all if that is nil.
func (g *Gatherer) Add(folder string, r arrow.RecordBatch, index []int32) {
	p := part{Part: rows.Part{Rows: r, Index: index}}
	n := p.Len()
	if n == 0 {
		return
	}
	if g.last == nil || g.last.rows != r {
		g.settleIfFull()
		g.last = &batch{rows: r, bytes: rows.Size(r), beside: overhead(r)}
		if g.schema != r.Schema() {
			g.schema, g.same, g.fewer = r.Schema(), nil, nil
		}
	}
	b := g.last
	if b.parts == 0 {
		g.pinned += b.bytes + b.beside
	}
	b.parts++
	p.of = b
	p.bytes = partBytes + int64(len(index))*4
	g.pinned += p.bytes
	w := g.folders[folder]
	if w == nil {
		w = &waiting{folder: folder}
		g.folders[folder] = w
		heap.Push(&g.order, w)
	}
	w.parts = append(w.parts, p)
	w.rows += int64(n)
	w.bytes += g.share(p)
	heap.Fix(&g.order, w.at)
}

// share is what a part counts for in its folder.
func (g *Gatherer) share(p part) int64 {
	if p.of == nil {
		return p.bytes
	}
	return p.bytes + p.of.bytes*int64(p.Len())/p.of.rows.NumRows()
}

// settleIfFull keeps room for the batch that comes next: of the batch that comes now, folders are still being added.
func (g *Gatherer) settleIfFull() {
	if g.pinned > g.limit && len(g.folders) > 1 {
		g.Settle()
	}
}

// Settle copies the rows of all batches into records of their folders, so that taking a folder frees its rows.
func (g *Gatherer) Settle() {
	for _, w := range g.folders {
		from, fresh := len(w.parts), 0
		for from > 0 && w.parts[from-1].of != nil {
			from--
			fresh += w.parts[from].Len()
		}
		if fresh == 0 {
			continue
		}
		for from > 0 && w.parts[from-1].Len() <= 2*fresh { // copies double in size, so a row is copied few times
			from--
			fresh += w.parts[from].Len()
		}
		copied, err := rows.Gather(g.schema, partsOf(w.parts[from:]))
		if err != nil {
			continue // Take will say so: the rows stay as they are
		}
		for _, p := range w.parts[from:] {
			g.drop(w, p)
		}
		p := part{Part: rows.Part{Rows: copied}, bytes: rows.Size(copied) + overhead(copied)}
		g.settled += p.bytes
		w.bytes += p.bytes
		clear(w.parts[from:])
		w.parts = append(w.parts[:from], p)
	}
	g.last = nil
	heap.Init(&g.order)
}

// overhead is the memory of a record beside its values.
func overhead(r arrow.RecordBatch) int64 {
	total := int64(recordBytes)
	for _, col := range r.Columns() {
		total += columnBytes * nodes(col.Data())
	}
	return total
}

// nodes counts the arrays that make up one.
func nodes(d arrow.ArrayData) int64 {
	n := int64(1)
	if d.DataType().ID() == arrow.DICTIONARY {
		n++
	}
	for _, child := range d.Children() {
		n += nodes(child)
	}
	return n
}

// drop takes a part out of the accounts.
func (g *Gatherer) drop(w *waiting, p part) {
	w.bytes -= g.share(p)
	if p.of == nil {
		g.settled -= p.bytes
		return
	}
	g.pinned -= p.bytes
	if p.of.parts--; p.of.parts == 0 {
		g.pinned -= p.of.bytes + p.of.beside
	}
}

func partsOf(all []part) []rows.Part {
	out := make([]rows.Part, len(all))
	for i, p := range all {
		out[i] = p.Part
	}
	return out
}

// Bytes is the memory of all that waits.
func (g *Gatherer) Bytes() int64 { return g.pinned + g.settled }

// Waiting returns how many rows wait for a folder, and about how many bytes they take.
func (g *Gatherer) Waiting(folder string) (n, bytes int64) {
	if w := g.folders[folder]; w != nil {
		return w.rows, w.bytes
	}
	return 0, 0
}

// Fullest returns the folder whose rows take the most, false if none waits.
func (g *Gatherer) Fullest() (string, bool) {
	if len(g.order) == 0 {
		return "", false
	}
	return g.order[0].folder, true
}

// Mean is how many bytes the rows of a folder take on average, 0 if none waits.
func (g *Gatherer) Mean() int64 { return g.Bytes() / int64(max(len(g.folders), 1)) }

// Schema is that of the newest batch added, nil if there was none: what Take returns has its columns.
func (g *Gatherer) Schema() *arrow.Schema { return g.schema }

// Take removes a folder's rows and returns them in the order they were added: in the columns of Schema, strings plain or
// dictionary-encoded.
func (g *Gatherer) Take(folder string) []arrow.RecordBatch {
	w := g.folders[folder]
	if w == nil {
		return nil
	}
	delete(g.folders, folder)
	heap.Remove(&g.order, w.at)
	var out []arrow.RecordBatch
	from, n, bytes := 0, int64(0), int64(0)
	for i, p := range w.parts {
		size := g.share(p)
		if i > from && (n+int64(p.Len()) > maxTakenRows || bytes+size > maxTakenBytes) {
			out = append(out, g.join(w.parts[from:i])...)
			from, n, bytes = i, 0, 0
		}
		n += int64(p.Len())
		bytes += size
	}
	out = append(out, g.join(w.parts[from:])...)
	for _, p := range w.parts {
		g.drop(w, p)
	}
	if len(g.folders) == 0 {
		g.last = nil
	}
	return out
}

// join returns the rows of parts: as they are when that needs no copy, else as one record.
func (g *Gatherer) join(parts []part) []arrow.RecordBatch {
	whole := make([]arrow.RecordBatch, 0, len(parts))
	for _, p := range parts {
		if p.Index == nil && (g.current(p.Rows.Schema()) || g.earlier(p.Rows.Schema())) {
			whole = append(whole, p.Rows)
		}
	}
	if len(whole) == len(parts) {
		return whole
	}
	if one, err := rows.Gather(g.schema, partsOf(parts)); err == nil {
		return []arrow.RecordBatch{one}
	}
	whole = whole[:0] // rows that do not go together are for the encoder to judge, and none is lost
	for _, p := range parts {
		if p.Index == nil {
			whole = append(whole, p.Rows)
		} else {
			whole = append(whole, rows.Take(p.Rows, p.Index))
		}
	}
	return whole
}

// current reports whether columns of s are of the types of the newest ones.
func (g *Gatherer) current(s *arrow.Schema) bool {
	if s == g.schema || s == g.same {
		return true
	}
	if s.NumFields() != g.schema.NumFields() {
		return false
	}
	for i, f := range s.Fields() {
		if held := g.schema.Field(i); f.Name != held.Name || !rows.SameType(f.Type, held.Type) {
			return false
		}
	}
	g.same = s
	return true
}

// earlier reports whether s has some of the newest columns, each of the type that it has now: the encoder takes them as null
// where they are missing, so that rows need no copy because there are new columns.
func (g *Gatherer) earlier(s *arrow.Schema) bool {
	if s == g.fewer {
		return true
	}
	for _, f := range s.Fields() {
		at := g.schema.FieldIndices(f.Name)
		if len(at) != 1 || !rows.SameType(f.Type, g.schema.Field(at[0]).Type) {
			return false
		}
	}
	g.fewer = s
	return true
}

// byBytes is a heap with the folder that takes the most on top.
type byBytes []*waiting

func (h byBytes) Len() int           { return len(h) }
func (h byBytes) Less(i, j int) bool { return h[i].bytes > h[j].bytes }
func (h byBytes) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is heap.Interface's.
func (h *byBytes) Push(x any) {
	w := x.(*waiting)
	w.at = len(*h)
	*h = append(*h, w)
}

// Pop is heap.Interface's.
func (h *byBytes) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
