#!/bin/sh
# Starts the receiver of canonical events, which run.sh has made ready.
set -eu
cd "$(dirname "$0")/rows"
exec ../venv/bin/python app.py
