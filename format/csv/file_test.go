package csv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

func input(name, text string) format.Input {
	return format.Input{Name: name, Size: int64(len(text)), Open: func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		rest := text[off:]
		if n >= 0 {
			rest = rest[:min(int(n), len(rest))]
		}
		return io.NopCloser(strings.NewReader(rest)), nil
	}}
}

// blocksOf returns the blocks of in after pos, their common header, and the positions after them.
func blocksOf(t *testing.T, in format.Input, pos rows.Position, o format.ReadOptions) (blocks []string, head string, at []rows.Position, err error) {
	t.Helper()
	r, err := Open(t.Context(), in, o)
	if err != nil {
		return nil, "", nil, err
	}
	for b, err := range r.Read(t.Context(), pos) {
		if err != nil {
			return blocks, head, at, err
		}
		p, ok := rows.PayloadOf(b.Rows)
		if !ok || p.Format != "csv" || !p.Blocks || head != "" && p.Header != head {
			t.Fatalf("batch is no block of CSV: %v", b.Rows)
		}
		blocks, head, at = append(blocks, p.Values.ValueString(0)), p.Header, append(at, b.Position)
	}
	return blocks, head, at, nil
}

func TestFilesAreReadFromAnyPosition(t *testing.T) {
	var b strings.Builder
	b.WriteString("\ufeff\r\n\"i\nd\";\"te\"\"xt\"\r\n")
	begin := b.Len()
	for i := range 500 {
		fmt.Fprintf(&b, "%d;\"line %d\n,\"\"quoted\"\" 5\"\r\n%d;stray \" quote\r\n", i, i, i)
	}
	text := b.String()
	for _, size := range []int64{int64(len(text)), -1} {
		for _, block := range []int{0, 50, 1000} {
			open := func() format.Input {
				in := input("x.csv", text)
				if in.Size = size; size < 0 {
					in.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
						return io.NopCloser(iotest.HalfReader(strings.NewReader(text))), nil
					}
				}
				return in
			}
			blocks, head, at, err := blocksOf(t, open(), "", format.ReadOptions{Block: block})
			if err != nil || strings.Join(blocks, "") != text[begin:] {
				t.Fatalf("block %d: %d bytes came, want %d, %v", block, len(strings.Join(blocks, "")), len(text)-begin, err)
			}
			if want := `{"columns":["i\nd","te\"xt"],"delimiter":";","line":"\"i\nd\";\"te\"\"xt\""}`; head != strings.ReplaceAll(want, "\n", `\n`) {
				t.Errorf("header is %s", head)
			}
			for i, block1 := range blocks {
				if !strings.HasSuffix(block1, "\"\r\n") && !strings.HasSuffix(block1, "quote\r\n") {
					t.Fatalf("block %q is cut inside a row", block1)
				}
				rest, again, _, err := blocksOf(t, open(), at[i], format.ReadOptions{Block: block})
				if err != nil || strings.Join(rest, "") != strings.Join(blocks[i+1:], "") || len(rest) > 0 && again != head {
					t.Fatalf("from %s on: %d bytes, %v", at[i], len(strings.Join(rest, "")), err)
				}
				if i > 20 {
					break
				}
			}
		}
	}
}

func TestFilesWithoutRows(t *testing.T) {
	for _, text := range []string{"", "\ufeff", "\n\r\n", "a,b", "a,b\r\n"} {
		blocks, _, _, err := blocksOf(t, input("x.csv", text), "", format.ReadOptions{})
		if err != nil || len(blocks) > 0 {
			t.Errorf("%q: blocks are %q, %v", text, blocks, err)
		}
	}
}

func TestWrongFilesNameTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"a,caf\xe9\n1,2\n":        "x.csv: header is not UTF-8",
		"a,\"b\n1,2\n":            "x.csv: header: a quote is not closed",
		"\xff\xfea\x00":           "x.csv: byte 0: UTF-16 text",
		strings.Repeat("a,", 99):  "x.csv: header: longer than a row may be",
		strings.Repeat("a,", 9):   "x.csv: header has 10 columns, at most 5 are allowed",
		"\n" + "a\"b,\"c\"d\nx,y": "x.csv: header: text after a closing quote",
	} {
		o := format.ReadOptions{Decode: format.DecodeOptions{MaxRow: 50, MaxColumns: 5}}
		if _, _, _, err := blocksOf(t, input("x.csv", text), "", o); err == nil || err.Error() != want || !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestRowThatIsTooLongIsAReject(t *testing.T) {
	text := "a,b\n1,x\n2,\"" + strings.Repeat("y\n", 100_000) + "\"\n3,z\n"
	r, err := Open(t.Context(), input("x.csv", text), format.ReadOptions{Block: 100, Decode: format.DecodeOptions{MaxRow: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for b, err := range r.Read(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Rejects {
			got = append(got, r.Kind)
		}
		if p, ok := rows.PayloadOf(b.Rows); ok {
			got = append(got, p.Values.ValueString(0))
		}
	}
	if want := "[1,x\n size 3,z\n]"; fmt.Sprint(got) != want {
		t.Errorf("%q, want %s", got, want)
	}
}

// FuzzCut: however a text is cut into blocks, the rows are the same.
func FuzzCut(f *testing.F) {
	f.Add([]byte("a,b\n1,\"x\ny\"\n2,\"\"\"\"\n"), 3)
	f.Add([]byte("a\"b,c\n\"d\"e\n\"f\"\"g\",\"h\n"), 1)
	f.Add([]byte("\"\"\"\n\"\",\n\n\"\n"), 2)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		whole := newQuotes(',')
		var want []int
		for i := 0; i < len(data); {
			end, err := whole.Next(data, i)
			if err != nil {
				t.Fatal(err)
			}
			if end < 0 {
				break
			}
			want = append(want, end)
			i = end
		}
		var got []int
		q, from := newQuotes(','), 0
		for have := 0; have < len(data); {
			have = min(len(data), have+max(1, step&15))
			for from < have {
				end, err := q.Next(data[:have], from)
				if err != nil {
					t.Fatal(err)
				}
				if end < 0 {
					from = have
					break
				}
				got = append(got, end)
				from = end
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: rows end at %v in pieces, at %v as a whole", data, got, want)
		}
		// And the scanner ends rows where the cutter does.
		s := scanner{data: data, delimiter: ','}
		last := 0
		if len(want) > 0 {
			last = want[len(want)-1]
		}
		for i, n := 0, 0; i < last; n++ {
			i, _ = s.row(i)
			if i != want[n] {
				t.Fatalf("%q: row %d ends at %d for the scanner, at %d for the cutter", data, n, i, want[n])
			}
		}
	})
}

func BenchmarkCutQuoted(b *testing.B) {
	text := "id,name,city,n\n" + strings.Repeat("\"123456\",\"somebody\",\"Frankfurt, Main\",\"1.5\"\n", 400_000)
	in := input("x.csv", text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(b.Context(), in, format.ReadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Read(b.Context(), "") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var events bytes.Buffer
	events.WriteString("event_id,ts,type,url,country,browser,amount,n,mobile,user\n")
	for i := range 50_000 {
		fmt.Fprintf(&events, "%08x-4d4b-4c1e-9f5a-%012x,2024-01-01T%02d:%02d:%02d.%06dZ,pageview,http://www.dummywebsite.com/%s,%s,%s,%d.%02d,%d,%v,user%d@example.com\n",
			i*2654435761, i, i/3600%24, i/60%60, i%60, i, []string{"home", "cart", "payment"}[i%3], []string{"DE", "FR", "US", "IN"}[i%4],
			[]string{"Chrome", "Firefox", "Safari"}[i%3], i%100, i%100, i, i%2 == 0, i%1000)
	}
	for name, text := range map[string]string{
		"events":  events.String(),
		"quoted":  "a,b,c,d\n" + strings.Repeat("\"123456\",\"somebody\",\"Frankfurt, Main\",\"1.5\"\n", 100_000),
		"numbers": "a,b,c,d,e\n" + strings.Repeat("1,23456,1234567890,0.5,-12.25\n", 200_000),
	} {
		b.Run(name, func(b *testing.B) {
			d, err := NewDecoder(format.DecodeOptions{})
			if err != nil {
				b.Fatal(err)
			}
			p := block(b, text, format.DecodeOptions{})
			s, err := d.Infer(p, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(p.Values.ValueLen(0)))
			b.ReportAllocs()
			for b.Loop() {
				out, err := d.Decode(p, s)
				if err != nil || out.Drift {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+" infer", func(b *testing.B) {
			d, err := NewDecoder(format.DecodeOptions{})
			if err != nil {
				b.Fatal(err)
			}
			p := block(b, text, format.DecodeOptions{})
			b.SetBytes(int64(p.Values.ValueLen(0)))
			for b.Loop() {
				if _, err := d.Infer(p, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
