package stdio

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/connector/connectortest"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/format/csv"
	"github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/rows"
)

var formats = format.Registry{json.Format, csv.Format}

const lines = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"

func TestConnector(t *testing.T) {
	in := func(text string) func(testing.TB) connector.Env {
		return func(testing.TB) connector.Env { return connector.Env{Stdin: strings.NewReader(text), Formats: formats} }
	}
	connectortest.Run(t, Connector,
		connectortest.Case{Name: "lines", Source: &SourceConfig{}, Env: in(lines)},
		connectortest.Case{Name: "CSV", Source: &SourceConfig{}, Env: in("a,b\n1,2\n3,4\n")},
		connectortest.Case{Name: "arrow", Source: &SourceConfig{Format: "arrow"}, Env: in(string(arrowStream(t, 3)))},
		connectortest.Case{
			Name: "stdout", Sink: &SinkConfig{},
			Env:     func(testing.TB) connector.Env { return connector.Env{Stdout: new(bytes.Buffer), Formats: formats} },
			Visible: func(_ testing.TB, env connector.Env) string { return env.Stdout.(*bytes.Buffer).String() },
		},
	)
}

// arrowStream is n batches of two rows, of types that batches have and have not.
func arrowStream(t testing.TB, n int) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Uint64}, {Name: "s", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Europe/Berlin"}},
		{Name: "d", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Uint8)},
	}, nil)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range n {
		for k := range 2 {
			b.Field(0).(*array.Uint64Builder).Append(1<<63 + uint64(i))
			b.Field(1).(*array.LargeStringBuilder).Append(fmt.Sprint("s", i, k))
			b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(1000 * i))
			if err := b.Field(3).(*array.BinaryDictionaryBuilder).AppendString("word"); err != nil {
				t.Fatal(err)
			}
			l := b.Field(4).(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.Uint8Builder).Append(255)
		}
		if err := w.Write(b.NewRecordBatch()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func newSource(t testing.TB, in io.Reader, c SourceConfig) connector.Source {
	t.Helper()
	s, err := openSource(t.Context(), connector.Env{Name: "in", Stdin: in, Formats: formats}, &c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var split = rows.Split{Source: "in", ID: "stdin"}

// payloads reads s to its end as text.
func payloads(t testing.TB, s connector.Source) string {
	t.Helper()
	var all []byte
	for b, err := range s.Read(t.Context(), split, "") {
		if err != nil {
			t.Fatal(err)
		}
		p, ok := rows.PayloadOf(b.Rows)
		if !ok || p.Format != "json" {
			t.Fatalf("a batch of %q", p.Format)
		}
		for i := range p.Values.Len() {
			all = append(all, p.Values.Value(i)...)
		}
	}
	return string(all)
}

func TestTheFirstBytesTellTheFormat(t *testing.T) {
	for head, want := range map[string]string{
		"{": "json", " \n\t[": "json", "\xef": "", "\xef\xbb": "", "\xef\xbb\xbf": "", "\xef\xbb\xbf{": "json", "id,name\n": "csv", "\"id\";x\n": "csv", "id,na": "", "1": "",
		"\xff\xff\xff\xff": "arrow", "ARROW1": "arrow", "PAR1": "parquet", "\xff\xff": "", "PA": "", "": "", " \n": "", "PAX": "",
		"id\n1": "csv", "id\n": "", "oops\n{\"a\":1}\n": "json", "<html>\n<body>\n": unknown, "hello world\n": unknown,
	} {
		if got := sniff([]byte(head)); got != want {
			t.Errorf("%q is %q, want %q", head, got, want)
		}
	}
}

func TestCompressedInputIsSniffedAndRead(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(lines)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := payloads(t, newSource(t, &packed, SourceConfig{})); got != lines {
		t.Errorf("read %q", got)
	}
}

func TestNoInputIsNoRows(t *testing.T) {
	if got := payloads(t, newSource(t, strings.NewReader("\n"), SourceConfig{})); strings.TrimSpace(got) != "" {
		t.Errorf("read %q", got)
	}
	if got := payloads(t, newSource(t, strings.NewReader(""), SourceConfig{})); got != "" {
		t.Errorf("read %q", got)
	}
}

func TestArrowTypesBecomeThoseOfBatches(t *testing.T) {
	n := 0
	for b, err := range newSource(t, bytes.NewReader(arrowStream(t, 3)), SourceConfig{}).Read(t.Context(), split, "7") {
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Rows.Schema().String(); !strings.Contains(got, "decimal(20, 0)") || !strings.Contains(got, "timestamp[us, tz=UTC]") || strings.Contains(got, "large") {
			t.Fatal(got)
		}
		var got []string
		for _, c := range b.Rows.Columns() {
			got = append(got, c.ValueStr(1))
		}
		want := []string{fmt.Sprint(uint64(1<<63) + uint64(n)), fmt.Sprint("s", n, 1), fmt.Sprintf("1970-01-01T00:00:%02dZ", n), "word", "[255]"}
		if !slices.Equal(got, want) {
			t.Errorf("batch %d: %q, want %q", n, got, want)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d batches", n)
	}
}

func TestADamagedArrowStreamIsAnError(t *testing.T) {
	whole := arrowStream(t, 2)
	for _, cut := range []int{5, 100, len(whole) / 2, len(whole) - 20} {
		var last error
		for _, err := range newSource(t, bytes.NewReader(whole[:cut]), SourceConfig{}).Read(t.Context(), split, "") {
			last = err
		}
		if !fault.Is(last, fault.Corrupt) {
			t.Errorf("cut at %d of %d: %v", cut, len(whole), last)
		}
	}
}

func TestAnArrowBatchThatPointsNowhereIsAnError(t *testing.T) {
	dict := array.NewStringBuilder(memory.DefaultAllocator)
	dict.Append("word")
	kind := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	codes := memory.NewBufferBytes(arrow.GetBytes([]int32{0, 7}))
	words := array.NewDictionaryData(array.NewDataWithDictionary(kind, 2, []*memory.Buffer{nil, codes}, 0, 0, dict.NewArray().Data().(*array.Data)))
	schema := arrow.NewSchema([]arrow.Field{{Name: "d", Type: kind}}, nil)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	if err := w.Write(array.NewRecordBatch(schema, []arrow.Array{words}, 2)); err != nil {
		t.Fatal(err)
	}
	for _, err := range newSource(t, &out, SourceConfig{}).Read(t.Context(), split, "") {
		if !fault.Is(err, fault.Corrupt) {
			t.Errorf("it was read: %v", err)
		}
	}
}

// waiting is an input that has something and then waits for its end.
type waiting struct {
	text string
	end  chan struct{}
}

func (w *waiting) Read(p []byte) (int, error) {
	if w.text != "" {
		n := copy(p, w.text)
		w.text = w.text[n:]
		return n, nil
	}
	<-w.end
	return 0, io.EOF
}

func TestASlowInputIsHandedOnAndCanBeCancelled(t *testing.T) {
	for _, kind := range []string{"json", "arrow", ""} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			text := "{\"a\":1}\n"
			if kind == "arrow" {
				whole := arrowStream(t, 1)
				text = string(whole[:len(whole)-8]) // without the end of the stream
			}
			in := &waiting{text, make(chan struct{})}
			defer close(in.end)
			begin, n := time.Now(), 0
			for b, err := range newSource(t, in, SourceConfig{Format: kind}).Read(ctx, split, "") {
				if err == nil {
					if n++; time.Since(begin) > time.Second {
						t.Errorf("%s: rows came after %v", kind, time.Since(begin))
					}
					if b.Split != split {
						t.Errorf("split %v", b.Split)
					}
					continue
				}
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
					t.Errorf("%s: ended after %v with %v", kind, time.Since(begin), err)
				}
			}
			if n != 1 {
				t.Errorf("%s: %d batches", kind, n)
			}
		})
	}
}

