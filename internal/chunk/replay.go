package chunk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// replaySource begins the name of the source of replayed rows; the name of the source that they came from follows.
const replaySource = "replay."

// RejectFile is a file of rejects, with what is in it.
type RejectFile struct {
	Key      string        `json:"key"`
	Stem     string        `json:"stem"`
	Seq      int64         `json:"seq"`
	Rows     int64         `json:"rows"`
	Replayed bool          `json:"replayed"`
	Counts   []RejectCount `json:"counts"`
}

// RejectCount is how many rejects of a file are alike.
type RejectCount struct {
	Kind   string `json:"kind"`
	Column string `json:"column,omitempty"`
	Source string `json:"source"`
	Rows   int64  `json:"rows"`
	First  string `json:"first"` // message of the first
}

// Reject is a refused row, and the commit that kept it.
type Reject struct {
	Seq  int64  `json:"seq"`
	Stem string `json:"stem"`
	RejectLine
}

// rejectFile is one that is visible.
type rejectFile struct {
	log  *stemLog
	key  string
	seq  int64
	rows int64
}

func (f rejectFile) id() string {
	id, _, _ := strings.Cut(path.Base(f.key), ".")
	return id
}

// rejectFiles returns the visible files of rejects, oldest first.
func (v *View) rejectFiles(ctx context.Context) (all []rejectFile, err error) {
	if err := v.needLog(); err != nil {
		return nil, err
	}
	for _, l := range v.logs {
		c, err := v.visible(ctx, l)
		if err != nil {
			return nil, err
		}
		for key, f := range c.Files {
			if f.Reject {
				all = append(all, rejectFile{l, key, c.Commits[key], f.Rows})
			}
		}
	}
	slices.SortFunc(all, func(a, b rejectFile) int {
		if d := strings.Compare(a.log.stem, b.log.stem); d != 0 {
			return d
		}
		if a.seq != b.seq {
			return int(a.seq - b.seq)
		}
		return strings.Compare(a.key, b.key)
	})
	return all, nil
}

