#!/bin/sh
# Builds the project with the crate from its pack, tests the crate there, and prints what it
# says of each vector. All else goes to stderr.
set -eu
cd "$(dirname "$0")"

if ! command -v cargo >/dev/null; then
	echo 'SKIP interop/bindings/crates: no cargo' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi
sh build.sh
cargo test --locked --quiet --jobs 1 --test package >&2
exec target/debug/vectors ../../../vectors