func TestAFileIsReadOnAndAPipeIsNot(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in")
	text := strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 20)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	first := func(s connector.Source) string {
		for b, err := range s.Read(t.Context(), split, "999") {
			if err != nil {
				t.Fatal(err)
			}
			p, _ := rows.PayloadOf(b.Rows)
			return string(p.Values.Value(0))
		}
		return ""
	}
	s := newSource(t, f, SourceConfig{Format: "json"})
	if got := first(s) + payloads(t, s); got != text {
		t.Errorf("%d bytes of %d", len(got), len(text))
	}
	if got := payloads(t, s); got != "" {
		t.Errorf("%d bytes came again", len(got))
	}
	s = newSource(t, strings.NewReader(text), SourceConfig{Format: "json"})
	first(s)
	for _, err := range s.Read(t.Context(), split, "") {
		if !fault.Is(err, fault.Corrupt) {
			t.Errorf("reading a broken-off pipe again: %v", err)
		}
	}
}

func newSink(t testing.TB, out io.Writer, c SinkConfig, f format.Registry) *sink {
	t.Helper()
	s, err := openSink(t.Context(), connector.Env{Stdout: out, Formats: f, Memory: 4 << 10}, &c)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sink)
}

func TestPayloadsAreWrittenAsTheyAre(t *testing.T) {
	var out bytes.Buffer
	s := newSink(t, &out, SinkConfig{}, formats)
	for _, rec := range []arrow.RecordBatch{
		rows.NewPayload("json", "", true, []byte("{\"a\": 1}\n\xff{\n")), rows.NewPayload("", "", false, []byte("x"), []byte("y\n"), nil),
	} {
		if err := s.Write(t.Context(), rows.Batch{Rows: rec}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.Seal(t.Context(), connector.Epoch{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Commit(t.Context())
	if err != nil || r.Rows.Written != 4 {
		t.Fatal(r, err)
	}
	if out.String() != "{\"a\": 1}\n\xff{\nx\ny\n" {
		t.Errorf("%q", out.String())
	}
}

func TestCSVHasOneHeader(t *testing.T) {
	var out bytes.Buffer
	s := newSink(t, &out, SinkConfig{Format: "csv"}, formats)
	rec := func(names string) rows.Batch {
		var fields []arrow.Field
		var columns []arrow.Array
		for i, name := range strings.Fields(names) {
			b := array.NewInt64Builder(memory.DefaultAllocator)
			b.Append(int64(i))
			fields, columns = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: true}), append(columns, b.NewArray())
		}
		return rows.Batch{Rows: array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1)}
	}
	for _, names := range []string{"a b", "b a", "b"} {
		if err := s.Write(t.Context(), rec(names)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.Seal(t.Context(), connector.Epoch{})
	if err == nil {
		_, err = p.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(out.String(), "\r\n", "\n"); got != "a,b\n0,1\n1,0\n,0\n" {
		t.Errorf("%q", got)
	}
	if err := s.Write(t.Context(), rec("a c")); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "column c ") {
		t.Errorf("a new column: %v", err)
	}
}

func TestPayloadsOfAnotherFormatAreDecoded(t *testing.T) {
	for _, c := range []struct{ in, format, want string }{
		{"{\"a\":1,\"b\":\"x\"}\n\n{\"a\" :2}\n", "csv", "a,b\n1,x\n2,\n"},
		{"{\"a\" :1}\n", "json", "{\"a\" :1}\n"},
		{"a,b\n1,x\n2,y\n", "csv", "a,b\n1,x\n2,y\n"},
		{"a,b\n1,x\n2,y\n", "", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n"},
	} {
		var out bytes.Buffer
		s := newSink(t, &out, SinkConfig{Format: c.format}, formats)
		var e connector.Epoch
		for b, err := range newSource(t, strings.NewReader(c.in), SourceConfig{}).Read(t.Context(), split, "") {
			if err != nil {
				t.Fatal(err)
			}
			e.Rows.Read += b.Len()
			if err := s.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		p, err := s.Seal(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Commit(t.Context())
		if err != nil || !r.Rows.Balanced() {
			t.Errorf("%+v, %v", r.Rows, err)
		}
		if got := strings.ReplaceAll(out.String(), "\r\n", "\n"); got != c.want {
			t.Errorf("%q as %q is %q, want %q", c.in, c.format, got, c.want)
		}
	}
}

func TestCSVIsReadWithItsHeader(t *testing.T) {
	n := 0
	for b, err := range newSource(t, strings.NewReader("id;name\n1;x\n2;y\n"), SourceConfig{}).Read(t.Context(), split, "") {
		if err != nil {
			t.Fatal(err)
		}
		p, ok := rows.PayloadOf(b.Rows)
		if !ok || p.Format != "csv" || p.Header == "" || !strings.Contains(string(p.Values.Value(0)), "1;x") {
			t.Errorf("format %q, header %q, %q", p.Format, p.Header, p.Values)
		}
		n++
	}
	if n == 0 {
		t.Error("no rows")
	}
}

func TestALargeEpochDoesNotStayInMemory(t *testing.T) {
	var out, want bytes.Buffer
	s := newSink(t, &out, SinkConfig{}, formats) // a kilobyte stays in memory
	for i := range 100 {
		line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", i))
		want.WriteString(line)
		if err := s.Write(t.Context(), rows.Batch{Rows: rows.NewPayload("", "", false, []byte(line))}); err != nil {
			t.Fatal(err)
		}
		if s.open.bytes > 1<<10 {
			t.Fatalf("%d bytes are in memory", s.open.bytes)
		}
	}
	file := s.open.file
	if file == nil {
		t.Fatal("there is no file")
	}
	p, err := s.Seal(t.Context(), connector.Epoch{})
	if err == nil {
		_, err = p.Commit(t.Context())
	}
	if err != nil || out.String() != want.String() {
		t.Errorf("%v; %d bytes came out, want %d", err, out.Len(), want.Len())
	}
	if _, err := file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is still open: %v", err)
	}
}

func TestWritingWaitsForASlowReaderOfTheOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := newSink(t, w, SinkConfig{}, formats)
		big := rows.Batch{Rows: rows.NewPayload("json", "", true, bytes.Repeat([]byte{'\n'}, 2<<10))}
		write := func(ctx context.Context) error { return s.Write(ctx, big) }
		if err := errors.Join(write(t.Context()), write(t.Context())); err != nil {
			t.Fatal(err) // nothing to wait for: there was no commit
		}
		p, err := s.Seal(t.Context(), connector.Epoch{})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { _, err := p.Commit(t.Context()); done <- err }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := write(ctx); err != nil {
			t.Fatal(err)
		}
		if err := write(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody reads, and writing says %v", err)
		}
		if _, err := io.ReadFull(r, make([]byte, 4<<10)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(<-done, write(t.Context())); err != nil {
			t.Error(err)
		}
	})
}
