package parquet

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/test/services"
)

// Spark's vectorised reader and its plain one must both read the encodings that are written.
func TestSparkReadsTheSameRows(t *testing.T) {
	if os.Getenv("GROS_SOAK") == "" {
		t.Skip("SKIPPED: starting Spark takes long; set GROS_SOAK=1")
	}
	python := services.Spark(t)
	dir := t.TempDir()
	s := withoutTimes(everyType()) // for which Spark has no type
	g := &generator{newRand(21), 5}
	recs := []arrow.RecordBatch{g.batch(s, 0, 20_000), g.batch(withoutTimes(dictionarySchema()), 20_000, 20_000)}
	file := filepath.Join(dir, "x.parquet")
	save(t, file, encodeFile(t, format.EncodeOptions{}, s, recs, recs[:1]))
	expect(t, filepath.Join(dir, "x.jsonl"), s, recs[0], recs[1], recs[0])
	out := services.Script(t, python, `
import sys, json
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').config('spark.sql.session.timeZone', 'UTC').config('spark.sql.parquet.datetimeRebaseModeInRead', 'CORRECTED').config('spark.driver.memory', '1g').getOrCreate()
want = [json.loads(l) for l in open(sys.argv[2])]
columns = ['id', 'flag', 'i8', 'i16', 'i32', 'i64', 'text', 'word']
for vectorised in 'true', 'false':
    spark.conf.set('spark.sql.parquet.enableVectorizedReader', vectorised)
    d = spark.read.parquet(sys.argv[1])
    names = d.columns
    got = d.select(*columns, F.unix_micros('ts'), F.unix_date('day'), F.regexp_replace(F.col('d18').cast('string'), '[.]', '').cast('decimal(38,0)').cast('string'), F.size('list'), 'deep.name').collect()
    if len(got) != len(want): print(len(got), 'rows')
    for g, w in zip(got, want):
        w = dict(zip(names, w))
        x = [w[c] for c in columns] + [w['ts'], w['day'], w['d18'], -1 if w['list'] is None else len(w['list']), w['deep'] and w['deep']['name']]
        if list(g) != x: print(vectorised, list(g), x); break
    print(d.where("text = ''").count() == sum(w[names.index('text')] == '' for w in want), d.selectExpr('count(deeps)', 'count(map)', 'count(naive)').collect()[0][2] > 0)
print(dict(d.dtypes)['ts'], dict(d.dtypes)['naive'])
`, file, filepath.Join(dir, "x.jsonl"))
	if want := "True True\nTrue True\ntimestamp timestamp_ntz\n"; out != want {
		t.Errorf("got %s\nwant %s", strings.TrimSpace(out), want)
	}
}

func withoutTimes(s *arrow.Schema) *arrow.Schema {
	fields := slices.DeleteFunc(s.Fields(), func(f arrow.Field) bool { return f.Type.ID() == arrow.TIME64 })
	return arrow.NewSchema(fields, nil)
}
