"""The inputs, and the rows of the result."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass
class Vector:
    name: str
    payload: bytes
    verdict: str
    codes: list[str]

    @property
    def strict(self) -> bool:
        """Whether the payload is strict JSON: what is not says nothing of a validator."""
        return not any(code.startswith("json.") for code in self.codes)


def vectors() -> list[Vector]:
    found = []
    for path in sorted(ROOT.glob("vectors/*/*.expect.json")):
        want = json.loads(path.read_bytes())
        name = path.name.removesuffix(".expect.json")
        payload = path.with_name(name + ".json").read_bytes()
        codes = [finding["code"] for finding in want["findings"]]
        found.append(Vector(name, payload, want["verdict"], codes))
    assert len(found) > 300, "vectors are missing"
    return found


def row(tool: str, version: str, kind: str, source: str, check: str, *, passed: int, of: int, note: str = "") -> None:
    """Prints a row; it is ok if all of it passed."""
    result: dict[str, Any] = {
        "language": "Python",
        "tool": tool,
        "version": version,
        "kind": kind,
        "input": source,
        "check": check,
        "ok": passed == of,
        "passed": passed,
        "of": of,
        "note": note,
    }
    print(json.dumps(result, ensure_ascii=False), flush=True)


def names(failed: dict[str, str]) -> str:
    """Says what failed and why: the names for each reason, which is a value of failed."""
    reasons: dict[str, list[str]] = {}
    for name, reason in failed.items():
        reasons.setdefault(reason, []).append(name)
    return "; ".join(
        f"{reason}: {', '.join(of) if len(of) <= 10 else f'{len(of)} vectors'}" for reason, of in reasons.items()
    )
