#!/bin/sh
# Installs the Debian packages that the virtual machine needs, when something of them is missing.
set -eu
. "$(dirname "$0")/../missing.sh"
need qemu-system-x86_64 qemu-system-x86
need depmod kmod
need iw iw
need cpio cpio
need xz xz-utils
need zstd zstd
if ! [ -x /bin/busybox ] || ldd /bin/busybox >/dev/null 2>&1; then missing="$missing busybox-static"; fi
install_missing
