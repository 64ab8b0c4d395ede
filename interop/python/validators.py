"""Validators: what they say of each vector."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import fastjsonschema
import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
from pydantic import ValidationError

import strict_json
from events import RunEvent
from report import ROOT, gist, payloads, report

Judge = Callable[[Any], bool]
SCHEMAS = ["run-event", "observed-run-event"]


def of_jsonschema(schema: Any) -> Judge:
    validator = jsonschema.validators.validator_for(schema)
    judge: Judge = validator(schema, format_checker=validator.FORMAT_CHECKER).is_valid
    return judge


def of_jsonschema_with_decimal(schema: Any) -> Judge:
    validator = jsonschema.validators.validator_for(schema)
    checker = validator.TYPE_CHECKER

    def is_integer(_: Any, value: Any) -> bool:
        whole = isinstance(value, Decimal) and value == value.to_integral_value()
        return whole or checker.is_type(value, "integer")

    exact = jsonschema.validators.extend(validator, type_checker=checker.redefine("integer", is_integer))
    judge: Judge = exact(schema, format_checker=validator.FORMAT_CHECKER).is_valid
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


@dataclass
class Validator:
    tool: str
    judge_of: Callable[[Any], Judge]
    loads: Callable[[bytes], Any]
    drafts: list[str]
    note: str


PLAIN = "payloads read by json.loads, with sys.setrecursionlimit(3000)"
STRICT = "payloads read by the guide's strict_json"

VALIDATORS = [
    Validator("jsonschema", of_jsonschema, json.loads, ["2020-12", "draft-07"], f"with format_checker; {PLAIN}"),
    Validator(
        "jsonschema", of_jsonschema_with_decimal, strict_json.loads, ["2020-12", "draft-07"],
        f"with format_checker, and a Decimal without a fraction as integer; {STRICT}",
    ),
    Validator(
        "jsonschema-rs", of_jsonschema_rs, strict_json.loads, ["2020-12", "draft-07"],
        f"with validate_formats; {STRICT}",
    ),
    Validator("fastjsonschema", of_fastjsonschema, json.loads, ["draft-07"], PLAIN),
]  # fmt: skip


def run() -> None:
    """Reports of each validator and schema, and of the models as a validator."""
    for validator in VALIDATORS:
        for draft in validator.drafts:
            for schema in SCHEMAS:
                file = f"openapi/dist/json-schema-{draft}/{schema}.json"
                judge = validator.judge_of(json.loads((ROOT / file).read_bytes()))
                report(
                    "validator", validator.tool, version(validator.tool), input=file, note=validator.note,
                    verdicts=verdicts_of(validator.loads, judge),
                )  # fmt: skip
    report(
        "validator", "pydantic", version("pydantic"), input="openapi/dist/webhooks.yaml",
        note=f"the models of datamodel-code-generator {version('datamodel-code-generator')}; model_validate_json with strict",
        verdicts=verdicts_of(bytes, is_model),
    )  # fmt: skip


def verdicts_of(loads: Callable[[bytes], Any], judge: Judge) -> dict[str, str]:
    verdicts = {}
    for name, payload in payloads("conforms", "deviates", "invalid").items():
        try:
            verdicts[name] = "valid" if judge(loads(payload)) else "invalid"
        except Exception as problem:  # whatever it is, it is what the tool makes of the payload
            verdicts[name] = gist(problem)
    return verdicts


def is_model(payload: bytes) -> bool:
    try:
        RunEvent.model_validate_json(payload, strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        if first["type"] == "json_invalid":
            raise ValueError(first["msg"].partition(" at line ")[0]) from None
        return False
    return True
