#!/bin/sh
# Starts the receiver, which run.sh has made ready, on PORT with RUNHOOKS_SECRET.
set -eu
cd "$(dirname "$0")/receiver"
exec ../venv/bin/uvicorn app:app --host 127.0.0.1 --port "$PORT"
