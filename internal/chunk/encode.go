package chunk

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

// age is when a folder's file got its first row and its last one.
type age struct{ first, last time.Time }

// rollByTime ends a folder's file when it is old, or was idle, before more rows come.
func (e *epoch) rollByTime(ctx context.Context, folder string) error {
	r := e.sink.Roll
	if r.Every == 0 && r.Idle == 0 {
		return nil
	}
	now := time.Now()
	a, there := e.ages[folder]
	old := r.Every > 0 && now.Sub(a.first) >= r.Every
	idle := r.Idle > 0 && now.Sub(a.last) >= r.Idle
	if there && !old && !idle {
		e.ages[folder] = age{a.first, now}
		return nil
	}
	e.ages[folder] = age{now, now}
	if !there {
		return nil
	}
	if err := e.flush(ctx, folder); err != nil {
		return err
	}
	if e.files[folder] != nil {
		e.end(ctx, folder)
	}
	return nil
}

// flushFull encodes a folder's rows when they make a whole run.
func (e *epoch) flushFull(ctx context.Context, folder string) error {
	n, bytes := e.gather.Waiting(folder)
	left := e.sink.Roll.Size
	if f := e.files[folder]; f != nil && !e.full(f, 0, 0) {
		left -= f.expected(&e.sink.ratio)
	}
	limit := min(int64(runBytes), e.sink.Memory/4, e.sink.ratio.raw(left))
	full := n >= runRows || bytes >= limit
	if r := e.sink.Roll.Rows; r > 0 && n >= r {
		full = true
	}
	if !full {
		return nil
	}
	return e.flush(ctx, folder)
}

// relieve makes room when the rows in memory come near the bound: encoding what must go takes memory too.
func (e *epoch) relieve(ctx context.Context) error {
	near := e.sink.Memory * 3 / 4
	for e.gather.Bytes()+e.sink.outside() > near {
		if e.gather.Bytes() < e.sink.Memory/4 {
			return e.sink.room(ctx, near)
		}
		if err := e.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flushLarge encodes all folders but those with far fewer rows than the others. A batch has rows of most folders and is
// only free when none of them waits, so the rows that stay are copied out of theirs.
func (e *epoch) flushLarge(ctx context.Context) error {
	least := e.gather.Mean() / 2
	for {
		folder, ok := e.gather.Fullest()
		if !ok {
			return nil
		}
		if _, bytes := e.gather.Waiting(folder); bytes < least {
			break
		}
		if err := e.flush(ctx, folder); err != nil {
			return err
		}
	}
	e.gather.Settle()
	return nil
}

// flush takes a folder's rows and has them encoded and appended to its file.
func (e *epoch) flush(ctx context.Context, folder string) error {
	limit := e.sink.Roll.Rows
	n, bytes := e.gather.Waiting(folder)
	if file := e.sink.ratio.raw(e.sink.Roll.Size); bytes > file { // one batch for several small files: by quarters of one
		if few := max(n*(file/4)/bytes, 1); limit <= 0 || few < limit {
			limit = few
		}
	}
	recs := e.gather.Take(folder)
	for _, part := range cut(recs, limit) {
		if err := e.appendRun(ctx, folder, part); err != nil {
			return err
		}
	}
	return nil
}

// cut divides records so that none of the parts has more than limit rows; 0 = no limit.
func cut(recs []arrow.RecordBatch, limit int64) [][]arrow.RecordBatch {
	if limit <= 0 {
		return [][]arrow.RecordBatch{recs}
	}
	var parts [][]arrow.RecordBatch
	var part []arrow.RecordBatch
	room := limit
	for _, r := range recs {
		for r.NumRows() > room {
			parts = append(parts, append(part, r.NewSlice(0, room)))
			r, part, room = r.NewSlice(room, r.NumRows()), nil, limit
		}
		part, room = append(part, r), room-r.NumRows()
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// appendRun encodes records in the background and appends them to the folder's file when the runs before have been.
func (e *epoch) appendRun(ctx context.Context, folder string, recs []arrow.RecordBatch) error {
	s := e.sink
	var n, size, beside int64
	for _, r := range recs {
		n += r.NumRows()
		size += rows.Size(r)
		beside += overhead(r)
	}
	if n == 0 {
		return nil
	}
	schema := e.fileSchema()
	f := e.files[folder]
	if f != nil && (!f.schema.Equal(schema) || e.full(f, n, size)) {
		e.end(ctx, folder)
		f = nil
	}
	if f == nil {
		f = newFile(s.writer, s.Encoder, schema, folder)
		e.files[folder] = f
	}
	f.queued += n
	f.waiting.Add(size)
	if !s.ratio.known() { // a guess would make all files wrong until the first run is encoded
		defer func() { <-f.turn }()
	}
	if err := s.encodes.Acquire(ctx, 1); err != nil {
		return err
	}
	s.hand(size + beside)
	wait, done := f.next()
	e.jobs.Add(1)
	go func() {
		defer e.jobs.Done()
		defer close(done)
		run, err := s.Encoder.Encode(ctx, f.schema, recs)
		s.encodes.Release(1)
		s.give(size + beside)
		<-wait
		if err == nil && f.err == nil {
			s.ratio.learn(size, run.Size)
			err = f.append(ctx, run)
		}
		f.waiting.Add(-size)
		if err != nil {
			f.err = err
			e.fail(err)
		}
	}()
	return nil
}

// full says whether a file should end before n more rows, which take size bytes in memory.
func (e *epoch) full(f *file, n, size int64) bool {
	r, now := e.sink.Roll, f.expected(&e.sink.ratio)
	if r.Rows > 0 && f.queued+n > r.Rows {
		return true
	}
	return now >= r.Size*19/20 || (now > 0 && now+e.sink.ratio.encoded(size) > r.Size*11/10)
}

// end finishes the folder's file in the background.
func (e *epoch) end(ctx context.Context, folder string) {
	f := e.files[folder]
	delete(e.files, folder)
	wait, done := f.next()
	e.jobs.Add(1)
	go func() {
		defer e.jobs.Done()
		defer close(done)
		<-wait
		staged, err := e.finishFile(ctx, f)
		if err != nil {
			e.fail(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.failedFiles = append(e.failedFiles, f)
			return
		}
		e.done = append(e.done, staged)
	}()
}

func (e *epoch) finishFile(ctx context.Context, f *file) (connector.File, error) {
	if f.err != nil {
		return connector.File{}, f.err
	}
	if err := e.sink.encodes.Acquire(ctx, 1); err != nil {
		return connector.File{}, err
	}
	defer e.sink.encodes.Release(1)
	return f.finish(ctx)
}

// ratio learns how much smaller rows are in a file than in memory.
type ratio struct{ inMemory, inFile atomic.Int64 }

func (r *ratio) learn(inMemory, inFile int64) {
	r.inMemory.Add(inMemory)
	r.inFile.Add(inFile)
}

// encoded guesses the size in a file of so many bytes in memory.
func (r *ratio) encoded(bytes int64) int64 {
	if m := r.inMemory.Load(); m > 0 {
		return int64(float64(bytes) * float64(r.inFile.Load()) / float64(m))
	}
	return bytes
}

// raw guesses the size in memory of so many bytes in a file.
func (r *ratio) raw(bytes int64) int64 {
	if f := r.inFile.Load(); f > 0 {
		return max(1, int64(float64(bytes)*float64(r.inMemory.Load())/float64(f)))
	}
	return bytes / 2
}

func (r *ratio) known() bool { return r.inFile.Load() > 0 }
