#!/bin/sh
# Packs and installs the package, tests it in an empty project of $1, java or kotlin, and prints
# what it says of each vector. All else goes to stderr.
set -eu
cd "$(dirname "$0")"

for tool in java javac mvn; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "SKIP interop/bindings/maven: no $tool" >&2
		[ "${REQUIRE_ALL:-}" != 1 ]
		exit
	fi
done
root=$(cd ../../.. && pwd)
sh "$root/bindings/maven/install.sh"

cd "$1"
if [ "$1" = java ]; then
	sed -n '/^```java$/,/^```$/{//!p;}' "$root/bindings/maven/README.md" >src/main/java/Receiver.java
fi
VECTORS=$root/vectors
export VECTORS
mvn -q -B test dependency:build-classpath -Dmdep.outputFile=target/classpath >&2
case $1 in
java) main=Vectors ;;
kotlin) main=VectorsKt ;;
esac
exec java -cp "target/classes:$(cat target/classpath)" "$main" "$VECTORS"
