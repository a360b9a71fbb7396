package chunk_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/faulty"
	"github.com/gros-lake/gros/bucket/mem"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/rows"
)

func numbers(ids ...int64) arrow.RecordBatch {
	s := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	b.Field(0).(*array.Int64Builder).AppendValues(ids, nil)
	return b.NewRecordBatch()
}

// write commits rows of a pipeline, one commit each.
func write(ctx context.Context, t *testing.T, b bucket.Bucket, commits ...arrow.RecordBatch) error {
	t.Helper()
	s := sinkAt(t, b, chunk.Options{Pipeline: "p"})
	split := rows.Split{Source: "a", ID: "0"}
	if _, err := s.Resume(ctx, []rows.Split{split}); err != nil {
		return err
	}
	for n, rec := range commits {
		if err := s.Write(ctx, rows.Batch{Rows: rec, Split: split}); err != nil {
			return err
		}
		moved := map[rows.Split]rows.Position{split: rows.Position([]string{"a", "b"}[n])}
		p, err := s.Seal(ctx, connector.Epoch{Positions: moved, Rows: rows.Counts{Read: rec.NumRows()}})
		if err != nil {
			return err
		}
		if _, err := p.Commit(ctx); err != nil {
			return err
		}
		if err := p.Confirm(ctx); err != nil {
			return err
		}
	}
	return nil
}

func verify(t *testing.T, b bucket.Bucket) *chunk.Verification {
	t.Helper()
	v, err := look(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	found, err := v.Verify(t.Context(), chunk.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWhatACrashLeftIsPendingAndUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, completes := mem.New(), 0
		store := faulty.New(disk, func(op faulty.Op) faulty.Fault {
			if op.Name == "complete" {
				completes++
			}
			return faulty.Fault{CrashBefore: op.Name == "complete" && completes == 2}
		})
		if err := write(t.Context(), t, store.Client("first").Bucket(), numbers(1, 2), numbers(3)); err == nil {
			t.Fatal("the process did not die")
		}
		found := verify(t, disk)
		if !found.OK || found.Err() != nil || found.Rows != 2 || found.Files != 1 || len(found.Pending) != 1 || found.Pending[0].Seq != 3 {
			t.Errorf("%+v", found)
		}
		if got := visibleIDs(t, disk); !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("visible: %v", got)
		}
		v, err := look(t.Context(), disk)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := v.List(t.Context()); err != nil || *l.Rows != 2 || l.Pending != 1 || l.Others != 0 {
			t.Errorf("%+v, %v", l, err)
		}
		if err := write(t.Context(), t, disk); err != nil { // the next start completes it
			t.Fatal(err)
		}
		if found := verify(t, disk); !found.OK || found.Rows != 3 || len(found.Pending) != 0 {
			t.Errorf("%+v", found)
		}
	})
}

// visibleIDs returns the ids of visible rows.
func visibleIDs(t *testing.T, b bucket.Bucket) (ids []int64) {
	t.Helper()
	v, err := look(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Read(t.Context(), chunk.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range r.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, rec.Column(0).(*array.Int64).Int64Values()...)
	}
	return ids
}

// lastRecord returns the key and the content of the newest record.
func lastRecord(t *testing.T, b bucket.Bucket) (string, *connector.Record) {
	t.Helper()
	last := ""
	for o, err := range b.List(t.Context(), "d/_gros/s/log/") {
		if err != nil {
			t.Fatal(err)
		}
		last = o.Key
	}
	raw, err := bucket.ReadAll(t.Context(), b, last)
	if err != nil {
		t.Fatal(err)
	}
	r := new(connector.Record)
	if err := json.Unmarshal(raw, r); err != nil {
		t.Fatal(err)
	}
	return last, r
}

func putRecord(t *testing.T, b bucket.Bucket, key string, r *connector.Record) {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, key, string(raw))
}

func put(t *testing.T, b bucket.Bucket, key, text string) {
	t.Helper()
	if _, err := bucket.PutBytes(t.Context(), b, key, []byte(text), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func TestVoidedNamesMayHoldEmptyFilesOnly(t *testing.T) {
	b := mem.New()
	if err := write(t.Context(), t, b, numbers(1), numbers(2, 3)); err != nil {
		t.Fatal(err)
	}
	key, r := lastRecord(t, b)
	lost := r.Files[0].Key
	r.Kind, r.Voids, r.Files, r.Pend, r.Rows = connector.KindVoid, []int64{r.Seq}, nil, nil, rows.Counts{}
	r.Seq++
	r.Commit = "void"
	putRecord(t, b, strings.Replace(key, "3.json", "4.json", 1), r)
	if found := verify(t, b); found.OK || len(found.Unlisted) != 1 || found.Unlisted[0].Key != lost {
		t.Errorf("with the rows of the voided commit: %+v", found)
	}
	put(t, b, lost, "")
	if found := verify(t, b); !found.OK || found.Rows != 1 || found.Files != 1 {
		t.Errorf("with an empty file: %+v", found)
	}
	if got := visibleIDs(t, b); !slices.Equal(got, []int64{1}) {
		t.Errorf("visible: %v", got)
	}
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		harm   func(t *testing.T, b bucket.Bucket, data, record string, r *connector.Record)
		reason string // of the damage
	}{
		{"a byte", func(t *testing.T, b bucket.Bucket, data, _ string, _ *connector.Record) {
			put(t, b, data, "{\"id\":7}\n")
		}, "checksum"},
		{"a shorter file", func(t *testing.T, b bucket.Bucket, data, _ string, _ *connector.Record) { put(t, b, data, "") }, "0 bytes, the log says 9"},
		{"rows of a file", func(t *testing.T, b bucket.Bucket, _, record string, r *connector.Record) {
			r.Files[0].Rows, r.Rows.Written, r.Rows.Read = 5, 5, 5
			putRecord(t, b, record, r)
		}, "1 rows, the log says 5"},
		{"the record's sum", func(t *testing.T, b bucket.Bucket, _, record string, r *connector.Record) {
			r.Rows.Read = 9
			putRecord(t, b, record, r)
		}, "does not account for its rows"},
		{"the record's rows", func(t *testing.T, b bucket.Bucket, _, record string, r *connector.Record) {
			r.Rows.Read, r.Rows.Written = 9, 9
			putRecord(t, b, record, r)
		}, "its files hold 1 and 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := mem.New()
			if err := write(t.Context(), t, b, numbers(1)); err != nil {
				t.Fatal(err)
			}
			record, r := lastRecord(t, b)
			c.harm(t, b, r.Files[0].Key, record, r)
			found := verify(t, b)
			if len(found.Damaged) != 1 || !strings.Contains(found.Damaged[0].Reason, c.reason) {
				t.Errorf("%+v", found)
			}
			if found.OK || !fault.Is(found.Err(), fault.Corrupt) {
				t.Errorf("it says that all is well: %v", found.Err())
			}
		})
	}
}
