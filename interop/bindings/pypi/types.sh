#!/bin/sh
# Generates the types of the canonical event into the file $1, and fails if they were
# others before.
set -eu
venv/bin/datamodel-codegen --input ../../../openapi/dist/json-schema-2020-12/canonical-run-event.json \
	--input-file-type jsonschema --output generated.py --output-model-type typing.TypedDict \
	--target-python-version 3.10 --use-schema-description --use-field-description \
	--formatters builtin --disable-timestamp
if ! cmp -s generated.py "$1"; then
	mv generated.py "$1"
	echo "$1 is not what was there before: look at the difference, and commit it" >&2
	exit 1
fi
rm generated.py
