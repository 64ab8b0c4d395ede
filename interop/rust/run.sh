#!/bin/sh
# Generates, compiles and runs; prints reports, one a line.
set -eu
cd "$(dirname "$0")"

if ! command -v cargo >/dev/null; then
	echo 'SKIP interop/rust: no cargo' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi

rm -rf generated
mkdir generated

# What is generated is compiled into vectors, so it has to be there first.
cargo build --locked --quiet --jobs 1 --package generate >&2
target/debug/generate generated
cargo build --locked --quiet --jobs 1 --package vectors --message-format json >generated/cargo.json || {
	cat generated/cargo.json >&2
	exit 1
}
target/debug/vectors <generated/cargo.json

# The receiver of the guide, with the crate from its pack.
sh ../bindings/crates/build.sh
