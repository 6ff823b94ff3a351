#!/bin/sh
# boot.sh KERNEL OUT SCRIPT: boots the kernel that kernel.sh left in KERNEL and runs SCRIPT in it as root, with the host's files, whose /out
# is the folder OUT. Prints what SCRIPT prints and ends as it did. LIMIT is how many seconds the machine may live,
# MEMORY its megabytes, ACCEL a qemu accelerator (kvm where the machine has it; the emulation works everywhere).
set -eu
kernel=$(cd "$1" && pwd)
out=$(mkdir -p "$2" && cd "$2" && pwd)
script=$(readlink -f "$3")
rm -f "$out/vm-status"
timeout --foreground "${LIMIT:-1800}" qemu-system-x86_64 -M q35 -accel "${ACCEL:-tcg,thread=single,tb-size=512}" -cpu max -smp 1 -m "${MEMORY:-2048}" \
	-nodefaults -no-user-config -display none -serial stdio -no-reboot -net none -device virtio-rng-pci \
	-kernel "$kernel/vmlinux" -initrd "$kernel/initrd.gz" \
	-append "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off tsc=reliable nokaslr random.trust_cpu=on TREE=$kernel/root SCRIPT=$script" \
	-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
	-virtfs "local,path=$out,mount_tag=out,security_model=none,multidevs=remap" </dev/null 2>"$out/vm-qemu.log" ||
	{ echo "the virtual machine was ended after ${LIMIT:-1800} s, or did not start:" >&2; cat "$out/vm-qemu.log" >&2; exit 1; }
if ! [ -e "$out/vm-status" ]; then
	echo "the virtual machine ended before its script did" >&2
	exit 1
fi
exit "$(cat "$out/vm-status")"
