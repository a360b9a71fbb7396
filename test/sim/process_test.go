package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/internal/commit"
	"github.com/gros-lake/gros/rows"
)

// process is a program that is started again whenever it dies, until all rows are written.
func (w *world) process(ctx context.Context, i int) {
	for life := 1; ctx.Err() == nil; life++ {
		name := fmt.Sprintf("w%d.%d", i, life)
		client := w.store.Client(name)
		w.mu.Lock()
		w.live[name] = client
		w.mu.Unlock()
		l := commit.Open(commit.Options{Bucket: client.Bucket(), Base: "d/", Stem: "s", Settle: settle, Patience: 24 * time.Hour, Log: w.log})
		p := &process{w: w, name: name, index: i, writer: commit.NewWriter(l, "p")}
		w.say("%s starts as %s", name, p.writer.Nonce())
		err := p.live(ctx)
		w.say("%s ends: %v", name, err)
		client.Kill()
		if err == nil {
			return
		}
		time.Sleep(time.Duration(1+life*7+i) * time.Second)
	}
}

type process struct {
	w      *world
	name   string
	index  int
	writer *commit.Writer
	mine   []rows.Split
}

var errMoved = errors.New("other splits are assigned")

// live runs one life; nil: everything is written.
func (p *process) live(ctx context.Context) error {
	p.mine = p.w.splitsOf(p.index)
	if len(p.mine) == 0 {
		return p.wait(ctx)
	}
	if err := p.writer.Own(ctx, p.mine); err != nil {
		return err
	}
	var ahead *commit.Entry
	for {
		if !p.same() {
			return errMoved
		}
		e := ahead
		ahead = nil
		if e == nil {
			var err error
			if e, err = p.stage(ctx, nil); err != nil {
				return err
			}
		}
		if e == nil {
			done, err := p.idle(ctx)
			if done || err != nil {
				return err
			}
			continue
		}
		r, err := p.writer.Put(ctx, *e)
		if errors.Is(err, connector.ErrRewound) {
			p.w.say("%s is set back", p.name)
			if err := p.writer.Drop(ctx, e.Files); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return errors.Join(err, p.writer.Drop(ctx, e.Files))
		}
		p.w.say("%s put record %d: %v", p.name, r.Seq, e.Positions)
		if p.w.sc.ahead {
			if ahead, err = p.stage(ctx, r); err != nil {
				return err
			}
			if ahead != nil && p.w.lazy(r.Seq) { // the next Put completes this one first
				continue
			}
		}
		err = p.writer.Confirm(ctx, r)
		if errors.Is(err, connector.ErrRewound) {
			p.w.say("%s: record %d is void", p.name, r.Seq)
			if ahead != nil {
				if err := p.writer.Drop(ctx, ahead.Files); err != nil {
					return err
				}
				ahead = nil
			}
			continue
		}
		if err != nil {
			return err
		}
	}
}

