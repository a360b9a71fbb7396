package parquet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/test/services"
)

// foreignProgram writes files of other programs, and their rows as value makes them of the canonical types.
const foreignProgram = pythonValues + `
import datetime, uuid, numpy as np, os, random
d = sys.argv[1]
random.seed(1)
n = 300
def some(f): return [None if i % 7 == 3 else f(i) for i in range(n)]
us = [int(x) for x in (-62135596800000000, -1, 0, 1, 1700000000123456, 253402300799999999)]
near = [int(x) for x in (-1000000000000000, -1, 0, 1, 1700000000123456, 4102444800000000)]
def ts(values, i): return values[i % len(values)]
columns = {
    'u8': (pa.array(some(lambda i: i % 256), pa.uint8()), pa.int16()),
    'u16': (pa.array(some(lambda i: 65535 - i), pa.uint16()), pa.int32()),
    'u32': (pa.array(some(lambda i: 2**32 - 1 - i), pa.uint32()), pa.int64()),
    'u64': (pa.array(some(lambda i: 2**64 - 1 - i), pa.uint64()), pa.decimal128(20, 0)),
    'large': (pa.array(some(lambda i: 'w%d' % (i % 5)), pa.large_string()), pa.string()),
    'dict': (pa.array(some(lambda i: 'w%d' % (i % 5)), pa.string()).dictionary_encode(), pa.string()),
    'half': (pa.array(some(lambda i: np.float16(i / 8)), pa.float16()), pa.float32()),
    'ms': (pa.array(some(lambda i: ts(us, i) // 1000), pa.int64()).cast(pa.timestamp('ms')), pa.timestamp('us')),
    'ns': (pa.array(some(lambda i: ts(near, i) * 1000), pa.int64()).cast(pa.timestamp('ns', 'UTC')), pa.timestamp('us', 'UTC')),
    'berlin': (pa.array(some(lambda i: ts(us[1:5], i)), pa.int64()).cast(pa.timestamp('us', 'Europe/Berlin')), pa.timestamp('us', 'UTC')),
    't32': (pa.array(some(lambda i: i * 1000), pa.int32()).cast(pa.time32('ms')), pa.time64('us')),
    't64': (pa.array(some(lambda i: i * 1000), pa.int64()).cast(pa.time64('ns')), pa.time64('us')),
    'd64': (pa.array(some(lambda i: i * 86400000), pa.int64()).cast(pa.date64()), pa.date32()),
    'fixed': (pa.array(some(lambda i: b'%04d' % i), pa.binary(4)), pa.binary()),
    'dec9': (pa.array(some(lambda i: decimal.Decimal(i) / 100), pa.decimal128(9, 2)), None),
    'dec38': (pa.array(some(lambda i: decimal.Decimal(-i)), pa.decimal128(38, 5)), None),
    'list': (pa.array(some(lambda i: list(range(i % 4))), pa.large_list(pa.uint16())), pa.list_(pa.int32())),
    'deep': (pa.array(some(lambda i: {'a': i % 200, 'b': [{'c': i}] * (i % 3)}), pa.struct([('a', pa.uint8()), ('b', pa.list_(pa.struct([('c', pa.uint32())])))])),
             pa.struct([('a', pa.int16()), ('b', pa.list_(pa.struct([('c', pa.int64())])))])),
    'map': (pa.array(some(lambda i: [('k%d' % k, k) for k in range(i % 3)]), pa.map_(pa.string(), pa.uint16())), pa.map_(pa.string(), pa.int32())),
}
def expect(name, table):
    cols = [values(table.column(k)) for k in range(table.num_columns)]
    with open(f'{d}/{name}.jsonl', 'w') as f:
        for row in zip(*cols): f.write(json.dumps(row) + '\n')
t = pa.table({k: v[0] for k, v in columns.items()})
def cast(a, to):
    if to is None: return a
    if pt.is_float16(a.type): return pa.array([None if v is None else float(v) for v in a.to_pylist()], to)
    if pt.is_map(to): return pa.array(a.to_pylist(), to)
    if pt.is_uint64(a.type): return pa.array([None if v is None else decimal.Decimal(v) for v in a.to_pylist()], to)
    return a.cast(to)
wanted = pa.table({k: cast(*v) for k, v in columns.items()})
for name, options in {
    'v1': {}, 'v2': dict(data_page_version='2.0', compression='zstd'), 'gzip': dict(compression='gzip', use_dictionary=False, data_page_size=256),
    'brotli': dict(compression='brotli', row_group_size=50), 'lz4': dict(compression='lz4', write_page_checksum=True), 'none': dict(compression='none', write_page_index=True),
    'delta': dict(use_dictionary=False, column_encoding={'u32': 'DELTA_BINARY_PACKED', 'large': 'DELTA_LENGTH_BYTE_ARRAY', 'dict': 'DELTA_BYTE_ARRAY', 'half': 'BYTE_STREAM_SPLIT'}),
}.items():
    pq.write_table(t, f'{d}/{name}.parquet', version='2.6', **options)
    expect(name, wanted)
old = pa.table({'at': pa.array(some(lambda i: ts(near, i)), pa.int64()).cast(pa.timestamp('us'))})
pq.write_table(old, f'{d}/int96.parquet', use_deprecated_int96_timestamps=True)
expect('int96', old)
ids = [str(uuid.UUID(int=random.getrandbits(128))) for i in range(n)]
duckdb.sql(f"copy (select unnest({ids})::uuid as id, '{{\"a\": 1}}'::json as doc, 'x'::enum('x', 'y') as e, 18446744073709551615::ubigint as u, 1::hugeint as h, interval '1 day' as i) to '{d}/duckdb.parquet'")
expect('duckdb', pa.table({'id': ids, 'doc': ['{"a": 1}'] * n, 'e': ['x'] * n, 'u': pa.array([decimal.Decimal(2**64 - 1)] * n, pa.decimal128(20, 0)), 'h': [1.0] * n, 'i': [bytes([0,0,0,0,1,0,0,0,0,0,0,0])] * n}))
p = pl.DataFrame({'cat': pl.Series(['a', 'b', None] * 100, dtype=pl.Categorical), 'list': [[1, None], [], None] * 100, 't': [datetime.time(1, 2, 3)] * n})
p.write_parquet(f'{d}/polars.parquet')
expect('polars', pa.table({'cat': ['a', 'b', None] * 100, 'list': [[1, None], [], None] * 100, 't': pa.array([datetime.time(1, 2, 3)] * n, pa.time64('us'))}))
pq.write_table(pa.table({'at': pa.array([1, 2000], pa.int64()).cast(pa.timestamp('ns'))}), f'{d}/nanos.bad', version='2.6')
pq.write_table(pa.table({'sum': pa.array([decimal.Decimal(1)], pa.decimal256(50, 0)), 'ok': [1]}), f'{d}/wide.bad')
`