// lines yields the rejects of a file; errors name it.
func (v *View) lines(ctx context.Context, f rejectFile) iter.Seq2[RejectLine, error] {
	open := func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		return v.bucket.Get(ctx, f.key, off, n)
	}
	return func(yield func(RejectLine, error) bool) {
		for line, err := range rejectLines(ctx, open) {
			if fault.Is(err, fault.NotFound) {
				err = fault.Errorf(fault.Corrupt, "%w, and commit %d lists it", err, f.seq)
			}
			if err != nil {
				err = named(f.key, err)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// RejectFiles returns the files of rejects of a place, with counts, oldest first.
func (v *View) RejectFiles(ctx context.Context) ([]RejectFile, error) {
	files, err := v.rejectFiles(ctx)
	if err != nil {
		return nil, err
	}
	all := []RejectFile{}
	for _, f := range files {
		counts, err := v.countKinds(ctx, f)
		if err != nil {
			return nil, err
		}
		done, err := v.replayed(ctx, f.log)
		if err != nil {
			return nil, err
		}
		replayed := true
		for _, c := range counts {
			replayed = replayed && done(splitOf(f, c.Source))
		}
		all = append(all, RejectFile{f.key, f.log.stem, f.seq, f.rows, replayed, counts})
	}
	return all, nil
}

func (v *View) countKinds(ctx context.Context, f rejectFile) ([]RejectCount, error) {
	counts := []RejectCount{}
	for line, err := range v.lines(ctx, f) {
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(counts, func(c RejectCount) bool {
			return c.Kind == line.Kind && c.Column == line.Column && c.Source == line.Source
		})
		if at < 0 {
			at = len(counts)
			counts = append(counts, RejectCount{Kind: line.Kind, Column: line.Column, Source: line.Source, First: line.Message})
		}
		counts[at].Rows++
	}
	return counts, nil
}

// RejectOptions is which rejects are wanted. The zero value means those that were not replayed.
type RejectOptions struct {
	Replayed bool // those that were, too
}

// Rejects yields the refused rows of a place, oldest commit first.
func (v *View) Rejects(ctx context.Context, o RejectOptions) iter.Seq2[Reject, error] {
	return func(yield func(Reject, error) bool) {
		files, err := v.rejectFiles(ctx)
		if err != nil {
			yield(Reject{}, err)
			return
		}
		for _, f := range files {
			done, err := v.replayed(ctx, f.log)
			if err != nil {
				yield(Reject{}, err)
				return
			}
			for line, err := range v.lines(ctx, f) {
				if err == nil && !o.Replayed && done(splitOf(f, line.Source)) {
					continue
				}
				if !yield(Reject{f.seq, f.log.stem, line}, err) || err != nil {
					return
				}
			}
		}
	}
}

func splitOf(f rejectFile, source string) rows.Split {
	return rows.Split{Source: replaySource + source, ID: f.id()}
}

// replayed says which splits of a replay have ended.
func (v *View) replayed(ctx context.Context, l *stemLog) (func(rows.Split) bool, error) {
	head, err := l.Head(ctx)
	if err != nil || head == nil {
		return func(rows.Split) bool { return false }, err
	}
	done := map[rows.Split]bool{}
	for name, s := range head.Splits {
		split := rows.ParseSplit(name)
		if s.Done {
			done[split] = true
		}
		if s.State == nil || split.ID != "*" || !strings.HasPrefix(split.Source, replaySource) {
			continue
		}
		raw, err := bucket.ReadAll(ctx, v.bucket, s.State.Key) // finished ones that were folded away
		if err != nil {
			return nil, err
		}
		var ids []string
		if err := json.Unmarshal(raw, &ids); err != nil {
			return nil, fault.Errorf(fault.Corrupt, "%s: is no list of finished splits: %w", s.State.Key, err)
		}
		for _, id := range ids {
			done[rows.Split{Source: split.Source, ID: id}] = true
		}
	}
	return func(s rows.Split) bool { return done[s] }, nil
}

// Replay is a source of the refused rows of one stem of a place, as they came. A split is the rows of one source in one
// file of rejects, a position the number of lines of that file that were read.
type Replay struct {
	view    *View
	files   map[rows.Split]rejectFile
	ordered []rows.Split
}

// Replay returns the rejects of a stem that stand in files now; those that were replayed are among them, and a sink that
// resumes knows which.
func (v *View) Replay(ctx context.Context, stem string) (*Replay, error) {
	files, err := v.rejectFiles(ctx)
	if err != nil {
		return nil, err
	}
	r := &Replay{view: v, files: map[rows.Split]rejectFile{}}
	for _, f := range files {
		if f.log.stem != stem {
			continue
		}
		counts, err := v.countKinds(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			if s := splitOf(f, c.Source); !slices.Contains(r.ordered, s) {
				r.ordered, r.files[s] = append(r.ordered, s), f
			}
		}
	}
	return r, nil
}

// Pending returns the splits that no replay has finished.
func (r *Replay) Pending(ctx context.Context) (left []rows.Split, err error) {
	for _, s := range r.ordered {
		done, err := r.view.replayed(ctx, r.files[s].log)
		if err != nil {
			return nil, err
		}
		if !done(s) {
			left = append(left, s)
		}
	}
	return left, nil
}

// SourceOf is the name of the source that rows came from at first, be they replayed or not.
func SourceOf(name string) string { return strings.TrimPrefix(name, replaySource) }

// Bounded is true: files of rejects end.
func (r *Replay) Bounded() bool { return true }

// Splits implements connector.Source.
func (r *Replay) Splits(context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) { yield(slices.Clone(r.ordered), nil) }
}

// replayRows is how many rows a batch of a replay has at most.
const replayRows = 1000

// Read implements connector.Source. Rows that were too long are kept only in part: they are refused again.
func (r *Replay) Read(ctx context.Context, s rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		f, ok := r.files[s]
		skip, err := 0, error(nil)
		if pos != "" {
			skip, err = strconv.Atoi(string(pos))
		}
		if !ok || err != nil {
			yield(rows.Batch{}, fault.Errorf(fault.Internal, "split %s at %q: is none of this replay", s, pos))
			return
		}
		var waiting []RejectLine
		decode, n := newDecode(r.view, nil), 0
		send := func() bool {
			if len(waiting) == 0 {
				return true
			}
			b, err := replayBatch(ctx, decode, waiting)
			b.Split, b.Position = s, rows.Position(strconv.Itoa(n))
			waiting = nil
			return yield(b, err) && err == nil
		}
		for line, err := range r.view.lines(ctx, f) {
			if err != nil {
				yield(rows.Batch{}, err)
				return
			}
			if n >= skip && replaySource+line.Source == s.Source {
				if len(waiting) == replayRows || len(waiting) > 0 && !alike(waiting[0], line) {
					if !send() {
						return
					}
				}
				waiting = append(waiting, line)
			}
			n++
		}
		send()
	}
}

// alike says whether two rejects can be decoded together.
func alike(a, b RejectLine) bool {
	return a.Format == b.Format && a.Header == b.Header && (a.Kind == rows.Oversize) == (b.Kind == rows.Oversize)
}

func replayBatch(ctx context.Context, decode stage.Stage, lines []RejectLine) (rows.Batch, error) {
	if lines[0].Kind == rows.Oversize {
		var again []rows.Reject
		for _, l := range lines {
			again = append(again, rows.Reject{
				Raw: l.Bytes(), Format: l.Format, Header: l.Header, Kind: l.Kind, Message: l.Message, Column: l.Column,
				Split: rows.Split{Source: l.Source, ID: l.Split}, Position: l.Position, Offset: l.Offset, Time: l.Time, Pipeline: l.Pipeline,
			})
		}
		return rows.Batch{Rejects: again}, nil
	}
	values := make([][]byte, len(lines))
	for i, l := range lines {
		values[i] = l.Bytes()
	}
	if lines[0].Format != "" {
		return rows.Batch{Rows: rows.NewPayload(lines[0].Format, lines[0].Header, false, values...)}, nil
	}
	var columns rows.Batch // rows that came as columns do so again
	err := decode.Apply(ctx, rows.Batch{Rows: rows.NewPayload("json", "", false, values...)}, func(out rows.Batch) error {
		columns = out
		return nil
	})
	return columns, err
}

// Layout is how the files of a stem were written, as far as their names tell.
type Layout struct {
	Path        string   // as the files sink takes it
	Suffix      string   // of the files, "" if there are none
	PartitionBy []string // columns whose values the folders say
	Keep        bool     // the files hold these columns, too
}

// Layout finds out how the files of a stem were written. A folder whose name is that of no column was made by an expression
// that nobody knows any more: that is an error.
func (v *View) Layout(ctx context.Context, stem string) (Layout, error) {
	i := slices.IndexFunc(v.logs, func(l *stemLog) bool { return l.stem == stem })
	if i < 0 {
		return Layout{}, v.needLog()
	}
	files, c, err := v.committed(ctx, v.logs[i])
	if err != nil {
		return Layout{}, err
	}
	l := Layout{Path: v.name + v.base}
	if l.Path == "" {
		l.Path = "./"
	}
	if len(files) == 0 {
		l.Path += stem + ".parquet"
		return l, nil
	}
	last := files[len(files)-1]
	name := path.Base(last.Key)
	l.Suffix = name[strings.IndexByte(name[len(stem):], '.')+len(stem):]
	l.Path += stem + l.Suffix
	for _, p := range ParsePartitions(last.Key[len(v.base):]) {
		l.PartitionBy = append(l.PartitionBy, p.Name)
	}
	if l.PartitionBy == nil {
		return l, nil
	}
	held, err := rows.UnmarshalSchema(c.Head.Schema)
	if err != nil {
		return l, err
	}
	for _, name := range l.PartitionBy {
		if len(held.FieldIndices(name)) == 0 {
			err := fault.Errorf(fault.Invalid, "%s: how the folders %s=… are made is not known", v.Place, name)
			return l, fault.Hint(err, "name the pipeline that wrote them: --through pipeline.yaml")
		}
	}
	reader, _, err := v.open(ctx, last, nil)
	if err != nil {
		return l, err
	}
	s := reader.Schema()
	l.Keep = s != nil && len(s.FieldIndices(l.PartitionBy[0])) > 0
	return l, nil
}

// Takes reports whether a sink writes the files of a stem of this place.
func (v *View) Takes(s *Sink, stem string) bool {
	return s.Place() == fmt.Sprintf("%v %s%s", v.bucket, v.base, stem)
}

var _ connector.Source = (*Replay)(nil)
