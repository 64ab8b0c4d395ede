#!/bin/sh
# Generates and runs; prints reports, as package matrix says. See README.md.
set -eu
cd "$(dirname "$0")"

skip() {
	echo "SKIP interop/ruby: $1" >&2
	[ "${REQUIRE_ALL:-}" = 1 ] && exit 1
	exit 0
}
for tool in java mvn ruby; do
	command -v "$tool" >/dev/null || skip "no $tool"
done

rm -rf generated
sh ../openapi-generator.sh generate -g ruby -i ../../openapi/dist/receiver-3.0.yaml -o generated \
	--generate-alias-as-model --additional-properties=gemName=events \
	--global-property models,modelDocs=false,modelTests=false,supportingFiles=api_model_base.rb
exec ruby -W report.rb
