#!/bin/sh
# kernel.sh DIR: unpacks Debian's current kernel in DIR, without installing it: DIR/vmlinux, DIR/root/lib/modules, DIR/initrd.gz.
# What is there already and of the current version is kept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
exec 9>lock
flock 9 # one at a time

fail() {
	echo "kernel.sh: $*" >&2
	exit 1
}

newest() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1; }

# The payload of a bzImage, where its header says (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length).
number() { od -An -v -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
vmlinux() {
	start=$((($(number "$1" $((0x1f1)) 1) + 1) * 512 + $(number "$1" $((0x248)) 4)))
	length=$(($(number "$1" $((0x24c)) 4) - 4)) # the last four bytes are the size of what was compressed
	tail -c +$((start + 1)) "$1" | head -c "$length" >payload
	case $(od -An -t x1 -N 4 payload | tr -d ' ') in
	fd377a58) xz -dc payload ;;
	28b52ffd) zstd -dc payload ;;
	*) fail "the kernel $1 is neither compressed with xz nor with zstd" ;;
	esac >vmlinux.new
	rm payload
	mv vmlinux.new vmlinux
}

package=$(newest)
if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
	apt-get update -q >/dev/null
	package=$(newest)
fi
if [ -z "$package" ]; then
	[ -e package ] || fail "the package lists hold no linux-image-amd64: run apt-get update as root, on Debian for amd64"
	package=$(cat package)
fi
if [ "$(cat package 2>/dev/null)" != "$package" ]; then
	echo "downloading and unpacking $package"
	rm -rf root vmlinux package ./*.deb
	apt-get -q -o APT::Sandbox::User=root download "$package" >/dev/null ||
		fail "$package cannot be downloaded: run apt-get update as root, then try again"
	dpkg-deb -x "$package"_*.deb root
	rm ./*.deb
	[ -d root/lib ] || ln -s usr/lib root/lib # newer packages unpack under /usr
	version=$(ls root/lib/modules)
	depmod -b root "$version"
	vmlinux "root/boot/vmlinuz-$version"
	echo "$package" >package
fi

[ initrd.gz -nt package ] && [ initrd.gz -nt "$here/init" ] && [ initrd.gz -nt "$here/kernel.sh" ] && exit 0

# The initial file system: busybox, our init, and the modules with which it reaches the host's files.
version=$(ls root/lib/modules)
rm -rf initrd
mkdir -p initrd/bin initrd/modules
cp /bin/busybox initrd/bin/
cp "$here/init" initrd/init
chmod +x initrd/init
for module in virtio_pci 9pnet_virtio 9p overlay virtio-rng; do
	modprobe -d root -S "$version" --show-depends "$module" || fail "the kernel $version has no module $module"
done | awk '/^insmod/ && !seen[$2]++ { print $2 }' >list
while read -r file; do
	cp "$file" initrd/modules/
	basename "$file" >>initrd/modules/order
done <list
(cd initrd && find . | cpio -o -H newc --quiet | gzip -1) >initrd.gz
rm -r initrd list
