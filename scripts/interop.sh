#!/bin/sh
# Runs a command where there are the toolchains of interop/ that Debian has: g++ with
# nlohmann/json, PHP with mbstring, and Ruby:
#
#	sh scripts/interop.sh make interop
#
# Where they aren't installed, and this runs as root on Debian or the like, they are
# installed first. Elsewhere the command skips their languages by name, or fails if all
# are required.
set -eu

missing=
echo '#include <nlohmann/json.hpp>' | g++ -M -x c++ - >/dev/null 2>&1 || missing="g++ nlohmann-json3-dev"
php -r 'exit(extension_loaded("mbstring") ? 0 : 1);' 2>/dev/null || missing="$missing php-cli php-mbstring"
command -v ruby >/dev/null || missing="$missing ruby"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	apt-get update -qq
	# It is a list of packages.
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
exec "$@"
