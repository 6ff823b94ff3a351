#!/bin/sh
# Builds the Debian packages into out/packages: packaging/build.sh [ARCHITECTURE]. Two builds of one commit with one Go give the same
# files (VERSION and SOURCE_DATE_EPOCH override what is taken from the commit).
set -eu
cd "$(dirname "$0")/.."
architecture=${1:-$(dpkg --print-architecture)}
case $architecture in
armhf) export GOARCH=arm GOARM=7 ;;
i386) export GOARCH=386 ;;
*) export GOARCH="$architecture" ;;
esac
: "${GO:=go}" "${VERSION:=0~git$(TZ=UTC git log -1 --date=format-local:%Y%m%d.%H%M%S --format=%cd.%h)}" "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
out=${OUT:-out/packages}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
rm -f "$out"/*_"$architecture".deb # of earlier commits
umask 022

# program NAME FOLDER: the binary, and one for this machine that is asked for its help and completions.
program() {
	CGO_ENABLED=0 "$GO" build -trimpath -ldflags="-s -X netlmm/cmd/internal/daemon.release=$VERSION" -o "$root$2/$1" "./cmd/$1"
	GOARCH='' GOARM='' CGO_ENABLED=0 "$GO" build -trimpath -ldflags="-s -X netlmm/cmd/internal/daemon.release=$VERSION" -o "$work/host/$1" "./cmd/$1"
}

# manual NAME SECTION DESCRIPTION: a manual page around what the program says of itself.
manual() {
	folder=$root/usr/share/man/man$2
	mkdir -p "$folder"
	{
		echo ".TH $1 $2 \"\" \"netlmm $VERSION\""
		printf '.SH NAME\n%s \\- %s\n.SH USAGE\n.nf\n' "$1" "$3"
		"$work/host/$1" --help | sed 's/\\/\\e/g; s/-/\\-/g; s/^\./\\\&./'
		printf '.fi\n'
		[ "$2" = 1 ] || printf '.SH FILES\n/etc/netlmm/%s.yaml: /usr/share/doc/netlmm\\-%s/examples has every key of it\n' "$1" "$1"
		printf '.SH SEE ALSO\nnetlmmctl(1), /usr/share/doc/netlmmctl/deploy.md\n'
	} | gzip -9n >"$folder/$1.$2.gz"
}

# copyright PROGRAM: the licences of the libraries that are linked into it.
copyright() {
	printf 'netlmm, and the libraries in its programs with their licences:\n'
	"$GO" list -deps -f '{{with .Module}}{{if .Version}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "./cmd/$1" | LC_ALL=C sort -u |
		while read -r path version directory; do
			printf '\n==== %s %s\n\n' "$path" "$version"
			find "$directory" -maxdepth 1 \( -iname 'LICEN*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) | LC_ALL=C sort | xargs -r cat
		done
}

# package NAME PROGRAM DESCRIPTION: what is below $root, with the fields on standard input.
package() {
	doc=$root/usr/share/doc/$1
	mkdir -p "$doc" "$root/DEBIAN"
	copyright "$2" >"$doc/copyright"
	printf '%s (%s) unstable; urgency=medium\n\n  * Built from the repository.\n\n -- netlmm <netlmm@localhost>  %s\n' "$1" "$VERSION" \
		"$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.Debian.gz"
	{
		printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: netlmm <netlmm@localhost>\nSection: net\nPriority: optional\n' "$1" "$VERSION" "$architecture"
		printf 'Installed-Size: %s\n' "$(find "$root" -type f ! -path '*/DEBIAN/*' -printf '%s\n' | awk '{ n += $1 } END { print int(n / 1024) + 1 }')"
		cat
		printf 'Description: %s\n netlmm lets hosts roam between access points behind different routers and keep their addresses:\n Proxy Mobile IPv6 (RFC 5213) driven by IEEE 802.21 link events, under IPsec.\n' "$3"
	} >"$root/DEBIAN/control"
	(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
	dpkg-deb --root-owner-group -Zxz -z3 --build "$root" "$out/$1_${VERSION}_$architecture.deb"
}

# daemon NAME DESCRIPTION EXAMPLE...: fields on standard input.
daemon() {
	name=$1 description=$2 root=$work/netlmm-$1
	shift 2
	examples=$root/usr/share/doc/netlmm-$name/examples
	mkdir -p "$root/usr/lib/systemd/system" "$examples" "$root/DEBIAN"
	install -d -m 750 "$root/etc/netlmm"
	program "$name" /usr/sbin
	manual "$name" 8 "$description"
	install -m 644 "packaging/netlmm-$name.service" "$root/usr/lib/systemd/system/"
	for example; do
		install -D -m 644 "configs/examples/$example" "$examples/$example"
	done
	for script in postinst prerm postrm; do
		sed "s/@DAEMON@/$name/g" "packaging/$script" >"$root/DEBIAN/$script"
		chmod 755 "$root/DEBIAN/$script"
	done
	package "netlmm-$name" "$name" "$description"
}

# netbase: charon reads names of protocols.
ipsec='netbase, charon-systemd, strongswan-swanctl, libstrongswan-standard-plugins'

campus=$(cd configs/examples && ls campus/*)
# shellcheck disable=SC2086 # the list is meant to be split
daemon magd 'Mobile Access Gateway of Proxy Mobile IPv6' magd.yaml magd-swanctl.conf strongswan.conf $campus <<E2
Depends: $ipsec
Recommends: netlmmctl, strongswan-pki, systemd-timesyncd | time-daemon
Suggests: hostapd, nftables
E2
daemon lmad 'Local Mobility Anchor of Proxy Mobile IPv6' lmad.yaml lmad-swanctl.conf lmad-bird.conf strongswan.conf <<E2
Depends: $ipsec
Recommends: netlmmctl, strongswan-pki, systemd-timesyncd | time-daemon
Suggests: bird2, nftables
E2
daemon mihd 'MIH Function of IEEE 802.21 for access points without a gateway' mihd.yaml mihd-swanctl.conf strongswan.conf <<E2
Depends: $ipsec
Recommends: netlmmctl
Suggests: hostapd, nftables
E2

root=$work/netlmmctl
program netlmmctl /usr/bin
manual netlmmctl 1 'ask a netlmm daemon what it is doing'
complete() {
	mkdir -p "$root/$(dirname "$2")"
	"$work/host/netlmmctl" completion "$1" >"$root/$2"
}
complete bash usr/share/bash-completion/completions/netlmmctl
complete zsh usr/share/zsh/vendor-completions/_netlmmctl
complete fish usr/share/fish/vendor_completions.d/netlmmctl.fish
mkdir -p "$root/usr/share/doc/netlmmctl"
install -m 644 docs/deploy.md "$root/usr/share/doc/netlmmctl/"
package netlmmctl netlmmctl 'operator command of the netlmm daemons' </dev/null
