package chunk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
)

// readOnce is the size up to which a file is read once, and checked in memory.
const readOnce = 32 << 20

// Verification is what reading everything again found.
type Verification struct {
	Place       string    `json:"place"`
	OK          bool      `json:"ok"`
	Files       int64     `json:"files"` // of data, read and found as the log says
	Rows        int64     `json:"rows"`  // in them
	Rejects     int64     `json:"rejects"`
	RejectFiles int64     `json:"reject_files"`
	Bytes       int64     `json:"bytes"`
	Missing     []Finding `json:"missing"`  // the log lists them, and they are not there
	Unlisted    []Finding `json:"unlisted"` // they are there, and no commit lists them
	Damaged     []Finding `json:"damaged"`  // they are not what the log says
	Pending     []Finding `json:"pending"`  // recorded, and not completed yet: the next start does that
}

// Finding is one object that is not as it should be.
type Finding struct {
	Key    string `json:"key"`
	Seq    int64  `json:"seq,omitempty"` // of the commit that lists it
	Reason string `json:"reason"`
}

// VerifyOptions is how a place is verified.
type VerifyOptions struct {
	Progress func(done, total int64) // bytes, called now and then from any goroutine; nil: nobody looks
}

// Verify reads everything again: each file of the log is there, has its rows and its checksum, and nothing is there that
// no commit lists. It judges STEM_<32 hex>.* and what the logs list; other files are none of its business.
func (v *View) Verify(ctx context.Context, o VerifyOptions) (*Verification, error) {
	if err := v.needLog(); err != nil {
		return nil, err
	}
	r := &verifier{view: v, options: o, found: Verification{
		Place: v.Place, Missing: []Finding{}, Unlisted: []Finding{}, Damaged: []Finding{}, Pending: []Finding{},
	}}
	// The listing comes first: what was visible then is in the log that is read now.
	there := map[string]bucket.Object{}
	for obj, err := range v.bucket.List(ctx, v.base) {
		if err != nil {
			return nil, err
		}
		there[obj.Key] = obj
	}
	for _, log := range v.logs {
		if err := r.log(ctx, log, there); err != nil {
			return nil, err
		}
	}
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	f := &r.found
	for _, list := range []*[]Finding{&f.Missing, &f.Unlisted, &f.Damaged, &f.Pending} {
		slices.SortFunc(*list, func(a, b Finding) int { return cmp.Compare(a.Key, b.Key) })
	}
	f.OK = len(f.Missing)+len(f.Unlisted)+len(f.Damaged) == 0
	return f, nil
}

// Err is the Verification as an error of kind Corrupt, nil if all is well.
func (f *Verification) Err() error {
	if f.OK {
		return nil
	}
	err := fault.Errorf(fault.Corrupt, "%s: %d missing, %d unlisted, %d damaged", f.Place, len(f.Missing), len(f.Unlisted), len(f.Damaged))
	return fault.Hint(err, "restore what is missing or damaged from a backup; move unlisted files away; gros log %s says what each commit wrote", f.Place)
}

// task is one file to read.
type task struct {
	file   connector.File
	seq    int64
	voided bool // it should hold no rows
}

type verifier struct {
	view    *View
	options VerifyOptions
	tasks   []task
	total   int64
	done    atomic.Int64

	mu    sync.Mutex // guards found
	found Verification
}

// log compares what a log says with what is there.
func (r *verifier) log(ctx context.Context, log *stemLog, there map[string]bucket.Object) error {
	if err := r.records(ctx, log); err != nil {
		return err
	}
	c, err := log.Contents(ctx)
	if err != nil {
		return err
	}
	for key, f := range c.Files {
		_, ok := there[key]
		if !ok {
			if ok, err = r.exists(ctx, key); err != nil {
				return err
			}
		}
		switch {
		case ok:
			r.add(task{file: f, seq: c.Commits[key]})
		case c.Pending[key]:
			r.found.Pending = append(r.found.Pending, Finding{key, c.Commits[key], "recorded, not visible yet"})
		default:
			r.found.Missing = append(r.found.Missing, Finding{key, c.Commits[key], "the log lists it, and it is not there"})
		}
	}
	for key, o := range there {
		_, listed := c.Files[key]
		switch {
		case listed || !log.Owns(key):
		case c.Voided[key]:
			r.add(task{file: connector.File{Staged: bucket.Staged{Key: key, Size: o.Size}}, voided: true})
		default:
			r.found.Unlisted = append(r.found.Unlisted, Finding{Key: key, Reason: "no commit lists it"})
		}
	}
	return nil
}

func (r *verifier) add(t task) {
	r.tasks = append(r.tasks, t)
	r.total += t.file.Size
}

