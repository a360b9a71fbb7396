package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gros-lake/gros/test/services"
)

// Spark reads the folder of the example, merges the schemas of all its files and finds every row once.
func TestSparkReadsTheFolder(t *testing.T) {
	python := services.Spark(t)
	dir := t.TempDir()
	must(t, dir, "", "run", example(t, "web-events.yaml"), "--set", "source.generate.rate=0")
	const program = `
import sys
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
t = spark.read.option("mergeSchema", "true").parquet(sys.argv[1])
n, ids, early = t.agg(f.count("*"), f.countDistinct("event_id"), f.min("event_timestamp")).first()
wrong = t.where("page_url <> concat('http://www.dummywebsite.com', page_url_path) or year <> year(event_timestamp)").count()
print(n, ids, early.year, dict(t.dtypes)["event_timestamp"], wrong)`
	out := services.Script(t, python, program, filepath.Join(dir, "parquet_demo_out"))
	if got := strings.TrimSpace(out); got != "100000 100000 2024 timestamp 0" {
		t.Errorf("Spark says %q", got)
	}
}
