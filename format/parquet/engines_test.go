package parquet

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/test/services"
)

// value is row i of a in a form that JSON keeps exactly, the same that the Python programs make.
func value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return a.Value(i)
	case *array.Int16:
		return a.Value(i)
	case *array.Int32:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return math.Float64bits(float64(a.Value(i)))
	case *array.Float64:
		return math.Float64bits(a.Value(i))
	case *array.Decimal128:
		return a.Value(i).BigInt().String()
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return hex.EncodeToString(a.Value(i))
	case *array.Date32:
		return int32(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Dictionary:
		return value(a.Dictionary(), a.GetValueIndex(i))
	case *array.Struct:
		out := map[string]any{}
		for k, f := range a.DataType().(*arrow.StructType).Fields() {
			out[f.Name] = value(a.Field(k), i)
		}
		return out
	case *array.Map:
		out := []any{}
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			out = append(out, []any{value(a.Keys(), int(k)), value(a.Items(), int(k))})
		}
		return out
	case *array.List:
		out := []any{}
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			out = append(out, value(a.ListValues(), int(k)))
		}
		return out
	}
	panic(fmt.Sprintf("no value of %T", a))
}

// expect writes a file of a JSON array for each row of recs, in the columns of s.
func expect(t testing.TB, path string, s *arrow.Schema, recs ...arrow.RecordBatch) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e := json.NewEncoder(f)
	for _, r := range recs {
		for i := range int(r.NumRows()) {
			row := make([]any, s.NumFields())
			for k, f := range s.Fields() {
				if at := r.Schema().FieldIndices(f.Name); len(at) == 1 {
					row[k] = value(r.Column(at[0]), i)
				}
			}
			if err := e.Encode(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// pythonValues makes of an array what value makes of it here.
const pythonValues = `
import sys, json, decimal, struct, duckdb, pyarrow as pa, pyarrow.parquet as pq, pyarrow.types as pt, polars as pl, pandas as pd

def values(a):
    if isinstance(a, pa.ChunkedArray): a = a.combine_chunks() if a.num_chunks != 1 else a.chunk(0)
    t = a.type
    if pt.is_dictionary(t): a = a.dictionary_decode(); t = a.type
    if pt.is_timestamp(t) or pt.is_time(t):
        scale = 1000 if pt.is_time(t) and t.unit == 'ns' else 1 # as Polars has all times
        if t.unit != 'us' and scale == 1: raise Exception('unit of %s' % t)
        return [None if v is None else v // scale for v in a.cast(pa.int64()).to_pylist()]
    if pt.is_date32(t): return a.cast(pa.int32()).to_pylist()
    if pt.is_floating(t): return [None if v is None else struct.unpack('<Q', struct.pack('<d', v))[0] for v in a.to_pylist()]
    if pt.is_decimal(t): return [None if v is None else str(int(v.scaleb(t.scale, context=wide))) for v in a.to_pylist()]
    if pt.is_binary(t) or pt.is_large_binary(t) or pt.is_binary_view(t): return [None if v is None else v.hex() for v in a.to_pylist()]
    if pt.is_map(t) or pt.is_list(t) or pt.is_large_list(t):
        if pt.is_map(t): inner = list(map(list, zip(values(a.keys), values(a.items))))
        else: inner = values(a.values)
        if pt.is_list(t) and pt.is_struct(t.value_type) and {f.name for f in t.value_type} == {'key', 'value'}:
            inner = [[v['key'], v['value']] for v in inner]  # Polars has no maps
        o = a.offsets.to_pylist()
        return [inner[o[i]:o[i+1]] if a.is_valid()[i].as_py() else None for i in range(len(a))]
    if pt.is_struct(t):
        kids = {t.field(i).name: values(a.field(i)) for i in range(t.num_fields)}
        ok = a.is_valid().to_pylist()
        return [{k: v[i] for k, v in kids.items()} if ok[i] else None for i in range(len(a))]
    return a.to_pylist()

wide = decimal.Context(prec=60)
`

// readersProgram compares what each engine reads with what was written: every value, every bound, and filters.
const readersProgram = pythonValues + `
for file, expected in zip(sys.argv[1::2], sys.argv[2::2]):
    want = [json.loads(l) for l in open(expected)]
    db = duckdb.connect()
    db.execute("SET TimeZone='UTC'")
    tables = {
        'pyarrow': pq.read_table(file),
        'duckdb': db.sql(f"select * from '{file}'").to_arrow_table(),
        'polars': pl.read_parquet(file).to_arrow(),
        'pandas': pa.Table.from_pandas(pd.read_parquet(file, dtype_backend='pyarrow'), preserve_index=False),
    }
    for engine, t in tables.items():
        if t.num_rows != len(want): print(engine, t.num_rows, 'rows, want', len(want))
        for k, name in enumerate(t.column_names):
            got = values(t.column(k))
            for i in range(len(want)):
                if got[i] != want[i][k]:
                    print(f'{engine}: {name}[{i}] = {got[i]!r}, want {want[i][k]!r}')
                    break
    f = pq.ParquetFile(file)
    flat = [k for k in range(len(f.schema)) if '.' not in f.schema.column(k).path]
    for g in range(f.metadata.num_row_groups):
        rows = f.read_row_group(g)
        for k in flat:
            name = f.schema.column(k).path
            column = rows.column(name)
            c = f.metadata.row_group(g).column(k)
            vs = [v for v in column.to_pylist() if v is not None] if not pt.is_timestamp(column.type) else [v for v in column.cast(pa.int64()).to_pylist() if v is not None]
            if c.statistics is None or c.statistics.null_count != column.null_count: print('nulls of', name, 'in', g)
            elif any(v != v for v in vs):
                if c.statistics.has_min_max: print('bounds beside NaN of', name)
            elif c.statistics.has_min_max and vs:
                lo, hi = c.statistics.min_raw if pt.is_timestamp(column.type) else c.statistics.min, c.statistics.max_raw if pt.is_timestamp(column.type) else c.statistics.max
                if lo > min(vs) or hi < max(vs): print('bounds of', name, 'in', g, lo, hi, min(vs), max(vs))
            elif vs and not pt.is_boolean(column.type): print('no bounds of', name, 'in', g)
    for engine, got in (('duckdb', db.execute(f"select count(*) from '{file}' where f64 = 'nan'").fetchone()[0]), ('polars', pl.scan_parquet(file).filter(pl.col('f64').is_nan()).select(pl.len()).collect().item())):
        if got != sum(v != v for v in tables['pyarrow'].column('f64').to_pylist()): print(engine, got, 'rows of NaN')
    if 'text' in tables['pyarrow'].column_names:
        text = tables['pyarrow'].column('text').to_pylist()
        for w in {'', 'a', 'x', text[0]}:
            if w is None: continue
            n = sum(v == w for v in text)
            for engine, got in (('duckdb', db.execute(f"select count(*) from '{file}' where text = ?", [w]).fetchone()[0]),
                                ('polars', pl.scan_parquet(file).filter(pl.col('text') == w).select(pl.len()).collect().item()),
                                ('pyarrow', pq.read_table(file, filters=[('text', '=', w)]).num_rows)):
                if got != n: print(f'{engine}: {got} rows of {w!r}, want {n}')
print('done')
`

func TestOtherEnginesReadTheSameRows(t *testing.T) {
	python := services.Python(t)
	s := everyType()
	g := &generator{newRand(11), 5}
	encoded := dictionarySchema()
	missing := arrow.NewSchema([]arrow.Field{s.Field(11), s.Field(0)}, nil)
	// The first group has dictionaries that differ, the second plain strings, both beside batches with few columns.
	groups := [][]arrow.RecordBatch{
		{g.batch(encoded, 0, 200), g.batch(s, 200, 100), g.batch(encoded, 300, 50), g.batch(missing, 350, 20)},
		{g.batch(s, 370, 300), g.batch(missing, 670, 30)},
	}
	dir := t.TempDir()
	expected := filepath.Join(dir, "x.jsonl")
	expect(t, expected, s, append(groups[0], groups[1]...)...)
	var args []string
	for _, compression := range []string{"zstd", "snappy", "none"} {
		file := filepath.Join(dir, compression+".parquet")
		save(t, file, encodeFile(t, format.EncodeOptions{Compression: compression}, s, groups...))
		args = append(args, file, expected)
	}
	if out := services.Script(t, python, readersProgram, args...); strings.TrimSpace(out) != "done" {
		t.Error(out)
	}
}

// dictionarySchema is everyType with dictionaries wherever strings are, nested or not.
func dictionarySchema() *arrow.Schema {
	s := everyType()
	fields := s.Fields()
	for i := range fields {
		fields[i].Type = withDictionaries(fields[i].Type)
	}
	return arrow.NewSchema(fields, nil)
}

func withDictionaries(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.StringType:
		return dictionaryType
	case *arrow.StructType:
		fields := t.Fields()
		for i := range fields {
			fields[i].Type = withDictionaries(fields[i].Type)
		}
		return arrow.StructOf(fields...)
	case *arrow.ListType:
		e := t.ElemField()
		e.Type = withDictionaries(e.Type)
		return arrow.ListOfField(e)
	}
	return t
}

func TestOtherEnginesReadFilesWithoutRows(t *testing.T) {
	python := services.Python(t)
	dir := t.TempDir()
	save(t, filepath.Join(dir, "rows.parquet"), encodeFile(t, format.EncodeOptions{}, everyType()))
	save(t, filepath.Join(dir, "columns.parquet"), encodeFile(t, format.EncodeOptions{}, arrow.NewSchema(nil, nil)))
	out := services.Script(t, python, `
import sys, duckdb, pyarrow.parquet as pq, polars as pl, pandas as pd
f = sys.argv[1] + '/rows.parquet'
print(duckdb.sql(f"select * from '{f}'").fetchall(), pq.read_table(f).shape, pl.read_parquet(f).shape, pd.read_parquet(f).shape)
print(pq.read_table(sys.argv[1] + '/columns.parquet').shape) # DuckDB refuses files without columns, whoever wrote them
`, dir)
	if want := "[] (0, 22) (0, 22) (0, 22)\n(0, 0)\n"; out != want {
		t.Errorf("got %s\nwant %s", out, want)
	}
}

func TestFoldersMayGainColumns(t *testing.T) {
	python := services.Python(t)
	dir := t.TempDir()
	all := everyType()
	few := arrow.NewSchema(all.Fields()[:12], nil)
	g := &generator{newRand(5), 4}
	save(t, filepath.Join(dir, "a.parquet"), encodeFile(t, format.EncodeOptions{}, few, []arrow.RecordBatch{g.batch(few, 0, 100)}))
	save(t, filepath.Join(dir, "b.parquet"), encodeFile(t, format.EncodeOptions{}, all, []arrow.RecordBatch{g.batch(all, 100, 100)}))
	out := services.Script(t, python, `
import sys, duckdb, pyarrow.dataset as ds, pyarrow.parquet as pq, pyarrow as pa, polars as pl
d = sys.argv[1]
print(duckdb.sql(f"select count(*), sum(id), count(word) > 0 from read_parquet('{d}/*.parquet', union_by_name=true)").fetchall())
schema = pa.unify_schemas([pq.read_schema(f'{d}/{f}.parquet') for f in 'ab'])
t = ds.dataset(d, schema=schema).to_table()
print(t.num_rows, t.num_columns, sum(t['id'].to_pylist()))
p = pl.scan_parquet(d + '/*.parquet', missing_columns='insert', schema=pl.read_parquet_schema(d + '/b.parquet')).select(pl.len(), pl.col('id').sum()).collect()
print(p.rows())
`, dir)
	if want := "[(200, 19900, True)]\n200 22 19900\n[(200, 19900)]\n"; out != want {
		t.Errorf("got %s\nwant %s", out, want)
	}
}
