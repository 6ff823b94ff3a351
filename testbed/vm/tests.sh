#!/bin/bash
# In the virtual machine: the tests of what depends on the kernel, as run.sh compiled them. Their logs are in /out/vm-tests. ONLY names one.
set -o pipefail
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/modules.sh
failed=0

tests() { # package, further arguments of the test binary
	local package=$1 name=${1##*/} begun=$SECONDS
	shift
	[ "${ONLY:-$name}" = "$name" ] || return
	echo "== $package"
	if (cd "$package" && exec "/out/vm-tests/$name.test" -test.v -test.timeout 40m "$@") 2>&1 | tee "/out/vm-tests/$name.log" | grep --line-buffered '^--- '; then
		echo "== $package passed in $((SECONDS - begun)) s"
	else
		cat "/out/vm-tests/$name.log"
		echo "== $package FAILED after $((SECONDS - begun)) s"
		failed=1
	fi
}

tests security/filter
tests mobility/signaling
tests mobility/accesslink
tests security/vici
# Those on a kernel in memory see no difference here, and take long under emulation. The programs for seg6 need Linux 6.6.
tests mobility/forwarding/kernel -test.skip '^(TestGolden|TestAnyHistory.*|TestOuterHeaderProgramsFollowTheUplink)$'

# Those with radios.
modprobe mac80211_hwsim radios=6 && mount -t debugfs debugfs /sys/kernel/debug || exit 1
for package in $(cat /out/vm-tests/radio); do
	tests "$package" -test.run '^TestRadio'
done

# The testbed's tests build the daemons first, which takes minutes here: this compiler hands out what make built.
mkdir /run/compiler
printf '#!/bin/sh\nfor target; do [ -d "$target" ] && exec cp %s/bin/* "$target"; done\n' "$PWD" >/run/compiler/go
chmod +x /run/compiler/go
# Not those that count each message at the daemon: a kernel with Mobile IPv6 itself drops what is shorter than its header says.
PATH=/run/compiler:$PATH tests testbed -test.run 'Hostile|FailsClosed|Protect|LoadConnections|BetweenGateways|IPv4Transport|HandoverExperiment|AuthenticateAndMove|IPv4AddressOver|OperatorRevokes|LeavesAMobileNode|IPv4TrafficOffload' -test.skip 'Hostile.*/(cut_short|garbage)'
exit $failed
