#!/bin/sh
# Runs the command line of openapi-generator, in the version that java/pom.xml has:
#
#	sh openapi-generator.sh generate -g php …
#
# It needs a JRE and Maven, which installs it.
set -eu

java=$(cd "$(dirname "$0")/java" && pwd)
version=$(sed -n '/<artifactId>openapi-generator</{n;s/.*<version>\(.*\)<.*/\1/p;}' "$java/pom.xml")
jar=$java/target/openapi-generator-cli-$version.jar
[ -e "$jar" ] || mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy \
	-Dartifact="org.openapitools:openapi-generator-cli:$version" -DoutputDirectory="$java/target" >&2
# It logs each file that it writes, and asks for donations.
log=$(mktemp)
java -XX:TieredStopAtLevel=1 -Dlog.level=error -jar "$jar" "$@" >"$log" 2>&1 || {
	cat "$log" >&2
	rm "$log"
	exit 1
}
rm "$log"
