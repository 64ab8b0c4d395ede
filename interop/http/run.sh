#!/bin/sh
# Installs and runs; prints a report a line, as JSON. See README.md.
set -eu
cd "$(dirname "$0")"

skip() {
	echo "SKIP interop/http: $1" >&2
	[ "${REQUIRE_ALL:-}" = 1 ] && exit 1
	exit 0
}
for tool in node npm; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
python=${PYTHON:-python3}
"$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || skip "no PYTHON 3.11 with venv"
[ -x ../../bin/runhooks ] || skip "no bin/runhooks: run make build"

# npm writes this file last.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error >&2
if ! cmp -s requirements.txt venv/requirements.txt; then
	rm -rf venv
	"$python" -m venv venv
	venv/bin/pip install --quiet --no-deps --requirement requirements.txt >&2
	cp requirements.txt venv/
fi

rm -rf generated
mkdir generated
node mock.mjs
exec venv/bin/python fuzz.py
