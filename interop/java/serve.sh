#!/bin/sh
# Starts the receiver that run.sh has built. See README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
exec java -jar "$here/receiver/target/receiver-1.0.0.jar" --server.address=127.0.0.1 --server.port="$PORT"
