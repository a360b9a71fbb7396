#!/bin/sh
# The main job, shown: make demo.
set -eu
gros=$1
out=parquet_demo_out
if [ ! -t 1 ]; then
  COLUMNS=${COLUMNS:-80} # so that a log of this stays readable
  export COLUMNS
fi
say() {
  if [ -t 1 ]; then printf '\n\033[1m$ %s\033[0m\n' "$*"; else printf '\n$ %s\n' "$*"; fi
}

if [ -e "$out" ]; then
  echo "$out is there from before: the pipeline goes on where its log stands. Remove it to begin anew."
fi
say gros run examples/web-events.yaml
"$gros" run examples/web-events.yaml
say gros ls $out/
"$gros" ls $out/
say gros log $out/
"$gros" log $out/
say gros cat $out/ -n 5
"$gros" cat $out/ -n 5
say gros verify $out/
"$gros" verify $out/
cat <<END

Now try:
  $gros rejects ls $out/
  $gros schema $out/
  duckdb -c "select page_url_path, count(*) from read_parquet('$out/*/*/*/*/*.parquet', hive_partitioning = true) group by 1 order by 2 desc"
END
