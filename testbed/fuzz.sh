#!/bin/sh
# Fuzzes every target for TIME with one worker, JOBS at a time: fuzz.sh TIME JOBS. The test binary of a package is built once for all its
# targets, before any of them is fuzzed.
set -eu
: "${GO:=go}"
export GO
FUZZBINARIES=$(mktemp -d)
export FUZZBINARIES
trap 'rm -rf "$FUZZBINARIES"' EXIT
targets=$(grep -rE --include='*_test.go' '^func Fuzz' . | sed -E 's,^(.*)/[^/]*:func (Fuzz[A-Za-z0-9]*).*,\1 \2,')
printf '%s\n' "$targets" | cut -d ' ' -f 1 | sort -u | xargs -P "$(nproc)" -L 1 sh testbed/fuzzone.sh build
printf '%s\n' "$targets" | xargs -P "$2" -L 1 sh testbed/fuzzone.sh fuzz "$1"
