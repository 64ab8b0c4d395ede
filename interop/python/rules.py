"""The rules of runhooks lint: whether the tools still break on the rules' documents."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import yaml  # type: ignore[import-untyped]

from generators import OUT, client, generate, models
from report import ROOT, answer, gist, report
from validators import Judge, of_fastjsonschema, of_jsonschema, of_jsonschema_rs

DOCUMENTS = ROOT / "internal/portability/testdata"
NOT_MENDED = {"condition"}  # nothing can be written that says the same


@dataclass
class Makes:
    """The break of a generator: what it writes, or says, holds one text and not another."""

    has: str = ""
    has_not: str = ""


@dataclass
class Judges:
    """The break of a validator: it gives another verdict on the payload, or none."""

    payload: Any
    valid: bool  # the right verdict


GENERATORS = {"datamodel-code-generator": models, "openapi-python-client": client}
MAKES = {
    "datamodel-code-generator": {
        "enum-without-type": Makes("class A(Enum)"),
        "ref-to-file": Makes("class Data("),
        "ref-siblings": Makes("class A(BaseModel)"),
        "union-without-discriminator": Makes("root: Completed | Failed"),
        "nullable-in-3.1": Makes(has_not="a: str | None"),
        "condition": Makes("b: str | None = None"),
        "inline-object": Makes("class A("),
        "untitled": Makes("class Model("),
        "unquoted-key": Makes("Input should be a valid string"),
        "yaml-number": Makes("field_83 = 83"),
        "yaml-tag": Makes("could not determine a constructor for the tag"),
    },
    "openapi-python-client": {
        "boolean-schema": Makes("Input should be a valid dictionary or instance of Schema"),
        "pattern-properties": Makes("class EventA:", "-> str:"),
        "ref-to-file": Makes("Remote references such as", "class Event:"),
        "ref-to-defs": Makes("Remote references such as", "class Event:"),
        "condition": Makes("b: str | Unset = UNSET"),
        "no-paths": Makes("paths\n  Field required"),
        "webhooks-only": Makes("class Event:", "receive_event"),
        "no-operation-id": Makes("post_events.py"),
        "inline-object": Makes("class EventA:"),
        "null-type": Makes("Input should be 'string', 'number'"),
        "openapi-3.2": Makes("Only OpenAPI versions 3.1.* are supported"),
        "unquoted-version": Makes("openapi\n  Input should be a valid string"),
        "unquoted-key": Makes("Input should be a valid string"),
        "duplicate-key": Makes("found duplicate key"),
        "yaml-number": Makes("EventA = Literal[123]"),
        "yaml-date": Makes("Unable to process schema /components/schemas/Event"),
        "yaml-tag": Makes("could not determine a constructor for the tag"),
    },
}  # fmt: skip

# What PyYAML reads, as Python writes it, or its error.
READS = {
    "unquoted-key": Makes("{'a': {'type': 'string'}, 1: "),
    "duplicate-key": Makes("{'a': {'type': 'integer'}}"),
    "yaml-boolean": Makes("[False]"),
    "yaml-number": Makes("[83]"),
    "yaml-date": Makes("datetime.date(2026, 11, 28)"),
    "yaml-tag": Makes("could not determine a constructor for the tag"),
}

VALIDATORS = {
    "python-jsonschema": ("jsonschema", of_jsonschema),
    "jsonschema-rs": ("jsonschema-rs", of_jsonschema_rs),
    "fastjsonschema": ("fastjsonschema", of_fastjsonschema),
}
REFERS = Judges({"a": {}}, valid=True)
NULL = Judges({"a": None}, valid=True)
JUDGES = {
    "python-jsonschema": {"ref-to-file": REFERS, "ref-to-defs": REFERS, "nullable-in-3.1": NULL},
    "jsonschema-rs": {"ref-to-file": REFERS, "ref-to-defs": REFERS, "nullable-in-3.1": NULL},
    "fastjsonschema": {
        "ref-to-file": REFERS, "ref-to-defs": REFERS, "nullable-in-3.1": NULL,
        "ref-siblings": Judges({"a": {"c": 1}}, valid=False),
    },
}  # fmt: skip


def run() -> None:
    """Reports of each break."""
    for tool, makes in MAKES.items():
        for rule, text in makes.items():
            confirm(rule, tool, version(tool), partial(made, tool, text))
    for rule, text in READS.items():
        confirm(rule, "PyYAML", version("PyYAML"), partial(read, text))
    for tool, judges in JUDGES.items():
        package, judge_of = VALIDATORS[tool]
        for rule, verdict in judges.items():
            confirm(rule, tool, version(package), partial(misjudged, judge_of, verdict))


def confirm(rule: str, tool: str, version: str, breaks: Callable[[str], dict[str, Any]]) -> None:
    broken = breaks(f"{rule}.yaml")
    helps = None
    if rule not in NOT_MENDED:
        fixed = breaks(f"{rule}.fixed.yaml")
        helps = answer(not fixed["ok"], fixed["note"] if fixed["ok"] else "")
    report("rule", tool, version, rule=rule, breaks=broken, helps=helps)


def made(tool: str, want: Makes, name: str) -> dict[str, Any]:
    """Whether what the tool says of a document, and all that it writes, is as wanted."""
    folder = OUT / "rules" / tool / name
    text = generate(GENERATORS[tool], DOCUMENTS / name, folder).said
    for file in sorted(folder.rglob("*.py")):
        text += f"{file.name}:\n{file.read_text('utf-8')}"
    return shows(want, text)


def read(want: Makes, name: str) -> dict[str, Any]:
    """Whether what PyYAML reads is as wanted."""
    try:
        text = repr(yaml.safe_load((DOCUMENTS / name).read_bytes()))
    except yaml.YAMLError as problem:
        text = str(problem)
    return shows(want, text)


def shows(want: Makes, text: str) -> dict[str, Any]:
    ok = want.has in text and not (want.has_not and want.has_not in text)
    seen = [f"{'has' if part in text else 'lacks'} {part!r}" for part in (want.has, want.has_not) if part]
    return answer(ok, ", ".join(seen))


def misjudged(judge_of: Callable[[Any], Judge], want: Judges, name: str) -> dict[str, Any]:
    """Whether the validator gives another verdict than the right one, or none."""
    document = yaml.safe_load((DOCUMENTS / name).read_bytes())
    schema = {"$ref": "#/components/schemas/Event", "components": document["components"]}
    try:
        valid = judge_of(schema)(want.payload)
    except Exception as problem:  # whatever it is, it is what the tool makes of the document
        return answer(True, gist(problem))
    return answer(valid != want.valid, f"{json.dumps(want.payload)} is {'valid' if valid else 'invalid'}")
