#!/bin/sh
# What the virtual machine does: the Go tests of what differs by kernel, then the experiment. Its report is /out/vm.json.
cd "$(dirname "$0")/../.." || exit 1
failed=0
step() { # name, command...
	name=$1
	shift
	echo "== $name"
	"$@" || { echo "== $name FAILED"; failed=1; }
}

ip link set lo up
# The algorithms of ESP too: charon asks for them with a deadline of its own, and here loading one takes a while.
modprobe -a ip6_tunnel esp6 xfrm_user veth bridge nf_tables gcm ctr ghash-clmulni-intel seqiv echainiv || failed=1

for test in mobility/forwarding/kernel security/filter mobility/signaling mobility/accesslink security/vici; do
	step "$test" sh -c "cd $test && /out/tests/$(basename $test).test -test.timeout 10m"
done
step "testbed run handover" bin/testbed run handover --count 2 --pps 20 --settle 3s --ap-aging 1s --report /out/vm.json
exit $failed
