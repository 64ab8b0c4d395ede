"""Generators: whether they take the specification, and what their types do to events."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from matrix import HERE, ROOT, names, row, vectors


@dataclass
class Generator:
    tool: str  # the package; what is special about it comes first, with a comma
    generate: Callable[[Path, Path], list[str]]  # the command, from a file and a folder
    module: str  # what it writes into the folder, and is imported
    narrows: str  # the file that tells the two events apart by it
    sources: list[str]
    decode: Callable[[ModuleType, bytes], Any]
    encode: Callable[[Any], str]
    note: str = ""  # what is to be known of its types


def decode_model(module: ModuleType, payload: bytes) -> Any:
    return module.RunEvent.model_validate_json(payload).root


def encode_model(event: Any) -> str:
    return str(event.model_dump_json(exclude_unset=True, by_alias=True))


def decode_attrs(module: ModuleType, payload: bytes) -> Any:
    value = json.loads(payload)
    types = {"run_completed": module.RunCompleted, "run_failed": module.RunFailed}
    return types[value["event_type"]].from_dict(value)


def encode_attrs(event: Any) -> str:
    return json.dumps(event.to_dict())


GENERATORS = [
    Generator(
        tool="datamodel-code-generator",
        generate=lambda source, folder: ["receiver/generate.sh", str(source), str(folder / "events.py")],
        module="events",
        narrows="narrows_models.py",
        sources=[
            "webhooks.yaml",
            "receiver.yaml",
            "receiver-3.0.yaml",
            "json-schema-2020-12/run-event.json",
            "json-schema-draft-07/run-event.json",
        ],
        decode=decode_model,
        encode=encode_model,
    ),
    Generator(
        tool="times as text, datamodel-code-generator",
        generate=lambda source, folder: [
            "receiver/generate.sh", str(source), str(folder / "events.py"),
            "--type-mappings", "date-time=string",
        ],
        module="events",
        narrows="narrows_models.py",
        sources=["webhooks.yaml"],
        decode=decode_model,
        encode=encode_model,
        note="nothing checks that a time is one",
    ),
    Generator(
        tool="openapi-python-client",
        generate=lambda source, folder: [
            "openapi-python-client", "generate", "--meta", "none", "--config", "openapi-python-client.yaml",
            "--path", str(source), "--output-path", str(folder / "events"),
        ],
        module="events.models",
        narrows="narrows_client.py",
        sources=["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml"],
        decode=decode_attrs,
        encode=encode_attrs,
        note="the union has no name and no decoder: the caller picks the class by event_type",
    ),
]  # fmt: skip


def run() -> None:
    """Prints the rows of each generator and input."""
    for generator in GENERATORS:
        for source in generator.sources:
            run_one(generator, source)


def run_one(generator: Generator, source: str) -> None:
    folder = HERE / "generated" / generator.tool.replace(", ", "-").replace(" ", "-") / source.replace("/", "-")
    folder.mkdir(parents=True)

    def result(check: str, *, passed: int, of: int, note: str = "") -> None:
        row(
            generator.tool, version(generator.tool.split(", ")[-1]), "generator", f"openapi/dist/{source}", check,
            passed=passed, of=of, note=note,
        )  # fmt: skip

    command = generator.generate(ROOT / "openapi/dist" / source, folder)
    done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout, file=sys.stderr, end="")
    if done.returncode != 0:
        result("compiles", passed=0, of=1, note=gist(done.stdout))
        return

    # One run of mypy tells of both: the generated code, and what uses it.
    done = subprocess.run(
        ["mypy", "--strict", "--no-error-summary", "--cache-dir", HERE / "generated" / "mypy", ".", HERE / generator.narrows],
        cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(f"mypy: {done.stdout}")
    lines = [line.removeprefix(f"{HERE}/") for line in done.stdout.splitlines() if ": error: " in line]
    of_use = [line for line in lines if line.startswith(generator.narrows)]
    of_code = [line for line in lines if line not in of_use]
    files = {line.split(":")[0] for line in of_code}
    count = len(list(folder.rglob("*.py")))
    result(
        "compiles", passed=count - len(files), of=count,
        note=f"mypy --strict, {len(of_code)} errors, the first: {of_code[0]}" if of_code else "",
    )  # fmt: skip
    result("narrows", passed=int(not of_use), of=1, note=of_use[0] if of_use else generator.note)

    module = load(folder, generator.module)
    conforming = [vector for vector in vectors() if vector.verdict == "conforms"]
    undecoded: dict[str, str] = {}
    changed: dict[str, str] = {}
    decoded = 0
    for vector in conforming:
        try:
            event = generator.decode(module, vector.payload)
        except (ValueError, KeyError, TypeError, RecursionError) as problem:
            undecoded[vector.name] = reason(problem)
            continue
        decoded += 1
        want = json.loads(vector.payload, parse_float=Decimal)
        if type(event).__name__ != {"run_completed": "RunCompleted", "run_failed": "RunFailed"}[want["event_type"]]:
            undecoded[vector.name] = f"decoded as {type(event).__name__}"
            continue
        got = json.loads(generator.encode(event), parse_float=Decimal)
        for pointer, was, now in differences(want, got):
            if is_time(pointer) and canonical(was) == canonical(now):
                what = "times spelled anew"
            else:
                what = f"{pointer} {short(was)} as {short(now)}"
            changed.setdefault(vector.name, what)
    result("decodes", passed=len(conforming) - len(undecoded), of=len(conforming), note=names(undecoded))
    result("round-trip", passed=decoded - len(changed), of=decoded, note=names(changed))


def load(folder: Path, name: str) -> ModuleType:
    """Imports a generated module; the one of the same name before it is forgotten."""
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "events"]:
        del sys.modules[loaded]
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def gist(output: str) -> str:
    """The reason that a tool gives, in a line: where there is one, from pydantic's "1 validation error" on."""
    _, found, rest = output.partition("validation error")
    lines = [line.strip().partition(" [type=")[0] for line in f"{found}{rest}".splitlines() or output.splitlines()]
    return ": ".join([line for line in lines if line][:3])


