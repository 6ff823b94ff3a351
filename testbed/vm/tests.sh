#!/bin/bash
# In the virtual machine: the tests of what depends on the kernel, as run.sh compiled them. Their logs are in /out/vm-tests.
set -o pipefail
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/modules.sh
failed=0

tests() { # package, further arguments of the test binary
	local package=$1 name=${1##*/} begun=$SECONDS
	shift
	echo "== $package"
	if (cd "$package" && exec "/out/vm-tests/$name.test" -test.v -test.timeout 20m "$@") 2>&1 | tee "/out/vm-tests/$name.log" | grep --line-buffered '^--- '; then
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
# Those on a kernel in memory see no difference here, and take long under emulation.
tests mobility/forwarding/kernel -test.skip '^(TestGolden|TestAnyHistory.*)$'
exit $failed
