#!/bin/sh
# Prints where a fresh Debian stands that the packages can be tried on, and builds it when there is none yet, or only one of more
# than a week ago: the release of this machine, from where this machine's apt gets it, with systemd, and with nothing of what the
# packages depend on. That is in its apt cache, so that `apt-get install` finds it without a network.
set -eu
cd "$(dirname "$0")"
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/netlmm
root=$cache/debian-$release-$(sha256sum <root.sh | cut -c1-12)
fresh() { [ -n "$(find "$root.built" -mtime -7 2>/dev/null)" ]; }

build() {
	rm -rf "$root"
	apt-get update
	sources=$(apt-get indextargets --format '$(SOURCESENTRY)' 'Origin: Debian' | sed 's/:[0-9]*$//' | sort -u)
	needed='charon-systemd strongswan-swanctl strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins libcharon-extra-plugins libcharon-extauth-plugins
		netbase hostapd wpasupplicant bird2 systemd-timesyncd'
	# shellcheck disable=SC2086 # the list is meant to be split
	mmdebstrap --variant=minbase --aptopt='Acquire::Languages "none"' --skip=cleanup/apt \
		--include=systemd,systemd-sysv,dbus,udev,iproute2,iputils-ping,nftables,procps,init-system-helpers \
		--customize-hook="chroot \"\$1\" apt-get install -y --download-only $(echo $needed)" \
		--customize-hook='rm -f "$1/etc/resolv.conf"' "$release" "$root" $sources
	touch "$root.built"
}

mkdir -p "$cache"
if ! fresh; then
	exec 9>"$cache/lock"
	flock 9 # somebody else may be building it
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	if ! fresh && ! build >"$log" 2>&1; then
		cat "$log" >&2
		exit 1
	fi
fi
echo "$root"
