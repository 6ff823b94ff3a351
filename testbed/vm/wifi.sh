#!/bin/sh
# In the virtual machine: three mobile nodes roam over Wi-Fi (/out/wifi.json), and one whose signal fades is handed over before its
# link breaks (/out/wifi-predictive.json).
cd "$(dirname "$0")/../.." || exit 1
. testbed/vm/run-experiment.sh
mount -t debugfs debugfs /sys/kernel/debug # where the strength of signals is set
experiment wifi.json handover --wifi --count "${COUNT:-1}" --pps 20
experiment wifi-predictive.json predictive --wifi --count $((2 * ${COUNT:-1})) --pps 100
