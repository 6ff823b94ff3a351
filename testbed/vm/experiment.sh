#!/bin/sh
# In the virtual machine: the handover experiment. Its report is /out/vm.json.
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/run-experiment.sh
experiment vm.json handover --count "${COUNT:-2}" --pps 20 --ap-aging 1s
