package parquet

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/gros-lake/gros/format"
)

// unpack reads values of width bits as the specification of Parquet words it: the lowest bit of a value first, the first
// value in the lowest bits.
func unpack(b []byte, n, width int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		for bit := range width {
			at := i*width + bit
			if b[at/8]>>(at%8)&1 == 1 {
				out[i] |= 1 << bit
			}
		}
	}
	return out
}

func TestPackingIsAsSpecified(t *testing.T) {
	r := newRand(3)
	for width := 1; width <= 64; width++ {
		for _, n := range []int{1, 7, 8, 31, 32, 33, 200} {
			values := make([]uint64, n)
			for i := range values {
				values[i] = r.Uint64() >> (64 - width)
			}
			packed := appendPacked([]byte("before"), values, width)[len("before"):]
			if want := (n*width + 7) / 8; len(packed) != want {
				t.Fatalf("%d values of %d bits take %d bytes, not %d", n, width, len(packed), want)
			}
			if got := unpack(packed, n, width); !slices.Equal(got, values) {
				t.Fatalf("%d values of %d bits come back as others", n, width)
			}
		}
	}
}

// unhybrid reads n values of Parquet's hybrid of runs and packed groups.
func unhybrid(t *testing.T, b []byte, n, width int) (values []uint32, runs int) {
	t.Helper()
	for len(values) < n {
		header, size := binary.Uvarint(b)
		if size <= 0 {
			t.Fatalf("%d values of %d", len(values), n)
		}
		b = b[size:]
		if header&1 == 1 {
			size = int(header>>1) * width
			for _, v := range unpack(b, int(header>>1)*8, width) {
				values = append(values, uint32(v))
			}
		} else {
			size = (width + 7) / 8
			var v [4]byte
			copy(v[:], b[:size])
			values = append(values, slices.Repeat([]uint32{binary.LittleEndian.Uint32(v[:])}, int(header>>1))...)
			runs++
		}
		b = b[size:]
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes behind the last value", len(b))
	}
	return values[:n], runs
}

func TestHybridKeepsRunsAndGroups(t *testing.T) {
	r := newRand(4)
	for width := 1; width <= 20; width++ {
		for range 50 {
			var values []uint32
			long := 0
			for range 1 + r.IntN(8) {
				v := r.Uint32() >> (32 - width)
				if r.IntN(2) == 0 {
					n := 1 + r.IntN(100)
					if n >= shortestRun+8 { // wherever a group of eight begins
						long++
					}
					values = append(values, slices.Repeat([]uint32{v}, n)...)
				} else {
					for range r.IntN(60) {
						values = append(values, r.Uint32()>>(32-width))
					}
				}
			}
			got, runs := unhybrid(t, appendHybrid(nil, values, width), len(values), width)
			if !slices.Equal(got, values) {
				t.Fatalf("width %d: %v came back as %v", width, values, got)
			}
			if width > 8 && runs < long {
				t.Errorf("width %d: %d runs of %d were kept", width, runs, long)
			}
		}
	}
}

