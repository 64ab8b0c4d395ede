#!/bin/sh
# Generates, compiles and runs; prints reports, one a line.
set -eu
cd "$(dirname "$0")"

if ! command -v cargo >/dev/null; then
	echo 'SKIP interop/rust: no cargo' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi

dist=../../openapi/dist
rm -rf generated
mkdir generated
cp "$dist/receiver-3.0.json" "$dist/json-schema-2020-12/observed-run-event.json" receiver/

# What is generated is compiled into vectors, so it has to be there first.
cargo build --locked --quiet --jobs 1 --package generate >&2
target/debug/generate generated
cargo build --locked --quiet --jobs 1 --package vectors --message-format json >generated/cargo.json || {
	cat generated/cargo.json >&2
	exit 1
}
target/debug/vectors <generated/cargo.json

# On its own, so that it has the features of its Cargo.toml and none of others.
cargo build --locked --quiet --jobs 1 --package receiver >&2
