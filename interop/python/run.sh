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

# The receiver, as serve.sh starts it, with the package that it installs.
module=../../bindings/wasm/runhooks.wasm
[ -e "$module" ] || make -C ../.. wasm >&2
mkdir generated/wheel
PYTHON=python sh ../../bindings/pypi/pack.sh generated/wheel >&2
pip install --quiet --no-deps --no-index --force-reinstall generated/wheel/*.whl >&2
(cd receiver && exec mypy --strict --cache-dir ../generated/mypy app.py >&2)

# The models of the documented events, which validators.py tries.
sh generate.sh ../../openapi/dist/webhooks.yaml events.py >&2

# The receiver of canonical events, as rows.sh starts it.
sh generate.sh ../../openapi/dist/json-schema-2020-12/canonical-run-event.json rows/events.py --input-file-type jsonschema >&2
(cd rows && exec mypy --strict --cache-dir ../generated/mypy app.py >&2)

exec python interop.py
