#!/bin/sh
# Runs a command with the environment variable CHROMIUM, the path of a Chromium:
#
#	sh scripts/chromium.sh make test-browser
#
# Where Chromium isn't installed, and this runs as root on Debian or the like, it is
# installed first.
set -eu

if [ -z "${CHROMIUM:-}" ] && ! CHROMIUM=$(command -v chromium); then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "chromium: install Chromium, or set CHROMIUM to the path of a browser that is made from it" >&2
		exit 1
	fi
	apt-get update -qq
	# The fonts are those that Chromium would have to do without.
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
	CHROMIUM=$(command -v chromium)
fi
export CHROMIUM
exec "$@"