def reason(problem: Exception) -> str:
    """The reason for an exception, in a line: pydantic has it in the errors."""
    if isinstance(problem, ValidationError):
        errors = problem.errors()
        # Where the union has no discriminator, the other event's errors are told, too.
        told = next((error["msg"] for error in errors if error["type"] != "literal_error"), errors[0]["msg"])
        return told.removesuffix(" at the end of the input").partition(" at line ")[0]
    if isinstance(problem, RecursionError):
        return "too deep for Python's json"
    return f"{type(problem).__name__}: {problem}".splitlines()[0]


def is_time(pointer: str) -> bool:
    return pointer in ("/timestamp", "/data/started_at", "/data/finished_at")


def canonical(time: str) -> tuple[str, ...]:
    """An RFC 3339 time in one spelling: no zeros at the end of a fraction, UTC as Z."""
    parts = re.fullmatch(r"(.{19})(?:\.(\d*?)0*)?(Z|[+-].+)", time.upper())
    if parts is None:
        return (time,)
    whole, fraction, zone = parts.groups()
    return whole, fraction or "", "Z" if zone in ("+00:00", "-00:00") else zone


def differences(want: Any, got: Any, pointer: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two values differ: the pointer, and both; ... is nothing at all."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in [*want, *(key for key in got if key not in want)]:
            yield from differences(want.get(key, ...), got.get(key, ...), f"{pointer}/{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (a, b) in enumerate(zip(want, got)):
            yield from differences(a, b, f"{pointer}/{index}")
    elif want != got or isinstance(want, bool) != isinstance(got, bool):  # True == 1
        yield pointer, want, got


def short(value: Any) -> str:
    return "nothing" if value is ... else str(value)[:40]
