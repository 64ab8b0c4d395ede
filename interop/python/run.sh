#!/bin/sh
# Installs, generates, checks types and runs; prints reports, as NDJSON.
set -eu
cd "$(dirname "$0")"

python=${PYTHON:-python3}
if ! "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	echo 'SKIP interop/python: no PYTHON 3.11 with venv' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi
if [ -z "${SERVICE_URL:-}" ]; then
	echo 'SKIP interop/python: no SERVICE_URL for clients to call' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
fi

if ! cmp -s requirements.txt venv/requirements.txt; then
	rm -rf venv
	"$python" -m venv venv
	venv/bin/pip install --quiet --no-deps --requirement requirements.txt >&2
	cp requirements.txt venv/
fi
PATH=$PWD/venv/bin:$PATH
export PATH

rm -rf generated
mkdir generated

# The receiver, as serve.sh starts it.
cp ../../openapi/dist/json-schema-2020-12/observed-run-event.json receiver/
sh receiver/generate.sh ../../openapi/dist/webhooks.yaml receiver/events.py >&2
(cd receiver && exec mypy --strict --cache-dir ../generated/mypy app.py >&2)

exec python interop.py
