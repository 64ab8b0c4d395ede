"""Told apart by event_type, statically: only mypy reads this, beside each generated module."""

from typing import assert_type

from events import RunCompleted, RunEvent, RunFailed


def reason(event: RunEvent) -> str:
    run = event.root
    if run.event_type == "run_failed":
        assert_type(run, RunFailed)
        return run.data.error.message
    assert_type(run, RunCompleted)
    return run.data.status