// exists looks for a file that was not in the listing: it may have been completed since.
func (r *verifier) exists(ctx context.Context, key string) (bool, error) {
	_, err := r.view.bucket.Stat(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// records checks that each record accounts for its rows.
func (r *verifier) records(ctx context.Context, log *stemLog) error {
	for rec, err := range log.Records(ctx) {
		if err != nil {
			return err
		}
		if rec.Kind != connector.KindData {
			continue
		}
		var written, rejected int64
		for _, f := range rec.Files {
			if f.Reject {
				rejected += f.Rows
			} else {
				written += f.Rows
			}
		}
		c := rec.Rows
		switch {
		case !c.Balanced():
			r.damage(log.Key(rec.Seq), rec.Seq, fmt.Sprintf("the record does not account for its rows: read %d + made %d, written %d + rejected %d + filtered %d + absorbed %d",
				c.Read, c.Made, c.Written, c.Rejected, c.Filtered, c.Absorbed))
		case written != c.Written || rejected != c.Rejected:
			r.damage(log.Key(rec.Seq), rec.Seq, fmt.Sprintf("the record says %d rows written and %d rejected, its files hold %d and %d", c.Written, c.Rejected, written, rejected))
		}
	}
	return nil
}

func (r *verifier) damage(key string, seq int64, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found.Damaged = append(r.found.Damaged, Finding{key, seq, reason})
}

// read reads all files, several at once.
func (r *verifier) read(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for _, t := range r.tasks {
		g.Go(func() error { return r.file(ctx, t) })
	}
	return g.Wait()
}

func (r *verifier) file(ctx context.Context, t task) error {
	n, err := r.check(ctx, t)
	switch kind := fault.KindOf(err); {
	case t.voided && (err != nil || n > 0):
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.mu.Lock()
		r.found.Unlisted = append(r.found.Unlisted, Finding{Key: t.file.Key, Reason: "its commit was taken back, and it holds rows"})
		r.mu.Unlock()
		return nil
	case err != nil && (kind == fault.Corrupt || kind == fault.Invalid):
		r.damage(t.file.Key, t.seq, err.Error())
		return nil
	case err != nil:
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.voided {
		return nil
	}
	r.found.Bytes += t.file.Size
	if t.file.Reject {
		r.found.RejectFiles++
		r.found.Rejects += n
	} else {
		r.found.Files++
		r.found.Rows += n
	}
	return nil
}

// check reads one file: size, checksum, rows.
func (r *verifier) check(ctx context.Context, t task) (int64, error) {
	f := t.file
	o, err := r.view.bucket.Stat(ctx, f.Key)
	if err != nil {
		return 0, err
	}
	if o.Size != f.Size {
		return 0, fault.Errorf(fault.Corrupt, "%d bytes, the log says %d", o.Size, f.Size)
	}
	sum, whole, err := r.sum(ctx, f.Key, o.Size)
	if err != nil {
		return 0, err
	}
	if !t.voided && sum != f.SHA256 {
		return 0, fault.Errorf(fault.Corrupt, "its checksum is %s, the log says %s", short(sum), short(f.SHA256))
	}
	n, err := r.count(ctx, f, whole)
	if err != nil {
		return 0, err
	}
	if !t.voided && n != f.Rows {
		return 0, fault.Errorf(fault.Corrupt, "%d rows, the log says %d", n, f.Rows)
	}
	return n, nil
}

func short(sum string) string { return sum[:min(len(sum), 12)] + "…" }

// sum reads the bytes of a file; it keeps those of one that is not large.
func (r *verifier) sum(ctx context.Context, key string, size int64) (sum string, whole []byte, err error) {
	body, err := r.view.bucket.Get(ctx, key, 0, -1)
	if err != nil {
		return "", nil, err
	}
	var kept bytes.Buffer
	hash := sha256.New()
	out := io.Writer(hash)
	if size <= readOnce {
		out = io.MultiWriter(hash, &kept)
	}
	_, err = io.Copy(out, &counting{body, r})
	if err := errors.Join(err, body.Close()); err != nil {
		return "", nil, err
	}
	if size <= readOnce {
		whole = kept.Bytes()
		if whole == nil {
			whole = []byte{}
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), whole, nil
}

// counting tells how far reading came.
type counting struct {
	io.Reader
	r *verifier
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if done := c.r.done.Add(int64(n)); c.r.options.Progress != nil {
		c.r.options.Progress(done, c.r.total)
	}
	return n, err
}

// count decodes a file and counts its rows.
func (r *verifier) count(ctx context.Context, f connector.File, whole []byte) (int64, error) {
	in := r.view.input(f.Key, f.Size)
	if whole != nil {
		in.Open = func(_ context.Context, off, n int64) (io.ReadCloser, error) {
			if n < 0 {
				n = f.Size
			}
			return io.NopCloser(io.NewSectionReader(bytes.NewReader(whole), off, n)), nil
		}
	}
	if f.Reject {
		return countRejects(ctx, in.Open)
	}
	spec, known, err := r.view.formatOf(f.Key)
	if err == nil && !known {
		err = r.view.mustKnow(f.Key)
	}
	if err != nil {
		return 0, err
	}
	return countRows(ctx, r.view, spec, in)
}
