"""Prints what Sourcemeta's validator says of the vectors, a report a line, as
interop/matrix/report.go has it."""

import json
import platform
import re
import subprocess
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

PACKAGE = "sourcemeta_jsonschema"
ROOT = Path(__file__).resolve().parent.parent.parent
ARGUMENTS = ["--format-assertion", "--fast", "--continue"]


def program() -> str:
    """The program itself: the script that pip installs beside it starts Python first."""
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return str(files(PACKAGE) / f"jsonschema-{platform.system().lower()}-{machine}")


unreadable: dict[Path, str] = {}
"""Why the program can't parse a payload, whatever the schema."""


def verdicts(schema: Path, payloads: list[Path]) -> dict[str, str]:
    """The verdict on each payload. The program ends at one that it can't parse, so it is run again on those after it."""
    said = dict(unreadable)
    while left := [payload for payload in payloads if payload not in said]:
        before = len(said)
        command = [program(), "validate", str(schema), *map(str, left), *ARGUMENTS, "--verbose"]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace").stdout
        for word, path in re.findall(r"^(ok|fail): (.*)$", out, re.MULTILINE):
            said[Path(path).resolve()] = "valid" if word == "ok" else "invalid"
        if ended := re.search(r"^error: (.*)\n(?:  at (?:line|column) .*\n)*  at file path (.*)$", out, re.MULTILINE):
            said[Path(ended[2])] = unreadable[Path(ended[2])] = ended[1]
        if len(said) == before:
            raise RuntimeError(f"it says nothing of {left[0]}: {out[-500:]}")
    return {payload.stem: said[payload] for payload in payloads}


payloads = [p for p in sorted(ROOT.glob("vectors/*/*.json")) if not p.name.endswith((".expect.json", ".canonical.json"))]
for draft in "2020-12", "draft-07":
    for schema in "run-event", "observed-run-event":
        file = f"openapi/dist/json-schema-{draft}/{schema}.json"
        report = {
            "kind": "validator",
            "tool": "sourcemeta/jsonschema",
            "version": version(PACKAGE),
            "input": file,
            "note": f"jsonschema validate {' '.join(ARGUMENTS)}, of PyPI's sourcemeta-jsonschema",
            "verdicts": verdicts(ROOT / file, payloads),
        }
        print(json.dumps(report))
