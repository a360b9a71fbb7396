package chunk

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/format"
	formatjson "github.com/gros-lake/gros/format/json"
	"github.com/gros-lake/gros/rows"
)

var in = rows.Split{Source: "s", ID: "0"}

func testSink(t *testing.T, b bucket.Bucket, o Options) *Sink {
	t.Helper()
	o.Pipeline = "p"
	return openSink(t, b, o)
}

func openSink(t *testing.T, b bucket.Bucket, o Options) *Sink {
	t.Helper()
	encoder, err := formatjson.Format.Encoder(format.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.Bucket, o.Stem, o.Encoder, o.Log = b, "part", encoder, slog.New(slog.DiscardHandler)
	s := New(o)
	if _, err := s.Resume(t.Context(), []rows.Split{in}); err != nil {
		t.Fatal(err)
	}
	return s
}

// ints is a batch of one bigint column.
func ints(name string, values ...int64) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil), []arrow.Array{b.NewArray()}, int64(len(values)))
}

func doubles(name string, values ...float64) arrow.RecordBatch {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: name, Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil), []arrow.Array{b.NewArray()}, int64(len(values)))
}

func count(n int) []int64 {
	v := make([]int64, n)
	for i := range v {
		v[i] = int64(i)
	}
	return v
}

func write(t *testing.T, s *Sink, r arrow.RecordBatch, rejects ...rows.Reject) {
	t.Helper()
	if err := s.Write(t.Context(), rows.Batch{Rows: r, Rejects: rejects, Split: in}); err != nil {
		t.Fatal(err)
	}
}

// seal ends an epoch that read so many rows and makes it visible.
func seal(t *testing.T, s *Sink, pos rows.Position, read int64) *connector.Record {
	t.Helper()
	p, err := s.Seal(t.Context(), connector.Epoch{Positions: map[rows.Split]rows.Position{in: pos}, Rows: rows.Counts{Read: read}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r != nil && !r.Rows.Balanced() {
		t.Errorf("the record does not balance: %+v", r.Rows)
	}
	return r
}

// lines are those of all chunks, in the order of the chunks' ids: that of one writer, or of writers a millisecond apart.
func lines(t *testing.T, b bucket.Bucket) []string {
	t.Helper()
	var all []string
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(o.Key, "_gros/") {
			raw, err := bucket.ReadAll(t.Context(), b, o.Key)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.Fields(string(raw))...)
		}
	}
	return all
}

func TestFilesRollByRows(t *testing.T) {
	b := mem.New()
	s := testSink(t, b, Options{Roll: Roll{Rows: 1000}})
	write(t, s, ints("n", count(2500)...))
	r := seal(t, s, "2500", 2500)
	var sizes []int64
	for _, f := range r.Files {
		sizes = append(sizes, f.Rows)
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int64{500, 1000, 1000}) {
		t.Errorf("rows of files: %v", sizes)
	}
	if got := lines(t, b); len(got) != 2500 || got[0] != `{"n":0}` || got[2499] != `{"n":2499}` {
		t.Errorf("%d rows, not in order", len(got))
	}
}

func TestFilesRollBySize(t *testing.T) {
	const size = 64 << 10
	b := mem.New()
	s := testSink(t, b, Options{Roll: Roll{Size: size}, Memory: 1 << 20})
	for range 100 {
		write(t, s, ints("n", count(1000)...))
	}
	r := seal(t, s, "1", 100_000)
	slices.SortFunc(r.Files, func(a, b connector.File) int { return strings.Compare(a.Key, b.Key) })
	for i, f := range r.Files[1 : len(r.Files)-1] { // the first one teaches how rows compress
		if f.Size < size*8/10 || f.Size > size*12/10 {
			t.Errorf("file %d of %d has %d bytes, want %d", i+1, len(r.Files), f.Size, size)
		}
	}
}

func TestFilesRollByAgeAndIdleness(t *testing.T) {
	for name, roll := range map[string]Roll{"every": {Every: time.Minute}, "idle": {Idle: 40 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s := testSink(t, mem.New(), Options{Roll: roll})
			for range 3 {
				write(t, s, ints("n", 1))
				time.Sleep(30 * time.Second)
				write(t, s, ints("n", 2))
				time.Sleep(50 * time.Second)
			}
			if r := seal(t, s, "6", 6); len(r.Files) != 3 {
				t.Errorf("%s: %d files", name, len(r.Files))
			}
		})
	}
}

