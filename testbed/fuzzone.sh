#!/bin/sh
# Of fuzz.sh: fuzzone.sh build PACKAGE, and fuzzone.sh fuzz TIME PACKAGE TARGET. 255 makes xargs stop the others too.
set -u
case $1 in
build)
	binary=$FUZZBINARIES/$(printf %s "$2" | tr / _)
	"$GO" test -vet=off -c -fuzz . -o "$binary" "$2" || exit 255
	exit 0
	;;
esac
binary=$FUZZBINARIES/$(printf %s "$3" | tr / _)
corpus=$("$GO" env GOCACHE)/fuzz/$("$GO" list "$3") # where go test -fuzz keeps what it found worth keeping, too
out=$(cd "$3" && "$binary" -test.run '^$' -test.fuzz "^$4\$" -test.fuzztime "$2" -test.fuzzcachedir "$corpus" -test.parallel 1 -test.timeout 0 2>&1) || {
	# A test binary sometimes calls the end of its own fuzzing time a failure; a real one says which input failed.
	if ! printf '%s\n' "$out" | grep -q 'context deadline exceeded' || printf '%s\n' "$out" | grep -q 'Failing input'; then
		printf '== %s %s\n%s\n' "$3" "$4" "$out" >&2
		exit 255
	fi
}
printf '%s %s: %s\n' "$3" "$4" "$(printf '%s\n' "$out" | grep -o 'execs: [0-9]*' | tail -1)"
