#!/bin/sh
# Generates, compiles and runs; prints a report a line, as JSON. See README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

for tool in java javac mvn; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "SKIP interop/kotlin: no $tool" >&2
		if [ "${REQUIRE_ALL:-}" = 1 ]; then
			exit 1
		fi
		exit 0
	fi
done
if [ -z "${SERVICE_URL:-}" ]; then
	echo 'SKIP interop/kotlin: no SERVICE_URL for clients to call' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
fi

mvn -q -B -f "$here/pom.xml" compile dependency:build-classpath -Dmdep.outputFile="$here/target/classpath" >&2
sh "$root/bindings/maven/install.sh"
mvn -q -B -f "$here/receiver/pom.xml" package >&2

rm -rf "$here/generated"
exec java -cp "$here/target/classes:$(cat "$here/target/classpath")" \
	-Dorg.slf4j.simpleLogger.defaultLogLevel=error \
	io.github.runhooks.interop.MainKt "$root" "$here/probes" "$here/generated"
