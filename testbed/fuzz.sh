#!/bin/sh
# Runs one fuzz target with one worker: fuzz.sh GO TIME PACKAGE TARGET. 255 makes xargs stop the others too.
set -u
out=$("$1" test -run '^$' -fuzz "^$4\$" -fuzztime "$2" -parallel 1 "$3" 2>&1) || {
	printf '== %s %s\n%s\n' "$3" "$4" "$out" >&2
	exit 255
}
printf '%s %s: %s\n' "$3" "$4" "$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -1)"
