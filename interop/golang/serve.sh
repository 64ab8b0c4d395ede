#!/bin/sh
# Starts the receiver on 127.0.0.1 and the port PORT, with the secret RUNHOOKS_SECRET.
set -eu
cd "$(dirname "$0")/../../examples/receiver"
mkdir -p ../../interop/golang/bin
go build -o ../../interop/golang/bin/receiver ./nethttp
exec ../../interop/golang/bin/receiver