func TestRejectsAreKeptWithReasonAndPlace(t *testing.T) {
	b := mem.New()
	s := testSink(t, b, Options{})
	write(t, s, ints("n", 1), rows.Reject{Raw: []byte(`{"n": oops`), Kind: rows.Malformed, Message: "no value", Split: in, Offset: 12},
		rows.Reject{Raw: []byte{0xff, 0}, Kind: rows.Encoding, Message: "no text", Split: in})
	r := seal(t, s, "3", 3)
	if r.Rows.Rejected != 2 || r.Rows.Written != 1 || len(r.Files) != 2 {
		t.Fatalf("%+v in %d files", r.Rows, len(r.Files))
	}
	i := slices.IndexFunc(r.Files, func(f connector.File) bool { return f.Reject })
	raw, err := bucket.ReadAll(t.Context(), b, r.Files[i].Key)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	var first, second RejectLine
	both := strings.SplitN(string(text), "\n", 2)
	if json.Unmarshal([]byte(both[0]), &first) != nil || json.Unmarshal([]byte(both[1]), &second) != nil {
		t.Fatalf("no NDJSON: %s", text)
	}
	if string(first.Bytes()) != `{"n": oops` || first.Kind != rows.Malformed || first.Offset != 12 || first.Source != "s" || first.Split != "0" {
		t.Errorf("first: %+v", first)
	}
	if !bytes.Equal(second.Bytes(), []byte{0xff, 0}) {
		t.Errorf("second: %+v", second)
	}
}

func TestTheSchemaIsHeldAcrossStarts(t *testing.T) {
	b := mem.New()
	s := testSink(t, b, Options{})
	write(t, s, ints("n", 1))
	seal(t, s, "1", 1)
	again := testSink(t, b, Options{})
	write(t, again, doubles("n", 2, 0.5))
	r := seal(t, again, "3", 2)
	got := lines(t, b)
	slices.Sort(got)
	if !slices.Equal(got, []string{`{"n":1}`, `{"n":2,"n__v_double":null}`, `{"n":null,"n__v_double":0.5}`}) {
		t.Errorf("rows: %q", got)
	}
	if r.Coerced["n"] == 0 {
		t.Error("no coercion was counted")
	}
	held, err := rows.UnmarshalSchema(r.Schema)
	if err != nil || held.NumFields() != 2 || held.Field(0).Type.ID() != arrow.INT64 {
		t.Errorf("held: %v, %v", held, err)
	}
}

func TestAnEpochOfNothingIsNoRecord(t *testing.T) {
	s := testSink(t, mem.New(), Options{})
	p, err := s.Seal(t.Context(), connector.Epoch{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.Commit(t.Context()); r != nil || err != nil {
		t.Errorf("%v, %v", r, err)
	}
	if err := p.Confirm(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCloseDropsWhatWasNotCommitted(t *testing.T) {
	b := mem.New()
	s := testSink(t, b, Options{Roll: Roll{Rows: 10}})
	write(t, s, ints("n", count(100)...), rows.Reject{Raw: []byte("x"), Kind: rows.Malformed})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for u, err := range b.Staged(t.Context(), "", "x/") {
		t.Errorf("left behind: %v, %v", u, err)
	}
	if got := lines(t, b); len(got) != 0 {
		t.Errorf("visible: %q", got)
	}
}

// The rows in memory stay inside the bound however they are spread, and none is refused.
func TestAThousandOpenPartitionsStayInsideTheBound(t *testing.T) {
	by, err := ParsePartitionBy([]string{"bucket(1000, n)"})
	if err != nil {
		t.Fatal(err)
	}
	s := testSink(t, mem.New(), Options{Memory: 4 << 20, Partition: NewPartitioner(nil, by, DropColumns)})
	var most int64
	for i := range 200 {
		v := make([]int64, 5000)
		for k := range v {
			v[k] = int64(i*5000 + k)
		}
		write(t, s, ints("n", v...))
		most = max(most, s.cur.gather.Bytes()+s.outside())
	}
	if most > 6<<20 {
		t.Errorf("%d bytes held, the bound is %d", most, 4<<20)
	}
	if r := seal(t, s, "1", 1_000_000); r.Rows.Written != 1_000_000 || len(r.Files) < 1000 {
		t.Errorf("%d rows in %d files", r.Rows.Written, len(r.Files))
	}
}

// Two processes begin at an empty place, each with its own idea of a column: the folder has one type.
func TestTwoEgressProcessesHoldOneSchema(t *testing.T) {
	b := mem.New()
	one, two := openSink(t, b, Options{}), openSink(t, b, Options{})
	write(t, one, ints("n", 1))
	write(t, two, doubles("n", 0.5, 2))
	write(t, one, doubles("m", 0.5))
	write(t, two, ints("m", 7))
	if r := seal(t, two, "", 3); r.Rows.Written != 3 {
		t.Errorf("%+v", r.Rows)
	}
	if r := seal(t, one, "", 2); r.Rows.Written != 2 {
		t.Errorf("%+v", r.Rows)
	}
	got := lines(t, b)
	slices.Sort(got)
	want := []string{
		`{"n":1,"n__v_double":null,"m":null}`, `{"n":2,"n__v_double":null,"m":null}`, `{"n":null,"n__v_double":0.5,"m":null}`,
		`{"n":null,"n__v_double":null,"m":0.5}`, `{"n":null,"n__v_double":null,"m":7.0}`,
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("rows: %q\nwant  %q", got, want)
	}
}
