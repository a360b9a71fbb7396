package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/internal/commit"
	"github.com/gros-lake/gros/rows"
)

func (w *world) open() *commit.Log {
	var b bucket.Bucket = w.store.Client("last").Bucket()
	return commit.Open(commit.Options{Bucket: b, Base: "d/", Stem: "s", Settle: settle, Patience: time.Hour, Log: w.log})
}

// last is a start after all is over: it finishes and sweeps what the others left, and writes what a void took back.
func (w *world) last() {
	ctx := context.Background()
	p := &process{w: w, name: "last", writer: commit.NewWriter(w.open(), "p")}
	for i := range w.sc.splits {
		p.mine = append(p.mine, rows.Split{Source: "s", ID: fmt.Sprint("p", i)})
	}
	if err := p.writer.Own(ctx, p.mine); err != nil {
		w.fail("the last start: %v", err)
	}
	for {
		e, err := p.stage(ctx, nil)
		if err != nil {
			w.fail("the last start: %v", err)
		}
		if e == nil {
			break
		}
		r, err := p.writer.Put(ctx, *e)
		if err == nil {
			err = p.writer.Confirm(ctx, r)
		}
		if err != nil && !errors.Is(err, connector.ErrRewound) {
			w.fail("the last start: %v", err)
		}
	}
	for range 2 {
		if err := p.writer.Idle(ctx); err != nil {
			w.fail("the last start, idle: %v", err)
		}
	}
}

// check counts the rows and looks for what was left behind.
func (w *world) check() {
	ctx := context.Background()
	l := w.open()
	c, err := l.Contents(ctx)
	if err != nil {
		w.fail("reading the log: %v", err)
	}
	seen := map[string]int{}
	for o, err := range w.disk.List(ctx, "d/") {
		if err != nil {
			w.fail("listing: %v", err)
		}
		raw, err := bucket.ReadAll(ctx, w.disk, o.Key)
		if err != nil {
			w.fail("%s: %v", o.Key, err)
		}
		switch {
		case strings.HasPrefix(o.Key, "d/_gros/s/staged/") || strings.HasPrefix(o.Key, "d/_gros/s/state/"):
			w.fail("%s is left behind", o.Key)
		case !l.Owns(o.Key):
			continue
		case len(raw) == 0 && w.sc.plain && c.Voided[o.Key]: // it holds the name
			continue
		}
		f, listed := c.Files[o.Key]
		if !listed {
			w.fail("%s is visible and no commit lists it: %q", o.Key, raw)
		}
		if f.SHA256 != commit.Sum(raw) {
			w.fail("%s has other bytes than its commit says", o.Key)
		}
		delete(c.Files, o.Key)
		for row := range strings.Lines(string(raw)) {
			seen[strings.TrimSpace(row)]++
		}
	}
	for key := range c.Files {
		w.fail("%s is listed by a commit and not there", key)
	}
	for s, err := range w.disk.Staged(ctx, "", "") {
		w.fail("the upload of %s is left behind (%v)", s.Key, err)
	}
	for split := range w.sc.splits {
		for row := range w.sc.epochs {
			for n := range w.sc.files {
				key := fmt.Sprintf("p%d:%d/%d", split, row, n)
				if seen[key] != 1 {
					w.fail("row %s is visible %d times", key, seen[key])
				}
				delete(seen, key)
			}
		}
	}
	if len(seen) > 0 {
		w.fail("rows that nobody wrote: %v", seen)
	}
	w.checkLog(ctx, l)
}

// checkLog says that positions only go back by voids, that nothing is voided but what the store lost, and that every record
// accounts for its rows.
func (w *world) checkLog(ctx context.Context, l *commit.Log) {
	var after *connector.Record
	for r, err := range l.Records(ctx) {
		if err != nil {
			w.fail("log: %v", err)
		}
		if r.Kind == connector.KindVoid && w.sc.expire == 0 {
			w.fail("record %d voids %v, though the store lost nothing", r.Seq, r.Voids)
		}
		if !r.Rows.Balanced() {
			w.fail("record %d does not balance", r.Seq)
		}
		if after != nil && after.Kind != connector.KindVoid {
			for name, s := range after.Splits {
				if s.Pos < r.Splits[name].Pos {
					w.fail("record %d sets %s back from %s to %s", after.Seq, name, r.Splits[name].Pos, s.Pos)
				}
			}
		}
		after = r
	}
}
