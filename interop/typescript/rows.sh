#!/bin/sh
# Starts the receiver of canonical events, which run.sh has built.
set -eu
cd "$(dirname "$0")"
exec node rows/receiver.js
