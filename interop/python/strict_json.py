"""Strict JSON: json.loads also takes NaN, UTF-16, duplicate members and lone surrogates."""

import json
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

MAX_LEVELS = 1000

sys.setrecursionlimit(3 * MAX_LEVELS)  # Python 3.11 counts the levels of JSON, too


def loads(payload: bytes) -> Any:
    """Reads JSON; 1.5 and 1e400 as Decimal. A ValueError says what is wrong with it."""
    try:
        value = json.loads(
            payload.decode(), parse_float=Decimal, parse_constant=refuse, object_pairs_hook=once
        )
        json.dumps(value, ensure_ascii=False, default=str).encode()  # fails at a lone surrogate
    except RecursionError:
        raise ValueError("too deep") from None
    if levels(value) > MAX_LEVELS:
        raise ValueError("too deep")
    return value


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is there twice")
    return found


def levels(value: Any) -> int:
    """How deep arrays and objects are nested in it."""
    count, level = 0, [value]
    while parents := [child for child in level if isinstance(child, (list, dict))]:
        count += 1
        level = [child for parent in parents for child in children(parent)]
    return count


def children(parent: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent
