#!/bin/sh
# Installs the Debian packages that the tests and the demonstration need, when something of them is missing.
set -eu
. "$(dirname "$0")/missing.sh"
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
install_missing
