#!/bin/sh
# Makes the fixture commit-record anew, when records have changed: sh make.sh path/to/gros
set -eu
gros=$(realpath "$1")
cd "$(dirname "$0")"
rm -rf commit-record
trap 'rm -f first.yaml' EXIT
grep -v -e '^stages' -e 'ms / 2' shop.yaml > first.yaml
"$gros" run first.yaml
rm "$(find commit-record -name '*.jsonl' | head -n 1)" # as if the store had lost it
"$gros" run shop.yaml
rmdir commit-record/_gros/events/staged