func TestFilesOfOtherProgramsAreRead(t *testing.T) {
	python := services.Python(t)
	dir := t.TempDir()
	services.Script(t, python, foreignProgram, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(files) != 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			batches, err := readAll(t, data, format.ReadOptions{}, "")
			if err != nil {
				t.Fatal(err)
			}
			compareJSON(t, strings.TrimSuffix(file, ".parquet")+".jsonl", recordsOf(batches))
			rows, schema, err := Stat(t.Context(), input(data))
			if err != nil || rows != 300 || !schema.Equal(batches[0].Rows.Schema()) {
				t.Errorf("Stat: %d rows of %s, %v", rows, schema, err)
			}
		})
	}
	for name, text := range map[string]string{"nanos": "column at: 1 ns", "wide": "column sum: decimal256"} {
		data, err := os.ReadFile(filepath.Join(dir, name+".bad"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t, data, format.ReadOptions{}, ""); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), text) || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
}

func TestInt96BeyondNanosecondsIsNoDamage(t *testing.T) {
	node := schema.MustPrimitive(schema.NewPrimitiveNode("at", parquet.Repetitions.Required, parquet.Types.Int96, -1, -1))
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, schema.MustGroup(schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{node}, -1)))
	group, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	column, err := group.NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	var year9999 parquet.Int96
	binary.LittleEndian.PutUint32(year9999[8:], 2440588+2932896)
	if _, err := column.(*file.Int96ColumnChunkWriter).WriteBatch([]parquet.Int96{year9999}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, out.Bytes(), format.ReadOptions{}, ""); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.HintOf(err), "INT96") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}

// compareJSON compares recs with a file of a JSON array for each row.
func compareJSON(t *testing.T, path string, recs []arrow.RecordBatch) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for _, rec := range recs {
		for i := range int(rec.NumRows()) {
			if !lines.Scan() {
				t.Fatalf("more rows than wanted: %v", lines.Err())
			}
			row := make([]any, rec.NumCols())
			for k := range row {
				row[k] = value(rec.Column(k), i)
			}
			b, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := anyOf(t, b), anyOf(t, lines.Bytes()); !reflect.DeepEqual(got, want) {
				t.Fatalf("row %d\n got %v\nwant %v", i, got, want)
			}
		}
	}
	if lines.Scan() {
		t.Fatal("fewer rows than wanted")
	}
}

func anyOf(t *testing.T, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
