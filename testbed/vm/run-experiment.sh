# Sourced in the virtual machine: experiment REPORT NAME FLAGS... runs one of the testbed's with make's own programs. What is emulated is
# slow: fewer packets, and a pause that lets an access point finish before the next move.
. testbed/vm/modules.sh
cp -r bin /run/bin # whatever is built meanwhile

experiment() {
	report=/out/$1
	shift
	/run/bin/testbed run "$@" --bin-dir /run/bin --settle 3s --report "$report" || exit 1

	# What this kernel is for. The experiment would pass with the substitutes of a kernel that has none of it.
	for field in '"forwarding": "ip6tnl"' '"kernel_plugin": "kernel-netlink"' '"mode": "transport"' '"mh_clear_packets": 0,' '"mih_clear_packets": 0,'; do
		grep -q "$field" "$report" || { echo "the report lacks $field"; exit 1; }
	done
}
