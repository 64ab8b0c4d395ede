#!/bin/sh
# Reports on validators, generators and clients of Go, as package matrix says. What is
# generated is committed, and "make generate" generates it; but for ogen's client of
# the delivery service, which is too large, and what openapi-generator makes, which needs
# a JRE and Maven.
set -eu
cd "$(dirname "$0")"

if [ -z "${SERVICE_URL:-}" ]; then
	echo 'SKIP interop/golang: no SERVICE_URL for clients to call' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
fi

go run .

go tool ogen --config _clients/ogen.yml --loglevel error --clean \
	--target generated/ogen --package ogen ../../openapi/dist/service.yaml >&2
go vet ./_clients ./generated/ogen >&2
go run ./_clients

for tool in java mvn; do
	if ! command -v "$tool" >/dev/null; then
		echo "SKIP interop/golang: no $tool for openapi-generator" >&2
		[ "${REQUIRE_ALL:-}" != 1 ]
		exit
	fi
done
rm -rf generated/openapigenerator
sh ../openapi-generator.sh generate -g go -i ../../openapi/dist/receiver-3.0.yaml -o generated/openapigenerator \
	--additional-properties=packageName=openapigenerator,disallowAdditionalPropertiesIfNotPresent=false,useOneOfDiscriminatorLookup=true \
	--global-property models,modelDocs=false,modelTests=false,supportingFiles=utils.go
go vet ./_openapigenerator ./generated/openapigenerator >&2
exec go run ./_openapigenerator
