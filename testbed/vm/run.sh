#!/bin/sh
# run.sh OUT: runs the product and its tests on a stock Debian kernel, in a virtual machine. The tests' binaries and every output are in OUT.
# The unpacked kernel is kept in KERNEL_CACHE, of another checkout too.
set -eu
cd "$(dirname "$0")/../.."
out=$1
cache=${KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netlmm-vm}
sh testbed/vm/packages.sh
testbed/vm/kernel.sh "$cache"

# What differs by kernel.
mkdir -p "$out/tests"
${GO:-go} test -c -o "$out/tests/" ./mobility/forwarding/kernel ./mobility/signaling ./mobility/accesslink ./security/filter ./security/vici

rm -f "$out/vm.json"
COUNT=${COUNT:-2} exec testbed/vm/boot.sh "$cache" "$out" testbed/vm/guest.sh
