#!/bin/sh
# Installs the Debian packages that the test of ours needs, when something of them is missing.
set -eu
. "$(dirname "$0")/../testbed/missing.sh"
need mmdebstrap mmdebstrap
need systemd-nspawn systemd-container
need nsenter util-linux
need dpkg-deb dpkg
need ip iproute2
need nft nftables
install_missing
