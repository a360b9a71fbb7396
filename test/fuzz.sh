#!/bin/sh
# Runs every fuzz test of the tree in turn, each for FUZZTIME (1m): make soak.
set -eu
cd "$(dirname "$0")/.."
for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
  for name in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u); do
    echo "fuzz ./$dir $name ${FUZZTIME:-1m}"
    go test "./$dir" -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-1m}"
  done
done