// stage reads the next row of every split and stages its files; nil: there is no row left. After is a record that the
// writer has put and its head may not show yet as settled.
func (p *process) stage(ctx context.Context, after *connector.Record) (*commit.Entry, error) {
	at := map[rows.Split]int{}
	if after != nil {
		for _, s := range p.mine {
			at[s], _ = strconv.Atoi(string(after.Splits[s.String()].Pos))
		}
	} else {
		c, err := p.writer.Checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range p.mine {
			at[s], _ = strconv.Atoi(string(c.Positions[s]))
		}
	}
	e := new(commit.Entry)
	e.Positions = map[rows.Split]rows.Position{}
	var names []string
	for _, s := range p.mine {
		if at[s] < p.w.sc.epochs {
			e.Positions[s] = rows.Position(strconv.Itoa(at[s] + 1))
			names = append(names, fmt.Sprintf("%s:%d", s.ID, at[s]))
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	for n := range p.w.sc.files {
		text := ""
		for _, name := range names {
			text += fmt.Sprintf("%s/%d\n", name, n)
		}
		f, err := p.file(ctx, text)
		if err != nil {
			return nil, errors.Join(err, p.writer.Drop(ctx, e.Files))
		}
		e.Files = append(e.Files, f)
	}
	n := int64(len(names))
	e.Counts = rows.Counts{Read: n, Written: n}
	return e, nil
}

func (p *process) file(ctx context.Context, text string) (connector.File, error) {
	out, err := p.writer.Stage(ctx, p.writer.Key("", ".txt"))
	if err != nil {
		return connector.File{}, err
	}
	if err := p.writer.Try(ctx, "write", func() error { _, err := out.Write([]byte(text)); return err }); err != nil {
		return connector.File{}, err
	}
	var s bucket.Staged
	err = p.writer.Try(ctx, "finish", func() (err error) { s, err = out.Finish(ctx); return err })
	return connector.File{Staged: s, Rows: 1, SHA256: commit.Sum([]byte(text))}, err
}

// idle sweeps and finishes; true: all rows of all splits are visible.
func (p *process) idle(ctx context.Context) (bool, error) {
	time.Sleep(time.Minute)
	if err := p.writer.Idle(ctx); err != nil && !errors.Is(err, connector.ErrRewound) {
		return false, err
	}
	return p.w.written(p.writer.Head()), nil
}

// wait is the life of a replica without splits: it ends when it gets some, or when all is written.
func (p *process) wait(ctx context.Context) error {
	for ctx.Err() == nil {
		time.Sleep(time.Minute)
		if !p.same() {
			return errMoved
		}
		l := commit.Open(commit.Options{Bucket: p.w.disk, Base: "d/", Stem: "s", Settle: settle, Log: p.w.log})
		head, err := l.Head(ctx)
		if err != nil {
			return err
		}
		if p.w.written(head) {
			return nil
		}
	}
	return ctx.Err()
}

// same says whether the splits of this life are still assigned to it.
func (p *process) same() bool {
	now := p.w.splitsOf(p.index)
	if len(now) != len(p.mine) {
		return false
	}
	for i := range now {
		if now[i] != p.mine[i] {
			return false
		}
	}
	return true
}

func (w *world) splitsOf(writer int) []rows.Split {
	w.mu.Lock()
	defer w.mu.Unlock()
	var mine []rows.Split
	for i, owner := range w.assign {
		if !w.sc.shared || owner == writer {
			mine = append(mine, rows.Split{Source: "s", ID: fmt.Sprint("p", i)})
		}
	}
	return mine
}

// written says whether the log has every row, and nothing is to be read again.
func (w *world) written(head *connector.Record) bool {
	if head == nil {
		return false
	}
	for _, p := range head.Pend { // a void may yet set it back
		for _, f := range p.Files {
			if _, err := w.disk.Stat(context.Background(), f.Key); err != nil {
				return false
			}
		}
	}
	for i := range w.sc.splits {
		s := rows.Split{Source: "s", ID: fmt.Sprint("p", i)}
		if at, _ := strconv.Atoi(string(head.Splits[s.String()].Pos)); at < w.sc.epochs {
			return false
		}
	}
	return true
}

// disturb moves splits between replicas and lets the store forget staged uploads, at random times.
func (w *world) disturb(quit <-chan struct{}) {
	expire, moves := w.sc.expire, w.sc.move
	for expire+moves > 0 {
		select {
		case <-quit:
			return
		case <-time.After(time.Duration(1 + w.rng.Int64N(int64(20*time.Second)))):
		}
		if moves > 0 && w.rng.IntN(2) == 0 {
			moves--
			w.mu.Lock()
			split, to := w.rng.IntN(len(w.assign)), w.rng.IntN(w.sc.writers)
			w.assign[split] = to
			w.note("split %d moves to w%d", split, to)
			w.mu.Unlock()
		}
		if expire > 0 && w.forget() {
			expire--
		}
	}
}

// lazy says whether the writer of a record leaves it to its next put to make the rows visible.
func (w *world) lazy(seq int64) bool { return (uint64(w.seed)+uint64(seq))%3 == 0 }

// forget drops a staged upload, as a lifecycle rule does.
func (w *world) forget() bool {
	ctx := context.Background()
	if w.sc.plain {
		for o, err := range w.disk.List(ctx, "d/_gros/s/staged/") {
			if err == nil && w.rng.IntN(2) == 0 {
				w.say("the store forgets %s", o.Key)
				return w.disk.Delete(ctx, o.Key) == nil
			}
		}
		return false
	}
	for s, err := range w.disk.Staged(ctx, "", "") {
		if err == nil && w.rng.IntN(2) == 0 {
			w.say("the store forgets the upload of %s", s.Key)
			w.disk.Expire(s)
			return true
		}
	}
	return false
}
