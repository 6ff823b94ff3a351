#!/bin/sh
# In the virtual machine: the handover experiment with make's own programs. Its report is /out/vm.json. Handovers take a hundred times
# longer than on a real machine: fewer packets, and a pause that lets an access point finish before the next move.
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/modules.sh
cp -r bin /run/bin # whatever is built meanwhile
/run/bin/testbed run handover --bin-dir /run/bin --count "${COUNT:-2}" --pps 20 --settle 3s --ap-aging 1s --report /out/vm.json || exit 1

# What this kernel is for. The experiment would pass with the substitutes of a kernel that has none of it.
for field in '"forwarding": "ip6tnl"' '"kernel_plugin": "kernel-netlink"' '"mode": "transport"' '"mh_clear_packets": 0,' '"mih_clear_packets": 0,'; do
	grep -q "$field" /out/vm.json || { echo "the report lacks $field"; exit 1; }
done
