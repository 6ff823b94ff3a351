#!/bin/bash
# What the virtual machine does: the tests of what depends on the kernel, then the experiment. /out receives their logs and the report vm.json.
set -o pipefail
cd "$(dirname "$0")/../.." || exit 1
failed=0

step() { # name, command...
	local name=$1 begun=$SECONDS
	shift
	echo "== $name"
	"$@" || { failed=1; echo "== $name FAILED after $((SECONDS - begun)) s"; return; }
	echo "== $name passed in $((SECONDS - begun)) s"
}

tests() { # package, further arguments of the test binary
	local name=${1##*/}
	(cd "$1" && shift && exec "/out/tests/$name.test" -test.v -test.timeout 15m "$@") 2>&1 | tee "/out/$name.log" | grep --line-buffered '^--- ' ||
		{ cat "/out/$name.log"; return 1; }
}

ip link set lo up
# Also the algorithms of ESP: charon asks for them while an exchange waits for its answer.
modprobe -a ip6_tunnel esp6 xfrm_user veth bridge nf_tables gcm ctr ghash seqiv echainiv || exit 1

# Tests on a kernel in memory are left out: they see no difference here, and take long under emulation.
step mobility/forwarding/kernel tests mobility/forwarding/kernel -test.skip '^(TestGolden|TestAnyHistory.*)$'
step security/filter tests security/filter
step mobility/signaling tests mobility/signaling
step mobility/accesslink tests mobility/accesslink
step security/vici tests security/vici
step "testbed run handover" bin/testbed run handover --count "${COUNT:-2}" --pps 20 --settle 3s --ap-aging 1s --report /out/vm.json
exit $failed
