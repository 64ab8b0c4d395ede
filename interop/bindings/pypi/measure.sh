#!/bin/sh
# Measures the package beside validators of Python, once run.sh has installed it.
set -eu
cd "$(dirname "$0")/generated"
grep -E '^(fastjsonschema|jsonschema_rs)==' ../../../python/requirements.txt >peers.txt
venv/bin/pip install --quiet --requirement peers.txt --constraint ../../../python/requirements.txt >&2
cp ../measure.py .
XDG_CACHE_HOME=$PWD/cache exec venv/bin/python measure.py
