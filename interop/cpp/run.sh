#!/bin/sh
# Generates, compiles and runs; prints a report a line, as JSON. See README.md.
set -eu
cd "$(dirname "$0")"

skip() {
	echo "SKIP interop/cpp: $1" >&2
	[ "${REQUIRE_ALL:-}" = 1 ] && exit 1
	exit 0
}
for tool in g++ node npm; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
echo '#include <nlohmann/json.hpp>' | g++ -M -x c++ - >/dev/null 2>&1 || skip "no nlohmann/json"
python=${PYTHON:-python3}
"$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || skip "no PYTHON 3.11 with venv"

# quicktype is the one of TypeScript.
[ ../typescript/node_modules/.package-lock.json -nt ../typescript/package-lock.json ] ||
	npm --prefix ../typescript ci --loglevel=error >&2

# Sourcemeta's validator is a program that pip installs.
if ! cmp -s requirements.txt venv/requirements.txt; then
	rm -rf venv
	"$python" -m venv venv
	venv/bin/pip install --quiet --no-deps --requirement requirements.txt >&2
	cp requirements.txt venv/
fi
venv/bin/python validate.py

rm -rf generated
mkdir generated
version=$(node generate.mjs generated/events.hpp)
g++ -std=c++17 -O0 -Wall -Wextra -o generated/main main.cpp 2>generated/warnings || {
	cat generated/warnings >&2
	exit 1
}
exec generated/main "$version" generated/warnings
