#!/bin/sh
# boot.sh KERNEL OUT SCRIPT: boots the kernel that kernel.sh left in KERNEL and runs SCRIPT in it as root, with the host's files, whose /out
# is the folder OUT. Prints what SCRIPT prints, keeps it in OUT/vm-console.log, and ends as it did. From the environment: LIMIT, the seconds that the machine may live;
# MEMORY, its megabytes; ACCEL, a qemu accelerator (kvm where the machine has it; the emulation works everywhere); COUNT and ONLY for SCRIPT.
set -eu
kernel=$(cd "$1" && pwd)
out=$(mkdir -p "$2" && cd "$2" && pwd)
script=$(readlink -f "$3")
limit=${LIMIT:-5400}
rm -f "$out/vm-status"

console="$out/vm-console.log"
set -- -M q35 -accel "${ACCEL:-tcg,thread=single,tb-size=512}" -cpu max -smp 1 -m "${MEMORY:-2048}"
# The time of an emulated machine is that of what it executes: what its host's other work holds up comes late for nobody inside.
[ -n "${ACCEL:-}" ] || set -- "$@" -icount shift=1,sleep=on
set -- "$@" -nodefaults -no-user-config -display none -chardev "stdio,id=console,signal=off,logfile=$console" -serial chardev:console -no-reboot -net none -device virtio-rng-pci
set -- "$@" -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap
set -- "$@" -virtfs "local,path=$out,mount_tag=out,security_model=none,multidevs=remap"
# the kernel hands what it does not know, and has an equals sign, to init as environment
parameters="console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off tsc=reliable nokaslr random.trust_cpu=on"
parameters="$parameters TREE=$kernel/root SCRIPT=$script${COUNT:+ COUNT=$COUNT}${ONLY:+ ONLY=$ONLY}"
if ! timeout --foreground "$limit" qemu-system-x86_64 "$@" -kernel "$kernel/vmlinux" -initrd "$kernel/initrd.gz" -append "$parameters" \
	</dev/null 2>"$out/vm-qemu.log"; then
	echo "the virtual machine did not start, or was ended after $limit s:" >&2
	cat "$out/vm-qemu.log" >&2
	echo "what it printed until then is in $console" >&2
	exit 1
fi
if ! [ -e "$out/vm-status" ]; then
	echo "the virtual machine ended before its script did; what it printed is in $console" >&2
	exit 1
fi
status=$(cat "$out/vm-status")
[ "$status" = 0 ] || echo "$(basename "$script") failed in the virtual machine ($status); what that printed is in $console" >&2
exit "$status"
