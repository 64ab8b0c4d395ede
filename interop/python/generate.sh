#!/bin/sh
# Generates pydantic models of the events: generate.sh SPEC FILE [OPTION…]
spec=$1 file=$2
shift 2
exec datamodel-codegen --input "$spec" --output "$file" \
	--output-model-type pydantic_v2.BaseModel --target-python-version 3.11 \
	--use-annotated --extra-fields allow --formatters builtin --disable-timestamp "$@"
