#!/bin/sh
# Starts the receiver of docs/languages/typescript.md, which run.sh has built.
set -eu
cd "$(dirname "$0")"
exec node receiver/receiver.js
