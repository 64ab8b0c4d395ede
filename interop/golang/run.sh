#!/bin/sh
# Reports on validators, generators and clients of Go, as package matrix says. What is
# generated is committed, and "make generate" generates it; but for ogen's client of
# the delivery service, which is too large.
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
exec go run ./_clients
