#!/bin/sh
# In the virtual machine: the handover experiment over Wi-Fi, with three mobile nodes that roam. Its report is /out/wifi.json.
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/handovers.sh
handovers wifi.json --wifi --count "${COUNT:-1}"
