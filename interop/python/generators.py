"""Generators: whether they take the specification, and what their types make of events."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from report import HERE, ROOT, answer, canonical_forms, gist, payloads, report, short

OUT = HERE / "generated"


@dataclass
class Generator:
    tool: str
    command: Callable[[Path, Path], list[str]]  # from a file and a folder
    module: str  # what it writes into the folder, and is imported
    narrows: str  # the file that tells the two events apart by it
    again: Callable[[ModuleType, bytes], str]  # decodes an event and encodes it
    files: list[str]
    note: str = ""
    canonical: bool = False  # whether the files are of the canonical schema


def models(source: Path, folder: Path) -> list[str]:
    return ["sh", "generate.sh", str(source), str(folder / "events.py")]


def models_with_times_as_text(source: Path, folder: Path) -> list[str]:
    return [*models(source, folder), "--type-mappings", "date-time=string"]


def canonical_models(source: Path, folder: Path) -> list[str]:
    return [*models(source, folder), "--input-file-type", "jsonschema"]


def canonical_models_with_times_as_text(source: Path, folder: Path) -> list[str]:
    return [*canonical_models(source, folder), "--type-mappings", "date-time=string"]


def client(source: Path, folder: Path, package: str = "events") -> list[str]:
    return [
        "openapi-python-client", "generate", "--meta", "none", "--config", "openapi-python-client.yaml",
        "--path", str(source), "--output-path", str(folder / package),
    ]  # fmt: skip


def again_by_pydantic(module: ModuleType, payload: bytes) -> str:
    event = module.RunEvent.model_validate_json(payload)
    return str(event.model_dump_json(exclude_unset=True, by_alias=True))


def canonical_again(module: ModuleType, payload: bytes) -> str:
    event = module.CanonicalRunEvent.model_validate_json(payload)
    return str(event.model_dump_json(exclude_unset=True, by_alias=True))


def again_by_attrs(module: ModuleType, payload: bytes) -> str:
    value = json.loads(payload)
    types = {"run_completed": module.RunCompleted, "run_failed": module.RunFailed}
    event = types[value["event_type"]].from_dict(value)
    return json.dumps(event.to_dict(), allow_nan=False)  # as httpx, which the client sends by


GENERATORS = [
    Generator(
        "datamodel-code-generator", models, "events", "narrows_models.py", again_by_pydantic,
        ["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml",
         "json-schema-2020-12/run-event.json", "json-schema-draft-07/run-event.json"],
    ),
    Generator(
        "datamodel-code-generator", models_with_times_as_text, "events", "narrows_models.py", again_by_pydantic,
        ["webhooks.yaml"],
        note="times as text: --type-mappings date-time=string",
    ),
    Generator(
        "datamodel-code-generator", canonical_models, "events", "narrows_canonical.py", canonical_again,
        ["json-schema-2020-12/canonical-run-event.json", "json-schema-draft-07/canonical-run-event.json"],
        canonical=True,
    ),
    Generator(
        "datamodel-code-generator", canonical_models_with_times_as_text, "events", "narrows_canonical.py", canonical_again,
        ["json-schema-2020-12/canonical-run-event.json"],
        note="times as text: --type-mappings date-time=string", canonical=True,
    ),
    Generator(
        "openapi-python-client", client, "events.models", "narrows_client.py", again_by_attrs,
        ["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml"],
        note="its union has no decoder: the caller picks the class by event_type",
    ),
]  # fmt: skip


def run() -> None:
    """Reports of each generator and file."""
    for number, generator in enumerate(GENERATORS):
        for file in generator.files:
            folder = OUT / f"{generator.tool}-{number}" / file.replace("/", "-")
            report(
                "generator", generator.tool, version(generator.tool),
                input=f"openapi/dist/{file}", note=generator.note,
                **made_of(generator, ROOT / "openapi/dist" / file, folder),
            )  # fmt: skip


def made_of(generator: Generator, file: Path, folder: Path) -> dict[str, Any]:
    output = generate(generator.command, file, folder)
    if output.error:
        return {"error": output.error}
    compiles, narrows = check(folder, generator.narrows)
    module = load(folder, generator.module)
    decoded = {}
    for name, payload in (canonical_forms() if generator.canonical else payloads("conforms")).items():
        try:
            decoded[name] = {"json": generator.again(module, payload)}
        except Exception as problem:  # whatever it is, it is what the types make of the payload
            decoded[name] = {"error": reason(problem)}
    return {"compiles": compiles, "narrows": narrows, "decoded": decoded}


@dataclass
class Output:
    said: str
    error: str  # why nothing was generated; or empty


def generate(command: Callable[[Path, Path], list[str]], file: Path, folder: Path) -> Output:
    """Generates into the folder, which is new."""
    folder.mkdir(parents=True)
    done = subprocess.run(command(file, folder), cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout, file=sys.stderr, end="")
    return Output(done.stdout, told(done.stdout) if done.returncode else "")


def told(output: str) -> str:
    """The reason that a tool gives, in a line: where there is one, from pydantic's "1 validation error" on."""
    _, found, rest = output.partition("validation error")
    lines = [line.strip().partition(" [type=")[0] for line in f"{found}{rest}".splitlines() or output.splitlines()]
    return short(": ".join([line for line in lines if line][:3]))


def check(folder: Path, narrows: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Type-checks the generated code, and with it what uses it to tell the events apart."""
    done = subprocess.run(
        ["mypy", "--strict", "--no-error-summary", "--cache-dir", OUT / "mypy", ".", HERE / narrows],
        cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(f"mypy: {done.stdout}")
    errors = [line.removeprefix(f"{HERE}/") for line in done.stdout.splitlines() if ": error: " in line]
    of_use = [error for error in errors if error.startswith(narrows)]
    of_code = [error for error in errors if error not in of_use]
    where = ", ".join(sorted({error.split(":")[0] for error in of_code}))
    note = f"mypy --strict: {len(of_code)} errors, all in {where}; the first: {of_code[0]}" if of_code else ""
    return answer(not of_code, note), answer(not of_use, "; ".join(of_use))


def load(folder: Path, name: str) -> ModuleType:
    """Imports a generated module; the one of the same name before it is forgotten."""
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "events"]:
        del sys.modules[loaded]
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def reason(problem: Exception) -> str:
    """The reason for an exception, in a line: pydantic has it in the errors."""
    if not isinstance(problem, ValidationError):
        return gist(problem)
    errors = problem.errors()
    # Where the union has no discriminator, the errors of the other event are told, too.
    told = next((error for error in errors if error["type"] != "literal_error"), errors[0])
    where = "/".join(map(str, told["loc"]))
    what = told["msg"].partition(" at line ")[0]
    return short(f"{where}: {what}" if where else what)
