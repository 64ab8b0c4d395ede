#!/bin/sh
# Packs the package, and installs it into Maven's local repository, unless the same is there.
set -eu
cd "$(dirname "$0")"

[ -e ../wasm/runhooks.wasm ] || make -C ../.. wasm >&2
schema=../../openapi/dist/json-schema-2020-12/canonical-run-event.json
newer() { find pom.xml src ../wasm/runhooks.wasm "$schema" -newer "$1" | head -n 1; }
mkdir -p target
[ -e target/repository ] || mvn -q -B help:evaluate -Dexpression=settings.localRepository -Doutput=target/repository >&2
installed=$(cat target/repository)/io/github/runhooks/runhooks/0.0.0/runhooks-0.0.0.jar
if ! cmp -s target/runhooks-0.0.0.jar "$installed" || [ -n "$(newer target/runhooks-0.0.0.jar)" ]; then
	mvn -q -B install >&2
fi
