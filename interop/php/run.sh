#!/bin/sh
# Generates and runs; prints reports, as package matrix says. See README.md.
set -eu
cd "$(dirname "$0")"

skip() {
	echo "SKIP interop/php: $1" >&2
	[ "${REQUIRE_ALL:-}" = 1 ] && exit 1
	exit 0
}
for tool in java mvn; do
	command -v "$tool" >/dev/null || skip "no $tool"
done
php -r 'exit(extension_loaded("mbstring") ? 0 : 1);' 2>/dev/null || skip "no php with mbstring"

rm -rf generated
sh ../openapi-generator.sh generate -g php -i ../../openapi/dist/receiver-3.0.yaml -o generated \
	--global-property models,modelDocs=false,modelTests=false,supportingFiles=ObjectSerializer.php:ModelInterface.php:Configuration.php
exec php -d error_reporting=-1 -d memory_limit=512M report.php
