#!/bin/sh
# In the virtual machine: the handover experiment. Its report is /out/vm.json.
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/handovers.sh
handovers vm.json --count "${COUNT:-2}" --ap-aging 1s
