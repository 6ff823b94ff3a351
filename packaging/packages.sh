#!/bin/sh
# Installs the Debian packages that the test of ours needs, when something of them is missing.
set -eu
missing=
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need mmdebstrap mmdebstrap
need systemd-nspawn systemd-container
need nsenter util-linux
need dpkg-deb dpkg
need ip iproute2
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages:$missing: run 'apt-get install$missing' as root, then try again" >&2
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
