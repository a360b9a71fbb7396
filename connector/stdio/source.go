package stdio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
	"github.com/gros-lake/gros/setting"
)

// name is the only split's, and that of the input in errors.
const name = "stdin"

// source reads standard input once.
type source struct {
	conf SourceConfig
	env  connector.Env

	mu   sync.Mutex
	last rows.Position // of the last batch, when the input is a file
	used bool          // the input was read, at least in part
	done bool          // to its end
}

func openSource(_ context.Context, env connector.Env, c *SourceConfig) (connector.Source, error) {
	here := setting.Place{Path: name}
	if env.Stdin == nil {
		return nil, here.Wrap(fault.Errorf(fault.Invalid, "there is no standard input here"))
	}
	if c.Format != "" && c.Format != arrowFormat {
		spec, err := env.Formats.Lookup(c.Format)
		if err != nil {
			return nil, here.Wrap(err)
		}
		if spec.Open == nil {
			return nil, here.Errorf("format %s cannot be read", c.Format)
		}
	}
	return &source{conf: *c, env: env}, nil
}

// Transient says why the rows cannot be read again.
func (s *source) Transient() string { return "standard input can only be read once" }

// Splits yields the one split, stdin.
func (s *source) Splits(ctx context.Context) iter.Seq2[[]rows.Split, error] {
	return func(yield func([]rows.Split, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		yield([]rows.Split{{Source: s.env.Name, ID: name}}, nil)
	}
}

// Read yields the batches of the input. Positions are those of the format, and are not used: what stands in a record is a
// place in another input. A file is read on from where the last reading stopped; a pipe that was left half-way is lost.
func (s *source) Read(ctx context.Context, split rows.Split, _ rows.Position) iter.Seq2[rows.Batch, error] {
	return func(yield func(rows.Batch, error) bool) {
		if split.ID != name {
			yield(rows.Batch{}, fault.Errorf(fault.Invalid, "stdin: there is no split %q", split.ID))
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.done {
			return
		}
		if err := s.read(ctx, split, yield); err != nil {
			yield(rows.Batch{}, err)
		}
	}
}

var errStop = errors.New("nobody reads on")

func (s *source) read(ctx context.Context, split rows.Split, yield func(rows.Batch, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	file := regular(s.env.Stdin)
	if s.used && file == nil {
		err := fault.Errorf(fault.Corrupt, "stdin: its reading was broken off, and what was read ahead is lost")
		return fault.Hint(err, "read from a file instead of a pipe")
	}
	s.used = true
	in, closer := s.input(file)
	stop := context.AfterFunc(ctx, func() { _ = closer.Close() }) // ends a Read that waits; it cannot fail
	defer stop()
	err := s.readInput(ctx, in, func(b rows.Batch) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.Split = split
		for i := range b.Rejects {
			r := &b.Rejects[i]
			r.Split, r.Position, r.Time, r.Pipeline = split, b.Position, time.Now().UTC(), s.env.Pipeline
		}
		if file != nil {
			s.last = b.Position
		}
		if !yield(b, nil) {
			return errStop
		}
		return nil
	})
	if closeErr := closer.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err == errStop:
		return nil
	case ctx.Err() != nil: // what else went wrong followed from it
		return ctx.Err()
	case err == nil:
		s.done = true
	}
	return err
}

func (s *source) readInput(ctx context.Context, in format.Input, emit func(rows.Batch) error) error {
	kind, in, err := s.kind(ctx, in)
	if err != nil {
		return err
	}
	if kind == arrowFormat {
		return readArrow(ctx, in, s.last, emit)
	}
	spec, err := s.env.Formats.Lookup(kind)
	if err != nil {
		return err
	}
	r, err := spec.Open(ctx, in, format.ReadOptions{Decode: s.env.Decode})
	if err != nil {
		return err
	}
	for b, err := range r.Read(ctx, s.last) {
		if err != nil {
			return err
		}
		if err := emit(b); err != nil {
			return err
		}
	}
	return nil
}

// kind is the format of the input, and the input with what was read to find out.
func (s *source) kind(ctx context.Context, in format.Input) (string, format.Input, error) {
	if s.conf.Format != "" {
		return s.conf.Format, in, nil
	}
	text, err := format.OpenText(ctx, in)
	if err != nil {
		return "", in, err
	}
	kind := sniff(text.Head())
	for kind == "" {
		if err := text.More(); err == io.EOF {
			kind = sniffEnd(text.Head())
			break
		} else if err != nil {
			return "", in, errors.Join(err, text.Close())
		}
		kind = sniff(text.Head())
	}
	if kind == unknown {
		err := fault.Errorf(fault.Invalid, "%s: the first bytes are neither JSON nor CSV nor Arrow: %q", in.Name, firstLine(text.Head()))
		return "", in, errors.Join(fault.Hint(err, "look at what comes in; if it is CSV of one column, say so: egress --from csv, or format: csv"), text.Close())
	}
	if in.Size >= 0 { // it can be opened again
		return kind, in, text.Close()
	}
	return kind, format.Input{Name: in.Name, Size: -1, Open: func(context.Context, int64, int64) (io.ReadCloser, error) { return text, nil }}, nil
}

// firstLine is the beginning of a text, for people.
func firstLine(head []byte) string {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return string(line[:min(len(line), 60)])
}

// regular is the input as a file that can be read at any place, nil if it is none.
func regular(r io.Reader) *os.File {
	f, ok := r.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return f
}

// input is the standard input from where it stands, with what ends a Read that is under way.
func (s *source) input(file *os.File) (format.Input, io.Closer) {
	if file != nil {
		if in, ok := fileInput(file); ok {
			return in, io.NopCloser(nil)
		}
	}
	p := &pump{from: s.env.Stdin, closed: make(chan struct{})}
	return format.Input{Name: name, Size: -1, Open: func(context.Context, int64, int64) (io.ReadCloser, error) { return p, nil }}, p
}

func fileInput(file *os.File) (format.Input, bool) {
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return format.Input{}, false
	}
	info, err := file.Stat()
	if err != nil {
		return format.Input{}, false
	}
	size := max(0, info.Size()-start)
	return format.Input{Name: name, Size: size, Open: func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		if n < 0 {
			n = max(0, size-off)
		}
		return io.NopCloser(io.NewSectionReader(file, start+off, n)), nil
	}}, true
}

