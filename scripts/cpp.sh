#!/bin/sh
# Runs a command where there are a C++ compiler and nlohmann/json:
#
#	sh scripts/cpp.sh make interop
#
# Where they aren't installed, and this runs as root on Debian or the like, they are
# installed first. Elsewhere the command skips C++ by name, or fails if all is required.
set -eu

if ! echo '#include <nlohmann/json.hpp>' | g++ -M -x c++ - >/dev/null 2>&1 &&
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++ nlohmann-json3-dev >/dev/null
fi
exec "$@"
