#!/bin/sh
# Packs the crate, unpacks it into the project, and builds the receiver of docs/languages/rust.md,
# which interop/rust starts, with it.
set -eu
cd "$(dirname "$0")"

root=$(cd ../../.. && pwd)
crate=$root/bindings/crates
[ -e "$root/bindings/wasm/runhooks.wasm" ] || make -C "$root" wasm >&2

mkdir -p generated
sh types.sh "$crate/src/event.rs" >&2

# Cargo compiles anew what was unpacked anew, so that is done only for another pack.
sh "$crate/pack.sh" generated >&2
if ! cmp -s generated/package/runhooks-*.crate generated/unpacked.crate; then
	rm -rf generated/runhooks
	mkdir generated/runhooks
	tar -xzmf generated/package/runhooks-*.crate -C generated/runhooks --strip-components 1
	cp generated/package/runhooks-*.crate generated/unpacked.crate
fi
sed -n '/^```rust/,/^```$/{//!p;}' "$crate/README.md" >generated/readme.rs

exec cargo build --locked --quiet --jobs 1 --bin receiver >&2
