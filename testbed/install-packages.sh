#!/bin/sh
# Installs the Debian packages that the tests and the demonstration need, when something of them is missing.
set -eu
missing=
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need hostapd hostapd
need wpa_supplicant wpasupplicant
need charon-systemd charon-systemd
need swanctl strongswan-swanctl
need pki strongswan-pki
need ip iproute2
need nft nftables
need bird bird2
need ping iputils-ping
need udhcpc udhcpc
need sysctl procps
need editcap wireshark-common
need tshark tshark
need tcpdump tcpdump
need dhclient isc-dhcp-client
need dnsmasq dnsmasq-base
need radclient freeradius-utils
need freeradius freeradius
[ -e /usr/lib/ipsec/plugins/libstrongswan-openssl.so ] || missing="$missing libstrongswan-standard-plugins"
[ -e /usr/lib/ipsec/plugins/libstrongswan-curve25519.so ] || missing="$missing libstrongswan-extra-plugins"
[ -e /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so ] || missing="$missing libcharon-extra-plugins"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages:$missing: run 'apt-get install$missing' as root, then try again" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "missing the programs of these Debian packages:$missing: install them with this system's package manager" >&2
	exit 1
fi
echo "installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the list is meant to be split
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
