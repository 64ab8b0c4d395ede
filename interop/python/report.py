"""The vectors, and the reports: interop/matrix/report.go says what is in one."""

import json
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@cache
def payloads(*verdicts: str) -> dict[str, bytes]:
    """The payloads of the vectors that have one of the verdicts, by name."""
    files = sorted(file for verdict in verdicts for file in (ROOT / "vectors" / verdict).glob("*.json"))
    return {file.stem: file.read_bytes() for file in files if not file.name.endswith((".expect.json", ".canonical.json"))}


@cache
def canonical_forms() -> dict[str, bytes]:
    """The canonical form of each vector that has one, by name."""
    extension = ".canonical.json"
    files = sorted((ROOT / "vectors").glob(f"*/*{extension}"))
    return {file.name.removesuffix(extension): file.read_bytes() for file in files}


def report(kind: str, tool: str, version: str, **members: Any) -> None:
    """Prints a report: a line of JSON, without the members that are empty."""
    said = {name: member for name, member in members.items() if member not in ("", None)}
    print(json.dumps({"kind": kind, "tool": tool, "version": version, **said}), flush=True)


def answer(ok: bool, note: str = "") -> dict[str, Any]:
    return {"ok": ok, "note": note} if note else {"ok": ok}


def short(reason: object) -> str:
    """The first line of a reason, without the paths of this machine."""
    lines = str(reason).replace(f"{HERE}/", "").replace(f"{ROOT}/", "").splitlines()
    return lines[0][:190] if lines else ""


def gist(problem: Exception) -> str:
    """What was raised, in a line."""
    return short(f"{type(problem).__name__}: {problem}")
