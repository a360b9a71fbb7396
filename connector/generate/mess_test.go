package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/rows"
)

// lines reads all lines of a source of JSON.
func lines(t testing.TB, c Config) []string {
	t.Helper()
	c.Payload = "json"
	var all []byte
	for _, b := range batches(t, newSource(t, c), "0", "") {
		p, _ := rows.PayloadOf(b.Rows)
		all = append(all, p.Values.Value(0)...)
	}
	return strings.Split(strings.TrimSuffix(string(all), "\n"), "\n")
}

func TestLinesAreTheColumnsInJSON(t *testing.T) {
	mess := Mess{Nulls: .02, Late: .01, DriftAfter: 500}
	all := lines(t, Config{Rows: 1_000, Seed: 4, Mess: mess})
	row := 0
	for _, b := range batches(t, newSource(t, Config{Rows: 1_000, Seed: 4, Mess: mess}), "0", "") {
		for i := range int(b.Len()) {
			d := json.NewDecoder(strings.NewReader(all[row]))
			d.UseNumber()
			token, err := d.Token()
			if err != nil || token != json.Delim('{') {
				t.Fatalf("%v: %s", err, all[row])
			}
			for c, f := range b.Rows.Schema().Fields() {
				name, _ := d.Token()
				value, err := d.Token()
				want := any(b.Rows.Column(c).ValueStr(i))
				switch column := b.Rows.Column(c).(type) {
				case *array.Timestamp:
					want = column.Value(i).ToTime(arrow.Microsecond).Format("2006-01-02T15:04:05.000000Z")
				case *array.Boolean:
					want = column.Value(i)
				case *array.Int64, *array.Float64:
					if number, ok := value.(json.Number); ok {
						// Latitudes have their five digits in the text.
						want, value = strings.TrimRight(want.(string), "0."), strings.TrimRight(number.String(), "0.")
					}
				}
				if b.Rows.Column(c).IsNull(i) {
					want = nil
				}
				if err != nil || name != f.Name || value != want {
					t.Fatalf("row %d: %v is %v (%v), want %s %v", row, name, value, err, f.Name, want)
				}
			}
			if d.More() {
				t.Fatalf("there is more: %s", all[row])
			}
			row++
		}
	}
	if row != len(all) {
		t.Errorf("%d lines for %d rows", len(all), row)
	}
}

func TestTheMessIsAsMuchAsWasAskedFor(t *testing.T) {
	const n = 20_000
	clean := lines(t, Config{Rows: n})
	spoilt := lines(t, Config{Rows: n, Mess: Mess{Nulls: .01, Late: .02, BadJSON: .03}})
	if len(spoilt) != n {
		t.Fatalf("%d lines", len(spoilt))
	}
	var bad, late, nulls float64
	for i, line := range spoilt {
		if !json.Valid([]byte(line)) {
			bad++
			continue
		}
		var was, is map[string]any
		if err := json.Unmarshal([]byte(clean[i]), &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(line), &is); err != nil {
			t.Fatal(err)
		}
		for name, v := range is {
			switch {
			case v == nil && name != "event_id" && name != "event_timestamp":
				nulls++
			case v == was[name]:
			case name == "event_timestamp":
				a, _ := time.Parse(time.RFC3339, was[name].(string))
				b, _ := time.Parse(time.RFC3339, v.(string))
				if d := a.Sub(b); d < time.Minute || d > time.Hour {
					t.Fatalf("a row is %v late", d)
				}
				late++
			default:
				t.Fatalf("%s is %v, was %v", name, v, was[name])
			}
		}
	}
	for what, share := range map[string][2]float64{"bad": {bad / n, .03}, "late": {late / (n - bad), .02}, "nulls": {nulls / (n - bad) / 28, .01}} {
		if math.Abs(share[0]-share[1]) > share[1]/5 {
			t.Errorf("%s: share %.4f, want %.4f", what, share[0], share[1])
		}
	}
}

func TestLegacyStampsHaveNoZone(t *testing.T) {
	first := lines(t, Config{Rows: 1, Timestamps: "legacy"})[0]
	if !strings.Contains(first, `"event_timestamp":"2024-01-01 00:00:`) || strings.Contains(first, "Z\",\"event_type") {
		t.Error(first)
	}
}

func TestStampsOfAllCenturiesAreThoseOfTime(t *testing.T) {
	for year := 1; year < 9999; year += 7 {
		for _, month := range []time.Month{1, 2, 3, 12} {
			at := time.Date(year, month, 28, 23, 59, 58, 7_000, time.UTC).AddDate(0, 0, 1)
			if got := string(appendStamp(nil, at.UnixMicro(), false)); got != at.Format("2006-01-02T15:04:05.000000Z") {
				t.Fatalf("%s, want %v", got, at)
			}
		}
	}
}

func TestRowsFlowAtTheirRateAndStopInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := newSource(t, Config{Rate: 5_000, Splits: 2, Duration: 3*time.Second + 50*time.Millisecond})
		n, last := int64(0), begin
		for b, err := range s.Read(t.Context(), rows.Split{ID: "1"}, "") {
			if err != nil {
				t.Fatal(err)
			}
			n += b.Len()
			if wait := time.Since(last); wait > 101*time.Millisecond {
				t.Fatalf("no rows for %v", wait)
			}
			if due := int64(2_500 * time.Since(begin).Seconds()); n < due-1 || n > due+1 {
				t.Fatalf("%d rows after %v, want %d", n, time.Since(begin), due)
			}
			if n == 5_000 {
				time.Sleep(700 * time.Millisecond) // who was held up catches up
			}
			last = time.Now()
		}
		if d := time.Since(begin); d != 3*time.Second+50*time.Millisecond {
			t.Errorf("it ended after %v", d)
		}
	})
}

func TestWaitingForSlowRowsEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, err := range newSource(t, Config{Rate: .001}).Read(ctx, rows.Split{ID: "0"}, "") {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v", err)
			}
		}
		if d := time.Since(begin); d != time.Second {
			t.Errorf("it ended after %v", d)
		}
	})
}

func TestAKilledRunGoesOnByteForByte(t *testing.T) {
	conf := Config{Rows: 3_000, Payload: "json", SessionsPerDay: 3_000_000, Seed: 9, Mess: Mess{Nulls: .01, Late: .01, BadJSON: .01, DriftAfter: 1_100}}
	want := strings.Join(lines(t, conf), "\n") + "\n"
	s := newSource(t, conf)
	for _, stop := range []int{1, 7, 350, 1_099, 1_100, 1_101, 2_999} {
		_, from, err := s.enter(rows.Split{ID: "0"}, "")
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		take := func(from stream, n int) {
			rec, _ := from.next(n)
			p, _ := rows.PayloadOf(rec)
			got.Write(p.Values.Value(0))
		}
		before := min(stop, 1_100) // Read ends a batch at the drift
		take(from, before)
		if stop > before {
			take(from, stop-before)
		}
		for _, b := range batches(t, s, "0", string(from.place().position())) {
			p, _ := rows.PayloadOf(b.Rows)
			got.Write(p.Values.Value(0))
		}
		if got.String() != want {
			t.Fatalf("stopped after %d rows, it went on with others", stop)
		}
	}
}
