#!/bin/sh
# In the virtual machine: the handover experiment with make's own programs. Its report is /out/vm.json. Handovers take a hundred times
# longer than on a real machine: fewer packets, and a pause that lets an access point finish before the next move.
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/modules.sh
cp -r bin /run/bin # whatever is built meanwhile
exec /run/bin/testbed run handover --bin-dir /run/bin --count "${COUNT:-2}" --pps 20 --settle 3s --ap-aging 1s --report /out/vm.json
