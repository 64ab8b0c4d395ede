#!/bin/sh
# Installs, generates, compiles and runs; prints result rows, as NDJSON.
set -eu
cd "$(dirname "$0")"

python=${PYTHON:-python3}
if ! "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	echo 'SKIP interop/python: no PYTHON 3.11 with venv' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi

RUNHOOKS=${RUNHOOKS:-../../bin/runhooks}
if ! [ -x "$RUNHOOKS" ]; then
	echo "interop/python: there is no $RUNHOOKS: run make build in the repository's root" >&2
	exit 2
fi

if ! cmp -s requirements.txt venv/requirements.txt; then
	rm -rf venv
	"$python" -m venv venv
	venv/bin/pip install --quiet --no-deps --requirement requirements.txt >&2
	cp requirements.txt venv/
fi

rm -rf generated
mkdir generated
PATH=$PWD/venv/bin:$PATH
export PATH RUNHOOKS
exec python interop.py