// FuzzColumns reads with the library what was written without it: integers, texts and words of any values, and which of
// them are there.
func FuzzColumns(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07"), uint16(100), uint8(3), uint16(1))
	f.Add(bytes.Repeat([]byte{0xff, 0, 0x80}, 100), uint16(3000), uint8(0), uint16(40))
	f.Fuzz(func(t *testing.T, seed []byte, rows uint16, nulls uint8, pageBytes uint16) {
		n := int(rows)%2000 + 1
		at := func(i int) byte {
			if len(seed) == 0 {
				return 0
			}
			return seed[i%len(seed)]
		}
		numbers, small := array.NewInt64Builder(memory.DefaultAllocator), array.NewInt32Builder(memory.DefaultAllocator)
		words := array.NewStringBuilder(memory.DefaultAllocator)
		flags := array.NewBooleanBuilder(memory.DefaultAllocator)
		for i := range n {
			if nulls > 0 && at(i)%(nulls) == 0 {
				numbers.AppendNull()
				small.AppendNull()
				words.AppendNull()
				flags.AppendNull()
				continue
			}
			var v [8]byte
			for k := range v {
				v[k] = at(i*k + i)
			}
			x := binary.LittleEndian.Uint64(v[:])
			numbers.Append(int64(x) >> (at(i) % 64))
			small.Append(int32(x) >> (at(i+1) % 32))
			words.Append(string(seed[len(seed)-min(len(seed), int(at(i))%9):]))
			flags.Append(at(i)%2 == 0)
		}
		columns := []arrow.Array{numbers.NewArray(), small.NewArray(), words.NewArray(), flags.NewArray()}
		var fields []arrow.Field
		for i, c := range columns {
			fields = append(fields, arrow.Field{Name: string(rune('a' + i)), Type: c.DataType(), Nullable: true})
		}
		s := arrow.NewSchema(fields, nil)
		rec := array.NewRecordBatch(s, columns, int64(n))
		made, err := NewEncoder(format.EncodeOptions{Compression: "none"})
		if err != nil {
			t.Fatal(err)
		}
		e := made.(*encoder)
		e.pageBytes = int64(pageBytes) + 1
		run, err := e.Encode(t.Context(), s, []arrow.RecordBatch{rec.NewSlice(0, int64(n/3)), rec.NewSlice(int64(n/3), int64(n))})
		if err != nil {
			t.Fatal(err)
		}
		end, err := e.End(s, []format.Run{run})
		if err != nil {
			t.Fatal(err)
		}
		checkColumns(t, slices.Concat([]byte(magic), run.Bytes, end), columns)
	})
}

func checkColumns(t *testing.T, data []byte, columns []arrow.Array) {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range columns {
		c, err := f.RowGroup(0).Column(k)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(want.Len())
		levels := make([]int16, n)
		var got []string
		switch c := c.(type) {
		case *file.Int64ColumnChunkReader:
			got = readColumn(t, n, levels, c.ReadBatch, array.NewInt64Builder)
		case *file.Int32ColumnChunkReader:
			got = readColumn(t, n, levels, c.ReadBatch, array.NewInt32Builder)
		case *file.BooleanColumnChunkReader:
			got = readColumn(t, n, levels, c.ReadBatch, array.NewBooleanBuilder)
		case *file.ByteArrayColumnChunkReader:
			got = readColumn(t, n, levels, c.ReadBatch, newByteArrays)
		}
		var all []string
		for i := range want.Len() {
			if (levels[i] == 1) != want.IsValid(i) {
				t.Fatalf("column %d, row %d: level %d", k, i, levels[i])
			}
			if want.IsValid(i) {
				all = append(all, want.ValueStr(i))
			}
		}
		if !slices.Equal(got, all) {
			t.Fatalf("column %d: other values came back", k)
		}
	}
}

type byteArrays struct{ *array.StringBuilder }

func newByteArrays(m memory.Allocator) byteArrays { return byteArrays{array.NewStringBuilder(m)} }

func (b byteArrays) Append(v parquet.ByteArray) { b.StringBuilder.Append(string(v)) }

// readColumn reads a column chunk to its end.
func readColumn[T any, B interface {
	Append(T)
	NewArray() arrow.Array
}](t *testing.T, n int64, levels []int16, read func(int64, []T, []int16, []int16) (int64, int, error), builder func(memory.Allocator) B) []string {
	t.Helper()
	b := builder(memory.DefaultAllocator)
	values := make([]T, n)
	for at := int64(0); at < n; {
		rows, count, err := read(n-at, values, levels[at:], nil)
		if err != nil || rows == 0 {
			t.Fatalf("%d of %d rows: %v", at, n, err)
		}
		for _, v := range values[:count] {
			b.Append(v)
		}
		at += rows
	}
	a := b.NewArray()
	out := make([]string, a.Len())
	for i := range out {
		out[i] = a.ValueStr(i)
	}
	return out
}
