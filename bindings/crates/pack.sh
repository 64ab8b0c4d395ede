#!/bin/sh
# Packs the crate into the folder $1: the sources, runhooks.wasm of "make wasm", and the
# licence.
set -eu
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
cp ../wasm/runhooks.wasm src/
cp ../../LICENSE .
exec cargo package --quiet --allow-dirty --no-verify --exclude-lockfile --target-dir "$out"
