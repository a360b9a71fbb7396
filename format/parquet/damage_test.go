package parquet

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

// damageable is a file of two row groups and its rows.
func damageable(t testing.TB) (data []byte, want []string) {
	s := everyType()
	g := &generator{newRand(7), 5}
	recs := []arrow.RecordBatch{g.batch(s, 0, 60), g.batch(s, 60, 40)}
	return encodeFile(t, format.EncodeOptions{}, s, recs[:1], recs[1:]), plainRows(t, recs...)
}

// wantDamage fails unless err says that stored data is damaged, and of which file.
func wantDamage(t *testing.T, what string, err error) {
	t.Helper()
	if k := fault.KindOf(err); err == nil || k != fault.Corrupt && k != fault.Invalid || !strings.Contains(err.Error(), "x.parquet") {
		t.Errorf("%s: %v error %v", what, fault.KindOf(err), err)
	}
}

func TestFilesCutShortAreErrors(t *testing.T) {
	data, _ := damageable(t)
	for n := 0; n < len(data); n += 1 + n/50 {
		_, err := readAll(t, data[:n], format.ReadOptions{}, "")
		wantDamage(t, "cut", err)
	}
	for n := len(data) - 50; n < len(data); n++ {
		_, err := readAll(t, data[:n], format.ReadOptions{}, "")
		wantDamage(t, "cut", err)
	}
}

func TestWhatIsNoParquetFileIsRefused(t *testing.T) {
	data, _ := damageable(t)
	encrypted := slices.Clone(data)
	copy(encrypted[len(encrypted)-4:], "PARE")
	long := slices.Clone(data)
	binary.LittleEndian.PutUint32(long[len(long)-8:], 1<<31-1)
	for what, c := range map[string]struct {
		data []byte
		kind fault.Kind
	}{
		"empty":       {nil, fault.Corrupt},
		"zeros":       {make([]byte, 1<<16), fault.Invalid},
		"text":        {[]byte(strings.Repeat("a,b,c\n", 100)), fault.Invalid},
		"only magic":  {[]byte("PAR1PAR1"), fault.Corrupt},
		"no footer":   {[]byte("PAR1\x00\x00\x00\x00PAR1"), fault.Corrupt},
		"long footer": {long, fault.Corrupt},
		"encrypted":   {encrypted, fault.Invalid},
		"stop":        {[]byte("PAR1\x00\x01\x00\x00\x00PAR1"), fault.Corrupt},
	} {
		_, err := readAll(t, c.data, format.ReadOptions{}, "")
		if !fault.Is(err, c.kind) || !strings.HasPrefix(err.Error(), "x.parquet: ") {
			t.Errorf("%s: %v error %v, want %v", what, fault.KindOf(err), err, c.kind)
		}
	}
	in := input(data)
	in.Size = -1
	if _, err := Open(t.Context(), in, format.ReadOptions{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a stream: %v", err)
	}
}

func TestEncryptedFilesAreRefused(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rec := (&generator{newRand(1), 0}).batch(s, 0, 10)
	for _, plaintext := range []bool{false, true} {
		var options []parquet.EncryptOption
		if plaintext {
			options = append(options, parquet.WithPlaintextFooter())
		}
		var out bytes.Buffer
		props := parquet.NewWriterProperties(parquet.WithEncryptionProperties(parquet.NewFileEncryptionProperties("0123456789abcdef", options...)))
		w, err := pqarrow.NewFileWriter(s, &out, props, pqarrow.DefaultWriterProps())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = readAll(t, out.Bytes(), format.ReadOptions{}, "")
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "encrypted") {
			t.Errorf("plaintext footer %v: %v", plaintext, err)
		}
	}
}

// A flipped bit in the row groups is found, or changes no row: what is compressed has a checksum.
func TestFlippedBitsNeverChangeRows(t *testing.T) {
	data, want := damageable(t)
	footer := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	r := newRand(3)
	n := 300
	if os.Getenv("GROS_SOAK") != "" {
		n = 3_000
	}
	for range n {
		at, bit := r.IntN(footer), byte(1)<<r.IntN(8)
		data[at] ^= bit
		batches, err := readAll(t, data, format.ReadOptions{}, "")
		if err != nil {
			wantDamage(t, "flip", err)
		} else if !slices.Equal(plainRows(t, recordsOf(batches)...), want) {
			t.Errorf("byte %d of %d, bit %#x: other rows and no error", at, footer, bit)
		}
		data[at] ^= bit
	}
}

// A flipped bit in the footer may rename a column; it may not do worse.
func TestFlippedBitsOfFootersAreBounded(t *testing.T) {
	data, want := damageable(t)
	footer := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	r := newRand(4)
	n := 300
	if os.Getenv("GROS_SOAK") != "" {
		n = 5_000
	}
	var before, after runtime.MemStats
	for range n {
		at, bit := footer+r.IntN(len(data)-footer), byte(1)<<r.IntN(8)
		data[at] ^= bit
		runtime.ReadMemStats(&before)
		batches, err := readAll(t, data, format.ReadOptions{}, "")
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
			t.Errorf("byte %d of the footer, bit %#x: %d bytes allocated (%v)", at-footer, bit, got, err)
		}
		if err != nil {
			wantDamage(t, "flip", err)
		} else if rows := plainRows(t, recordsOf(batches)...); len(rows) != len(want) {
			t.Errorf("byte %d of the footer, bit %#x: %d rows and no error", at-footer, bit, len(rows))
		}
		data[at] ^= bit
	}
}
