"""A receiver of run events: verifies each, validates it, and tells them apart."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import jsonschema_rs
from fastapi import FastAPI, HTTPException, Request
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

import strict_json
from events import RunCompleted, RunEvent, RunFailed

MAX_BYTES = 32 * 1024 * 1024

log = logging.getLogger("uvicorn.error")
webhook = Webhook(os.environ["RUNHOOKS_SECRET"])
observed = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("observed-run-event.json").read_bytes()),
    validate_formats=True,
)
app = FastAPI()


@app.post("/events", status_code=204)
async def receive(request: Request) -> None:
    body = await read(request)
    if not request.headers.get("webhook-timestamp", "").isdecimal():
        raise HTTPException(401, "The timestamp is no number of seconds.")  # verify cuts fractions
    try:
        webhook.verify(body, dict(request.headers), json_parse=False)
    except UnicodeDecodeError:
        raise HTTPException(400, "The payload is not UTF-8.")
    except (WebhookVerificationError, ValueError):  # ValueError: malformed
        raise HTTPException(401, "The signature does not verify.")
    try:
        payload = strict_json.loads(body)
    except ValueError as problem:
        raise HTTPException(400, f"The payload is not strict JSON: {problem}")

    # The same on every attempt, so it tells whether the event was here before.
    event_id = request.headers["webhook-id"]
    if not observed.is_valid(payload):
        if not is_of_unknown_type(payload):
            raise HTTPException(422, "The payload is no run event: see runhooks check.")
        log.info("%s: nobody wants %.100r", event_id, payload["event_type"])
        return
    try:
        event = RunEvent.model_validate_json(body).root
    except ValidationError as problem:
        take_deviating(event_id, payload, problem)
    else:
        take(event_id, event)


async def read(request: Request) -> bytes:
    """Gives the body, if it has no more than MAX_BYTES."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"The payload has more than {MAX_BYTES} bytes.")
    return bytes(body)


def is_of_unknown_type(payload: Any) -> bool:
    """Tells whether it is an event that servers may send one day. Refused, it would come again."""
    event_type = payload.get("event_type") if isinstance(payload, dict) else None
    known = ("", "run_completed", "run_failed", "webhook_test")
    return isinstance(event_type, str) and event_type not in known


def take(event_id: str, event: RunCompleted | RunFailed) -> None:
    """Takes an event as documented. Store it here: after the answer, nobody sends it again."""
    match event:
        case RunCompleted(data=run):
            rows = run.extracted_data.total_rows if run.extracted_data else 0
            log.info("%s: %r completed: %s, %d rows", event_id, run.robot_name, run.status, rows)
        case RunFailed(data=run):
            log.info("%s: %r failed: %r", event_id, run.robotName, run.error.message)


def take_deviating(event_id: str, payload: dict[str, Any], problem: ValidationError) -> None:
    """Takes an event that the types don't: as servers are known to send, or of 1e400 rows."""
    first = problem.errors()[0]
    where = "/".join(map(str, first["loc"]))
    log.warning("%s: %s deviates: %r: %s", event_id, payload["event_type"], where, first["msg"])
