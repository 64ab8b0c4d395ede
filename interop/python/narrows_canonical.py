"""Told apart by type, and by what may be null or absent: only mypy reads this, beside each generated module."""

from typing import assert_never, assert_type

from events import CanonicalRow, CanonicalRunEvent, CanonicalTime, Type


def price(event: CanonicalRunEvent) -> str | None:
    assert_type(event.run.started_at, CanonicalTime | None)
    row = event.lists[0].rows[0]
    assert_type(row, CanonicalRow)
    match event.type:
        case Type.run_completed:
            cell = row.root["Price"]
            assert_type(cell, str | None)
            return cell
        case Type.run_failed:
            return event.error.message if event.error else None
        case Type.test:
            return None
        case _:
            assert_never(event.type)
