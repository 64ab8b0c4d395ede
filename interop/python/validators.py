"""Validators, held to the verdicts of the vectors."""

import json
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import fastjsonschema
import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs

from matrix import ROOT, names, row, vectors

Judge = Callable[[Any], bool]


def of_jsonschema(schema: Any) -> Judge:
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    judge: Judge = validator(schema, format_checker=validator.FORMAT_CHECKER).is_valid
    return judge


def of_jsonschema_rs(schema: Any) -> Judge:
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid


def of_fastjsonschema(schema: Any) -> Judge:
    validate = fastjsonschema.compile(schema)

    def judge(value: Any) -> bool:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return judge


# What a tool is called, how it judges, what it reads fractions as, and the drafts it knows.
# Only jsonschema-rs takes a Decimal for a number; the others see doubles.
TOOLS: list[tuple[str, Callable[[Any], Judge], type, list[str]]] = [
    ("jsonschema", of_jsonschema, float, ["2020-12", "draft-07"]),
    ("jsonschema-rs", of_jsonschema_rs, Decimal, ["2020-12", "draft-07"]),
    ("fastjsonschema", of_fastjsonschema, float, ["draft-07"]),
]


def run() -> None:
    """Prints a row for each tool and schema."""
    all_vectors = [vector for vector in vectors() if vector.strict]
    for tool, compiled, number, drafts in TOOLS:
        for draft in drafts:
            for name in "run-event", "observed-run-event":
                source = f"openapi/dist/json-schema-{draft}/{name}.json"
                accepted = {"conforms"} if name == "run-event" else {"conforms", "deviates"}
                judge = compiled(json.loads((ROOT / source).read_bytes()))
                failed = {}
                for vector in all_vectors:
                    try:
                        value = json.loads(vector.payload, parse_float=number)
                    except RecursionError:
                        failed[vector.name] = "too deep for Python's json"
                        continue
                    want = vector.verdict in accepted
                    if judge(value) != want:
                        failed[vector.name] = "rejected" if want else "accepted"
                row(
                    tool, version(tool), "validator", source, "verdicts",
                    passed=len(all_vectors) - len(failed), of=len(all_vectors), note=names(failed),
                )  # fmt: skip
