#!/bin/sh
# Reports on validators and generators of Go, as package matrix says. What is
# generated is committed, and "make generate" generates it.
set -eu
cd "$(dirname "$0")"
exec go run .
