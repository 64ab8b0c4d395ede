#!/bin/sh
# Starts the receiver of docs/languages/rust.md, which run.sh has built, on PORT.
set -eu
cd "$(dirname "$0")"
ADDRESS=127.0.0.1:$PORT exec ../bindings/crates/target/debug/receiver
