#!/bin/sh
# Builds the wheel into the folder $1: the sources, runhooks.wasm of "make wasm", and the
# licence. PYTHON needs pip, and setuptools 77 or newer.
set -eu
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
cp ../wasm/runhooks.wasm src/runhooks/
cp ../../LICENSE .
rm -rf build
exec "${PYTHON:-python3}" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$out" .
