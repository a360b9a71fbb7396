package json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// field writes a key and a value of a line.
type field func(b *bytes.Buffer, r *rand.Rand, i int)

// choice is a field of strings with so many values of about so many bytes.
func choice(name string, distinct, size int) field {
	values := make([]string, distinct)
	for k := range values {
		values[k] = (fmt.Sprintf("%s-%d-", name, k) + strings.Repeat("lorem", 20))[:size]
	}
	return func(b *bytes.Buffer, r *rand.Rand, _ int) {
		x := r.Float64()
		fmt.Fprintf(b, `"%s":"%s"`, name, values[int(x*x*float64(distinct))])
	}
}

// events are the fields of lines like those of a web shop's visitors: 30 strings, about 1 kB a line.
func events() []field {
	names := []string{"event_type", "page_url_path", "page_url_host", "page_title", "referrer", "utm_source", "utm_medium", "utm_campaign", "browser_name",
		"browser_version", "os_name", "os_version", "device_type", "device_brand", "country", "region", "city", "timezone", "language", "currency",
		"product_category", "product_name", "experiment", "variant", "screen_size", "app_version"}
	out := []field{
		func(b *bytes.Buffer, _ *rand.Rand, i int) {
			fmt.Fprintf(b, `"event_time":"%s"`, time.UnixMilli(1700000000000+int64(i)*37).UTC().Format("2006-01-02T15:04:05.000Z"))
		},
		func(b *bytes.Buffer, r *rand.Rand, _ int) {
			fmt.Fprintf(b, `"event_id":"%016x-%016x"`, r.Uint64(), r.Uint64())
		},
		choice("session_id", 3000, 32), choice("user_id", 2000, 20),
	}
	for k, n := range names {
		out = append(out, choice(n, 3+k*k, 6+(k*7)%40))
	}
	return out
}

// orders are the fields of lines of 16 columns of every kind.
func orders() []field {
	number := func(name, form string, v func(r *rand.Rand) any) field {
		return func(b *bytes.Buffer, r *rand.Rand, _ int) { fmt.Fprintf(b, `"%s":`+form, name, v(r)) }
	}
	out := []field{
		func(b *bytes.Buffer, _ *rand.Rand, i int) { fmt.Fprintf(b, `"order_id":%d`, 1_000_000_000+i) },
		func(b *bytes.Buffer, _ *rand.Rand, i int) {
			fmt.Fprintf(b, `"created":"%s"`, time.UnixMicro(1700000000000000+int64(i)*370_013).UTC().Format("2006-01-02T15:04:05.000000Z"))
		},
		func(b *bytes.Buffer, r *rand.Rand, _ int) {
			fmt.Fprintf(b, `"address":{"city":"city %d","zip":"%05d","lat":%.6f,"lon":%.6f}`, r.IntN(300), r.IntN(99999), r.Float64()*90, r.Float64()*180)
		},
		func(b *bytes.Buffer, r *rand.Rand, _ int) { fmt.Fprintf(b, `"gift":%t`, r.IntN(9) == 0) },
		func(b *bytes.Buffer, r *rand.Rand, _ int) { fmt.Fprintf(b, `"shipped":"2024-03-%02d"`, 1+r.IntN(28)) },
	}
	for k := range 4 {
		out = append(out, number(fmt.Sprintf("count_%d", k), "%d", func(r *rand.Rand) any { return r.IntN(1000 << (6 * k)) }))
		out = append(out, number(fmt.Sprintf("amount_%d", k), "%.2f", func(r *rand.Rand) any { return r.Float64() * 1000 }))
	}
	return append(out, choice("status", 5, 9), choice("currency", 12, 11), choice("sku", 800, 14))
}

// generated writes n lines, their keys in the order given or in a new one each.
func generated(fields []field, n int, shuffled bool) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := range n {
		if shuffled {
			r.Shuffle(len(fields), func(a, b int) { fields[a], fields[b] = fields[b], fields[a] })
		}
		b.WriteByte('{')
		for k, f := range fields {
			if k > 0 {
				b.WriteByte(',')
			}
			f(&b, r, i)
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

func benchmark(b *testing.B, in []byte) {
	d := newDecoder(b, format.DecodeOptions{})
	p := block(string(in))
	s, err := d.Infer(p, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			out, err := d.Decode(p, s)
			if err != nil || out.Drift || len(out.Rejects) > 0 {
				b.Fatal(err, out.Drift, out.Rejects)
			}
		}
	})
	b.Run("infer", func(b *testing.B) {
		b.SetBytes(int64(len(in)))
		for b.Loop() {
			if _, err := d.Infer(p, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(in)))
		for b.Loop() {
			for line := range bytes.Lines(in) {
				var v map[string]any
				if err := json.Unmarshal(line, &v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkDecodeEvents(b *testing.B)         { benchmark(b, generated(events(), 8000, false)) }
func BenchmarkDecodeEventsShuffled(b *testing.B) { benchmark(b, generated(events(), 8000, true)) }
func BenchmarkDecodeOrders(b *testing.B)         { benchmark(b, generated(orders(), 20000, false)) }
func BenchmarkDecodeOrdersShuffled(b *testing.B) { benchmark(b, generated(orders(), 20000, true)) }

func TestNothingIsAllocatedPerRow(t *testing.T) {
	const n = 10_000
	holes := func(i int, line []byte) []byte { // missing fields, nulls
		switch i % 3 {
		case 1:
			return []byte(`{"order_id":1,"address":null,"gift":null}` + "\n")
		case 2:
			return []byte(`{"address":{"lat":null},"sku":"x","amount_1":5}` + "\n")
		}
		return line
	}
	for name, in := range map[string][]byte{
		"events": generated(events(), n, false), "shuffled": generated(events(), n, true), "orders": generated(orders(), n, false),
	} {
		t.Run(name, func(t *testing.T) { perRow(t, block(string(in)), n) })
	}
	var b bytes.Buffer
	var docs [][]byte
	i := 0
	for line := range bytes.Lines(generated(orders(), n, false)) {
		b.Write(holes(i, line))
		docs = append(docs, holes(i, line))
		i++
	}
	t.Run("holes", func(t *testing.T) { perRow(t, block(b.String()), n) })
	p, _ := rows.PayloadOf(rows.NewPayload("json", "", false, docs...))
	t.Run("documents", func(t *testing.T) { perRow(t, p, n) })
	nested := strings.Repeat(`{"l":[{"a":1,"b":[true,null]},{"a":2}],"m":[[0.5],[]]}`+"\n", n)
	t.Run("lists", func(t *testing.T) { perRow(t, block(nested), n) })
}

func perRow(t *testing.T, p rows.Payload, n int) {
	d := newDecoder(t, format.DecodeOptions{})
	out, s := decodeAll(t, d, p, arrow.NewSchema(nil, nil))
	if out.Rows.NumRows() != int64(n) {
		t.Fatalf("%d rows, %d rejects", out.Rows.NumRows(), len(out.Rejects))
	}
	got := testing.AllocsPerRun(3, func() {
		if out, err := d.Decode(p, s); err != nil || out.Drift {
			t.Fatal(err, out.Drift)
		}
	})
	if perRow := got / float64(n); perRow > 0.1 {
		t.Errorf("%.3f allocations a row", perRow)
	} else {
		t.Logf("%.3f allocations a row", perRow)
	}
}
