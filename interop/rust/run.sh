#!/bin/sh
# Generates, compiles and runs; prints result rows, as NDJSON.
set -eu
cd "$(dirname "$0")"

if ! command -v cargo >/dev/null; then
	echo 'SKIP interop/rust: no CARGO' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi

dist=../../openapi/dist
rm -rf generated
mkdir generated
cp "$dist/receiver-3.0.json" "$dist/json-schema-2020-12/observed-run-event.json" receiver/

# What is generated is compiled into the matrix, so it has to be there first.
cargo build --locked --quiet --jobs 1 --package generate >&2
target/debug/generate generated
cargo build --locked --quiet --jobs 1 --package matrix --package receiver >&2
RUNHOOKS=${RUNHOOKS:-../../bin/runhooks}
export RUNHOOKS
exec target/debug/matrix target/debug/receiver
