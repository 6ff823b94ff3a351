# shellcheck shell=sh
# Sourced by the scripts that install Debian packages: they say what they need, and then install_missing installs what is missing of it.
missing=
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }

install_missing() {
	[ -z "$missing" ] && return 0
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
}
