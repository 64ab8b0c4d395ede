#!/bin/sh
# Starts the receiver that run.sh has built, with RUNHOOKS_SECRET and PORT of the environment. See README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
exec java -jar "$here/receiver/target/receiver-1.0.0.jar"
