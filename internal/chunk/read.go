package chunk

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/stage"
)

// ReadOptions is which rows and columns of a place are read. The zero value means all.
type ReadOptions struct {
	Columns []string // in this order
	Where   string   // an expression
	Limit   int64    // rows, 0 = all
	Merge   bool     // a column and its companions are one column of JSON again
}

// Reading is the rows of a place under one schema, which may grow as long as files without a log are read. It is for one
// goroutine.
type Reading struct {
	view    *View
	options ReadOptions
	where   *expr.Expr
	files   []Entry
	hive    hiveTypes
	held    *arrow.Schema // what is known of the columns: all of them where there is a log
	whole   bool          // held is all columns there are
	project projection

	Skipped  int64       // files of unknown formats
	Rejected int64       // rows that could not be decoded, or have no value in Where
	Reject   rows.Reject // the first of them
}

// Read begins to read. With a log, only committed files that are visible are read, in the order of their commits.
func (v *View) Read(ctx context.Context, o ReadOptions) (*Reading, error) {
	r := &Reading{view: v, options: o}
	if o.Where != "" {
		var err error
		if r.where, err = expr.Parse(o.Where); err != nil {
			return nil, err
		}
	}
	if err := r.find(ctx); err != nil {
		return nil, err
	}
	r.hive = learnHive(v.name, r.files, r.held)
	if r.held != nil {
		r.held, r.whole = r.hive.addTo(r.held), true
		if err := r.checkNames(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// find lists the files, and takes the schema of the logs.
func (r *Reading) find(ctx context.Context) (err error) {
	v := r.view
	if len(v.logs) == 0 {
		r.files, r.Skipped, err = v.plain(ctx)
		if err == nil && v.object != "" {
			err = v.mustKnow(v.object)
		}
		return err
	}
	for _, log := range v.logs {
		files, c, err := v.committed(ctx, log)
		if err != nil {
			return err
		}
		r.files = append(r.files, files...)
		if c.Head == nil || c.Head.Schema == nil {
			continue
		}
		s, err := rows.UnmarshalSchema(c.Head.Schema)
		if err != nil {
			return fmt.Errorf("%s: %w", log.Key(c.Head.Seq), err)
		}
		h, err := rows.NewHolder(r.held, s, rows.Contract{})
		if err != nil {
			return err
		}
		r.held = h.Schema()
	}
	return nil
}

func (v *View) mustKnow(key string) error {
	if _, known, err := v.formatOf(key); known || err != nil {
		return err
	}
	var suffixes []string
	for _, s := range v.Formats {
		suffixes = append(suffixes, s.Suffixes...)
	}
	err := fault.Errorf(fault.Invalid, "%s: no format has files of this suffix", v.Name(key))
	return fault.Hint(err, "say --from json, or csv, or parquet; suffixes are %s", strings.Join(suffixes, " "))
}

// Schema returns the columns of all rows. Without a log it reads the footers of Parquet files and the whole of others.
func (r *Reading) Schema(ctx context.Context) (*arrow.Schema, error) {
	if err := r.complete(ctx); err != nil {
		return nil, err
	}
	s := r.held
	if s == nil {
		s = arrow.NewSchema(nil, nil)
	}
	p := newProjection(r.options)
	if err := p.bind(rows.Decided(s)); err != nil {
		return nil, err
	}
	return rows.Decided(p.schema), nil
}

// complete finds all columns.
func (r *Reading) complete(ctx context.Context) error {
	if r.whole {
		return nil
	}
	h, err := rows.NewHolder(r.held, nil, rows.Contract{})
	if err != nil {
		return err
	}
	decode := newDecode(r.view, nil)
	for _, f := range r.files {
		reader, _, err := r.view.open(ctx, f, nil)
		if err != nil {
			return err
		}
		if s := reader.Schema(); s != nil {
			if _, err := h.Conform(emptyOf(s)); err != nil {
				return fmt.Errorf("%s: %w", r.view.Name(f.Key), err)
			}
			continue
		}
		for b, err := range decoded(ctx, decode, reader) {
			if err != nil {
				return fmt.Errorf("%s: %w", r.view.Name(f.Key), err)
			}
			if _, err := h.Conform(b.Rows); err != nil {
				return fmt.Errorf("%s: %w", r.view.Name(f.Key), err)
			}
		}
	}
	r.held, r.whole = r.hive.addTo(h.Schema()), true
	return r.checkNames()
}

func emptyOf(s *arrow.Schema) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	return b.NewRecordBatch()
}

// checkNames reports names that no column has, once all are known.
func (r *Reading) checkNames() error {
	var known []string
	for _, f := range r.held.Fields() {
		known = append(known, f.Name)
	}
	for _, name := range r.options.Columns {
		if !slices.Contains(known, name) {
			return noColumn(name, known)
		}
	}
	return nil
}

func noColumn(name string, known []string) error {
	err := fault.Errorf(fault.Invalid, "column %s: there is none of this name", name)
	if near := fault.Nearest(name, known); near != "" {
		return fault.Hint(err, "did you mean %q?", near)
	}
	return fault.Hint(err, "columns are %s", strings.Join(known, ", "))
}

// wanted is the names of the columns that must be read, nil for all.
func (r *Reading) wanted() []string {
	if r.options.Columns == nil {
		return nil
	}
	names := slices.Clone(r.options.Columns)
	if r.where != nil {
		for _, path := range r.where.Columns() {
			name, _, _ := strings.Cut(path, ".")
			names = append(names, path, name) // the path too: a name may hold a dot
		}
	}
	if r.options.Merge {
		for _, name := range r.options.Columns {
			names = append(names, name+rows.DoubleSuffix, name+rows.TextSuffix)
		}
	}
	return names
}

func only(s *arrow.Schema, names []string) *arrow.Schema {
	if s == nil || names == nil {
		return s
	}
	var fields []arrow.Field
	for _, f := range s.Fields() {
		if slices.Contains(names, f.Name) {
			fields = append(fields, f)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// Batches yields the rows. The schema of a batch is that of the one before, or has more columns.
func (r *Reading) Batches(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		left := r.options.Limit
		if err := r.knowNames(ctx); err != nil {
			yield(nil, err)
			return
		}
		names := r.wanted()
		h, err := rows.NewHolder(only(r.held, names), nil, rows.Contract{})
		if err != nil {
			yield(nil, err)
			return
		}
		r.project = newProjection(r.options)
		decode := newDecode(r.view, r.hive.dropFrom(r.held))
		for _, f := range r.files {
			for rec, err := range r.file(ctx, f, names, decode, h) {
				if err != nil {
					yield(nil, err)
					return
				}
				if r.options.Limit > 0 && rec.NumRows() >= left {
					yield(rec.NewSlice(0, left), nil)
					return
				}
				left -= rec.NumRows()
				if rec.NumRows() > 0 && !yield(rec, nil) {
					return
				}
			}
		}
	}
}

// knowNames finds out all columns before any is chosen by name.
func (r *Reading) knowNames(ctx context.Context) error {
	if r.options.Columns == nil && r.where == nil {
		return nil
	}
	return r.complete(ctx)
}

// file yields the rows of one file as they are asked for.
func (r *Reading) file(ctx context.Context, f Entry, names []string, decode stage.Stage, h *rows.Holder) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		fail := func(err error) {
			err = named(r.view.Name(f.Key), err)
			if f.Seq > 0 && fault.Is(err, fault.NotFound) {
				err = fault.Hint(fault.Errorf(fault.Corrupt, "%w, and commit %d lists it", err, f.Seq), "gros verify %s lists all that is wrong", r.view.Place)
			}
			yield(nil, err)
		}
		reader, has, err := r.view.open(ctx, f, names)
		if err != nil {
			fail(err)
			return
		}
		for b, err := range decoded(ctx, decode, reader) {
			if err != nil {
				fail(err)
				return
			}
			r.refuse(b.Rejects)
			if b.Rows == nil {
				continue
			}
			rec, err := r.hive.add(r.view.Name(f.Key), choose(b.Rows, names), has)
			if err != nil {
				fail(err)
				return
			}
			c, err := h.Conform(rec)
			if err != nil {
				fail(err)
				return
			}
			r.refuse(c.Rejects)
			out, errs, err := r.project.apply(ctx, r.where, c.Rows)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range errs {
				r.refuse([]rows.Reject{{Kind: rows.BadType, Message: e.Message}})
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// choose leaves out columns that nobody wants.
func choose(rec arrow.RecordBatch, names []string) arrow.RecordBatch {
	if names == nil {
		return rec
	}
	var fields []arrow.Field
	var columns []arrow.Array
	for i, f := range rec.Schema().Fields() {
		if slices.Contains(names, f.Name) {
			fields, columns = append(fields, f), append(columns, rec.Column(i))
		}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rec.NumRows())
}

func (r *Reading) refuse(all []rows.Reject) {
	if len(all) > 0 && r.Rejected == 0 {
		r.Reject = all[0]
	}
	r.Rejected += int64(len(all))
}

func named(name string, err error) error {
	if strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// open opens a file to read these columns, nil for all. has says which columns the file itself has, nil if that is not known
// before it is read.
func (v *View) open(ctx context.Context, f Entry, names []string) (r format.Reader, has *arrow.Schema, err error) {
	spec, known, err := v.formatOf(f.Key)
	if err == nil && !known {
		err = v.mustKnow(f.Key)
	}
	if err != nil {
		return nil, nil, err
	}
	in := v.input(f.Key, f.Bytes)
	if r, err = spec.Open(ctx, in, format.ReadOptions{}); err != nil || names == nil || r.Schema() == nil {
		return r, schemaOf(r), err
	}
	has = r.Schema()
	columns := []string{}
	for _, field := range has.Fields() {
		if slices.Contains(names, field.Name) {
			columns = append(columns, field.Name)
		}
	}
	r, err = spec.Open(ctx, in, format.ReadOptions{Columns: columns})
	return r, has, err
}

func schemaOf(r format.Reader) *arrow.Schema {
	if r == nil {
		return nil
	}
	return r.Schema()
}

// newDecode makes the decoder of payloads, which goes on from file to file. Companions of s are columns like others to it:
// files hold them.
func newDecode(v *View, s *arrow.Schema) stage.Stage {
	if s != nil {
		fields := s.Fields()
		for i := range fields {
			fields[i].Metadata = arrow.Metadata{}
		}
		s = arrow.NewSchema(fields, nil)
	}
	return stage.NewDecode(stage.Env{Formats: v.Formats, Schema: s, Log: v.Log}, stage.DecodeConfig{})
}

// decoded yields the batches of a file as columns, with the rejects of the file.
func decoded(ctx context.Context, decode stage.Stage, r format.Reader) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		for b, err := range r.Read(ctx, "") {
			if err != nil {
				yield(b, err)
				return
			}
			if b.Rows == nil {
				if !yield(b, nil) {
					return
				}
				continue
			}
			refused, going := b.Rejects, true
			b.Rejects = nil
			err := decode.Apply(ctx, b, func(out rows.Batch) error {
				out.Rejects = append(refused, out.Rejects...)
				refused = nil
				going = going && yield(out, nil)
				return nil
			})
			if err != nil {
				yield(rows.Batch{}, err)
				return
			}
			if !going {
				return
			}
		}
	}
}
