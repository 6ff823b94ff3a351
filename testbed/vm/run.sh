#!/bin/sh
# run.sh SCRIPT [OUT]: runs testbed/vm/SCRIPT.sh (experiment, wifi or tests) on a stock Debian kernel in a virtual machine. Results appear in
# OUT, by default out, and what the machine printed in OUT/vm-console.log. The unpacked kernel is kept in KERNEL_CACHE, for other checkouts too.
# run.sh deps: only what the machine needs.
set -eu
cd "$(dirname "$0")/../.."
script=testbed/vm/$1.sh
out=${2:-out}
cache=${KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netlmm-vm}
sh testbed/vm/packages.sh
sh testbed/vm/kernel.sh "$cache"
[ "$1" = deps ] && exit
mkdir -p "$out/vm-tests"
if [ "$1" = tests ]; then
	${GO:-go} test -c -o "$out/vm-tests/" ./mobility/forwarding/kernel ./mobility/signaling ./mobility/accesslink ./security/filter ./security/vici ./testbed
	# Tests that want radios have the build tag hwsim, and names that begin with TestRadio.
	grep -rl --include='*_test.go' '^//go:build hwsim' ap-adapters | xargs -n 1 dirname | sort -u >"$out/vm-tests/radio"
	sed 's,^,./,' "$out/vm-tests/radio" | xargs ${GO:-go} test -c -tags hwsim -o "$out/vm-tests/"
fi
echo "booting $(cat "$cache/package") under qemu"
exec sh testbed/vm/boot.sh "$cache" "$out" "$script"
