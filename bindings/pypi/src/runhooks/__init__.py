"""Check, parse and verify the webhooks that scraping robots send when a run ends.

All functions take a body as it was received, bytes or text, and may be called by any
thread. No payload makes check or parse raise; options that make no sense raise a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, Protocol

from typing_extensions import NotRequired, TypedDict

from ._module import call
from .event import CanonicalRunEvent

__all__ = ["CanonicalRunEvent", "Checked", "Finding", "Parsed", "VerificationError", "Verified", "check", "parse", "verify"]

Payload = bytes | bytearray | memoryview | str
Verdict = Literal["conforms", "deviates", "invalid"]
Role = Literal["sender", "receiver"]


class Headers(Protocol):
    """A dict, or the headers of http.server, Flask, Django, Starlette and others."""

    def items(self) -> Iterable[tuple[str, Any]]: ...


class Finding(TypedDict):
    """One thing that there is to say of a payload: docs/findings.md lists the codes."""

    code: str
    severity: Literal["error", "warning", "info"]
    pointer: str  # RFC 6901
    line: int  # from 1
    column: int  # from 1, in code points
    offset: int  # in bytes
    message: str
    hint: NotRequired[str]
    count: NotRequired[int]  # of the findings that this one stands for
    pattern: NotRequired[str]  # the pointers of these, with * for indices
    decides: NotRequired[bool]  # of a check that fails: this is why


@dataclass(frozen=True)
class Parsed:
    """What there is to say of a payload, and its event, which is None if it is invalid."""

    verdict: Verdict
    event_type: str  # as the payload has it, or ""
    findings: list[Finding]
    event: CanonicalRunEvent | None = None
    truncated: bool = False  # there are more findings


@dataclass(frozen=True)
class Checked:
    """What there is to say of a payload, and whether it passes."""

    passes: bool
    verdict: Verdict
    event_type: str  # as the payload has it, or ""
    findings: list[Finding]
    truncated: bool = False  # there are more findings


@dataclass(frozen=True)
class Verified:
    """The id of a genuine request, and when it was sent."""

    id: str
    timestamp: datetime


class VerificationError(ValueError):
    """A request is not genuine. Its text may be told to the sender."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason  # header-missing, header-malformed, too-old, too-new or mismatch

    def __reduce__(self) -> tuple[type[VerificationError], tuple[str, str]]:
        return VerificationError, (self.reason, str(self))


def check(
    payload: Payload, *, as_: Role = "sender", against: Literal["documented", "observed"] | None = None, each: bool = False
) -> Checked:
    """Judges a payload by the contract.

    as_ is whom the hints are for. against is what a payload passes by: observed for a
    receiver by default, or else documented. each lists each finding singly, rather than
    those of one rule in one column as one.
    """
    return Checked(**call("check", payload, {"as": as_, "against": against, "each": each}))


def parse(
    payload: Payload,
    *,
    zone: str | None = None,
    locale: str | None = None,
    layouts: Iterable[str] | None = None,
    provenance: bool = False,
    as_: Role = "receiver",
) -> Parsed:
    """Returns the event of a payload that conforms or deviates, in its canonical form.

    zone ("Europe/Berlin") and locale ("de-DE") are those of servers that write run times
    in local time, and layouts, of Go's package time, are other ways in which they write
    them. provenance has the event say where in the payload its values come from.
    """
    options = {"zone": zone, "locale": locale, "layouts": layouts if layouts is None else list(layouts), "provenance": provenance or None, "as": as_}
    return Parsed(**call("parse", payload, options))


def verify(
    headers: Headers | Iterable[tuple[str | bytes, Any]],
    payload: Payload,
    secrets: str | Iterable[str],
    *,
    tolerance_seconds: float | None = None,
    now: datetime | None = None,
) -> Verified:
    """Returns the id of a request that is genuine, and raises VerificationError for others.

    headers are a mapping, or pairs; payload is the exact body. The time of an attempt may
    lie tolerance_seconds (300) in the past or in the future. The id is the same in each
    attempt to deliver an event: forget events whose id you have seen before.
    """
    signed: dict[str, list[str]] = {}
    items = getattr(headers, "items", None)
    pairs: Any = items() if items else headers
    for name, value in pairs:
        name = _text(name).lower()
        if name.startswith("webhook-"):
            values = [value] if isinstance(value, (str, bytes)) else value
            signed.setdefault(name, []).extend(map(_text, values))
    options = {
        "headers": signed,
        "secrets": [secrets] if isinstance(secrets, str) else list(secrets),
        "tolerance_seconds": tolerance_seconds,
        "now": now.timestamp() if now else None,
    }
    answer = call("verify", payload, options)
    if not answer["verified"]:
        raise VerificationError(answer["reason"], answer["message"])
    return Verified(answer["id"], datetime.fromtimestamp(answer["timestamp"], timezone.utc))


def _text(header: str | bytes) -> str:
    return header if isinstance(header, str) else header.decode("latin-1")
