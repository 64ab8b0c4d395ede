"""As narrows_models.py, for a generated client: its union has no name of its own."""

from typing import assert_type

from events.models import RunCompleted, RunFailed


def reason(event: RunCompleted | RunFailed) -> str:
    if event.event_type == "run_failed":
        assert_type(event, RunFailed)
        return event.data.error.message
    assert_type(event, RunCompleted)
    return event.data.status
