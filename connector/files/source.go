package files

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// source reads files. A file is a split; its ID is its path as the settings write it, its position what the reader of
// its format says. A file is taken to be whole when it appears, and is read once.
type source struct {
	conf   SourceConfig
	env    connector.Env
	format *format.Spec // nil: the suffix tells
	places []*place

	mu      sync.Mutex
	listed  bool            // the files were listed at least once, so hive knows them
	hive    hive            // replaced, never changed
	skipped map[string]bool // files of unknown formats that were logged
}

func openSource(ctx context.Context, env connector.Env, c *SourceConfig) (connector.Source, error) {
	here := setting.Place{Path: "files"}
	if err := c.Check(); err != nil {
		return nil, here.Wrap(err)
	}
	s := &source{conf: *c, env: env, hive: hive{}, skipped: map[string]bool{}}
	if c.Format != "" {
		spec, err := env.Formats.Lookup(c.Format)
		if err != nil {
			return nil, here.Wrap(err)
		}
		if spec.Open == nil {
			return nil, here.Errorf("format %s: there are no files of it", c.Format)
		}
		s.format = &spec
	}
	for _, path := range c.Path {
		p, err := openPlace(ctx, env.Buckets, path)
		if err != nil {
			return nil, here.Wrap(err)
		}
		s.places = append(s.places, p)
	}
	return s, nil
}

// Bounded is true: every file ends.
func (s *source) Bounded() bool { return true }

// Splits yields the files, and with watch again whenever there are others.
func (s *source) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		var last []rows.Split
		for {
			now, err := s.list(ctx)
			if err == nil && len(now) == 0 && s.conf.Watch == 0 {
				err = s.nothing()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !slices.Equal(now, last) && !yield(slices.Clone(now), nil) || s.conf.Watch == 0 {
				return
			}
			last = now
			if err := sleep(ctx, s.conf.Watch); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (s *source) nothing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := fault.Errorf(fault.NotFound, "files: there is no file at %s", strings.Join(s.conf.Path, ", "))
	if len(s.skipped) > 0 {
		return fault.Hint(err, "there are files of unknown formats: say what they are, as format: json")
	}
	return fault.Hint(err, "check the path; watch: 10s waits for files to come")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// list returns all files there are, by ID.
func (s *source) list(ctx context.Context) ([]rows.Split, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	learnt := hive{}
	for _, p := range s.places {
		keys, err := p.list(ctx)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			id := p.name + key
			known, err := s.known(p, id)
			if err != nil {
				return nil, err
			}
			if known {
				ids = append(ids, id)
				learnt.learn(partitionsOf(id))
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	all := make([]rows.Split, len(ids))
	for i, id := range ids {
		all[i] = rows.Split{Source: s.env.Name, ID: id}
	}
	if !s.listed { // a type, once told, stays
		s.listed, s.hive = true, learnt
	}
	return all, nil
}

// known reports whether a file has a known format. In a folder, others are left alone.
func (s *source) known(p *place, id string) (bool, error) {
	if _, err := s.formatOf(id); err == nil {
		return true, nil
	} else if p.key != "" && p.name+p.key == id || p.pattern != nil {
		return false, err
	}
	if !s.skipped[id] {
		s.skipped[id] = true
		s.env.Log.Warn("a file of an unknown format is not read", "source", s.env.Name, "file", id)
	}
	return false, nil
}

func (s *source) formatOf(id string) (format.Spec, error) {
	if s.format != nil {
		return *s.format, nil
	}
	if spec, _, ok := s.env.Formats.ByName(id); ok && spec.Open != nil {
		return spec, nil
	}
	err := fault.Errorf(fault.Invalid, "%s: no format has files of this suffix", id)
	return format.Spec{}, fault.Hint(err, "say what it is, as format: json")
}

// Read yields the batches of a file. A position is the one of its format.
func (s *source) Read(ctx context.Context, split rows.Split, pos rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		r, partitions, err := s.open(ctx, split.ID)
		if err != nil {
			yield(rows.Batch{}, err)
			return
		}
		known := s.types()
		for b, err := range r.Read(ctx, pos) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(rows.Batch{}, err)
				return
			}
			b.Split = split
			s.placeRejects(&b)
			if b.Rows != nil && len(partitions) > 0 {
				b.Rows = known.add(b.Rows, partitions)
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (s *source) types() hive {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hive
}

// placeRejects says of rows that the format refused where they come from.
func (s *source) placeRejects(b *rows.Batch) {
	for i := range b.Rejects {
		r := &b.Rejects[i]
		r.Split, r.Position, r.Time, r.Pipeline = b.Split, b.Position, time.Now().UTC(), s.env.Pipeline
	}
}

// open opens the file of a split, and tells the columns of its folders that are wanted.
func (s *source) open(ctx context.Context, id string) (format.Reader, []partition, error) {
	p, key, err := s.find(id)
	if err != nil {
		return nil, nil, err
	}
	spec, err := s.formatOf(id)
	if err != nil {
		return nil, nil, err
	}
	o, err := p.bucket.Stat(ctx, key)
	if fault.Is(err, fault.NotFound) {
		err = fault.Errorf(fault.NotFound, "%s: the file is gone: %w", id, err)
		return nil, nil, fault.Hint(err, "put it back, or begin anew with an empty destination")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", id, err)
	}
	columns, partitions, err := s.wanted(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	in := format.Input{Name: id, Size: o.Size, Open: func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		return p.bucket.Get(ctx, key, off, n)
	}}
	r, err := spec.Open(ctx, in, format.ReadOptions{Columns: columns, Decode: s.env.Decode})
	return r, partitions, err
}

func (s *source) find(id string) (*place, string, error) {
	for _, p := range s.places {
		if key, ok := strings.CutPrefix(id, p.name); ok && p.takes(key) {
			return p, key, nil
		}
	}
	err := fault.Errorf(fault.NotFound, "files: no path means the file %s", id)
	return nil, "", fault.Hint(err, "path was another when the pipeline last ran")
}

// wanted parts the wanted columns in those of the file and those of its folders.
func (s *source) wanted(ctx context.Context, id string) (columns []string, partitions []partition, err error) {
	if s.conf.Hive {
		partitions = partitionsOf(id)
	}
	if len(partitions) > 0 {
		if err := s.learn(ctx); err != nil {
			return nil, nil, err
		}
	}
	if len(s.conf.Columns) == 0 {
		return nil, partitions, nil
	}
	want := func(name string) bool { return slices.Contains(s.conf.Columns, name) }
	partitions = slices.DeleteFunc(partitions, func(p partition) bool { return !want(p.name) })
	columns = slices.DeleteFunc(slices.Clone(s.conf.Columns), func(name string) bool {
		return slices.ContainsFunc(partitions, func(p partition) bool { return p.name == name })
	})
	if len(columns) == 0 {
		err := fault.Errorf(fault.Invalid, "%s: columns: all of them are names of folders", id)
		return nil, nil, fault.Hint(err, "name at least one column of the file")
	}
	return columns, partitions, nil
}

// learn finds out the types of the folders' columns, which need all files, when a split is read before Splits is asked.
func (s *source) learn(ctx context.Context) error {
	s.mu.Lock()
	listed := s.listed
	s.mu.Unlock()
	if listed {
		return nil
	}
	_, err := s.list(ctx)
	return err
}
