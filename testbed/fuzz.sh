#!/bin/sh
# Runs one fuzz target with one worker: fuzz.sh GO TIME PACKAGE TARGET. 255 makes xargs stop the others too.
set -u
out=$("$1" test -run '^$' -fuzz "^$4\$" -fuzztime "$2" -parallel 1 "$3" 2>&1) || {
	# go test sometimes calls the end of its own fuzzing time a failure; a real one says which input failed.
	if ! printf '%s\n' "$out" | grep -q 'context deadline exceeded' || printf '%s\n' "$out" | grep -q 'Failing input'; then
		printf '== %s %s\n%s\n' "$3" "$4" "$out" >&2
		exit 255
	fi
}
printf '%s %s: %s\n' "$3" "$4" "$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -1)"