// sniff tells the format from the first bytes, "" if it needs more of them.
func sniff(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return m.format
		}
		if len(head) < len(m.bytes) && bytes.HasPrefix([]byte(m.bytes), head) {
			return ""
		}
	}
	mark := []byte("\ufeff")
	if len(head) < len(mark) && bytes.HasPrefix(mark, head) {
		return ""
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, mark), " \t\r\n")
	switch {
	case len(head) == 0:
		return ""
	case head[0] == '{' || head[0] == '[':
		return "json"
	}
	return sniffLines(head, len(head) >= sniffed)
}

// sniffed is how many bytes are looked at before a long first line is taken for one of CSV.
const sniffed = 64 << 10

// headerWord is what a column is called in a header of one column.
var headerWord = regexp.MustCompile(`^"?[\pL_][\pL\d_.-]{0,63}"?$`)

// sniffLines tells the format of text that does not begin like JSON: an object on a later line makes it JSON whose first
// line is broken; CSV has a delimiter in its header, or one word for a header and a line below.
func sniffLines(head []byte, all bool) string {
	first, rest, whole := bytes.Cut(head, []byte("\n"))
	if !whole && !all {
		return ""
	}
	for line := range bytes.Lines(rest) {
		if bytes.HasPrefix(line, []byte("{")) {
			return "json"
		}
	}
	switch first = bytes.TrimSpace(first); {
	case bytes.ContainsAny(first, ",;\t|"):
		return "csv"
	case headerWord.Match(first) && len(rest) > 0:
		return "csv"
	case headerWord.Match(first) && !all:
		return ""
	}
	return unknown
}

// unknown is a format that nobody can tell from the first bytes.
const unknown = "unknown"

// sniffEnd tells the format of an input that is too short for sniff.
func sniffEnd(head []byte) string {
	if len(bytes.TrimSpace(head)) == 0 {
		return "json" // no rows in any format
	}
	return sniffLines(bytes.TrimLeft(head, " \t\r\n"), true)
}

var magics = []struct{ bytes, format string }{
	{"\xff\xff\xff\xff", arrowFormat}, {"PAR1", "parquet"}, {"ARROW1", arrowFormat}, {"Obj\x01", "avro"},
}

// pump makes a Read that waits for ever end when it is closed. One read of the input may then still be under way; it
// ends with the input.
type pump struct {
	from   io.Reader
	buf    []byte
	rest   []byte // of buf, not yet handed on
	err    error  // that came with it
	closed chan struct{}
	once   sync.Once
}

type pumped struct {
	n   int
	err error
}

const pumpBytes = 256 << 10

func (p *pump) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if p.buf == nil {
			p.buf = make([]byte, pumpBytes)
		}
		result := make(chan pumped, 1)
		go func() {
			n, err := p.from.Read(p.buf)
			result <- pumped{n, err}
		}()
		select {
		case r := <-result:
			p.rest, p.err = p.buf[:r.n], r.err
		case <-p.closed:
			return 0, os.ErrClosed
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pump) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
