"""The rules of runhooks lint: whether the tools still break on the rules' documents."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

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
    valid: bool


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
    },
    "openapi-python-client": {
        "boolean-schema": Makes("Input should be a valid dictionary or instance of Schema"),
        "pattern-properties": Makes("additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)\n\n    def to_dict", "-> str:"),
        "ref-to-file": Makes("Remote references such as", "class Event:"),
        "ref-to-defs": Makes("Remote references such as", "class Event:"),
        "condition": Makes("b: str | Unset = UNSET"),
        "webhooks-only": Makes("paths\n  Field required"),
        "no-operation-id": Makes("post_events.py"),
        "inline-object": Makes("class EventA:"),
    },
}  # fmt: skip

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

            def generator_breaks(name: str) -> dict[str, Any]:
                return seen_in(text_of(tool, name), text)

            confirm(rule, tool, version(tool), generator_breaks)
    for tool, judges in JUDGES.items():
        package, judge_of = VALIDATORS[tool]
        for rule, verdict in judges.items():

            def validator_breaks(name: str) -> dict[str, Any]:
                return misjudged(judge_of, name, verdict)

            confirm(rule, tool, version(package), validator_breaks)


def confirm(rule: str, tool: str, version: str, breaks: Callable[[str], dict[str, Any]]) -> None:
    broken = breaks(f"{rule}.yaml")
    mended = None
    if rule not in NOT_MENDED:
        fixed = breaks(f"{rule}.fixed.yaml")
        mended = answer(not fixed["ok"], fixed["note"] if fixed["ok"] else "")
    report("rule", tool, version, rule=rule, breaks=broken, mended=mended)


def text_of(tool: str, name: str) -> str:
    """What a generator says of a document, and all that it writes."""
    folder = OUT / "rules" / tool / name
    said = generate(GENERATORS[tool], DOCUMENTS / name, folder).said
    files = sorted(folder.rglob("*.py"))
    return "\n".join([said, *(f"{file.name}:\n{file.read_text('utf-8')}" for file in files)])


def seen_in(text: str, want: Makes) -> dict[str, Any]:
    lacks = want.has not in text
    found = bool(want.has_not) and want.has_not in text
    notes = [f"{'lacks' if lacks else 'has'} {want.has!r}"] if want.has else []
    if want.has_not:
        notes.append(f"{'has' if found else 'lacks'} {want.has_not!r}")
    return answer(not lacks and not found, ", ".join(notes))


def misjudged(judge_of: Callable[[Any], Judge], name: str, want: Judges) -> dict[str, Any]:
    document = yaml.safe_load(Path(DOCUMENTS / name).read_bytes())
    schema = {"$ref": "#/components/schemas/Event", "components": document["components"]}
    try:
        valid = judge_of(schema)(want.payload)
    except Exception as problem:  # whatever it is, it is what the tool makes of the document
        return answer(True, gist(problem))
    return answer(valid != want.valid, f"{want.payload} is {'valid' if valid else 'invalid'}")
