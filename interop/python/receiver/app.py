"""A receiver of run events: verifies each, and has its rows, whatever its server sends."""

import logging
import os

import runhooks
from fastapi import FastAPI, HTTPException, Request

MAX_BYTES = 64 * 1024 * 1024
SECRET = os.environ["RUNHOOKS_SECRET"]

log = logging.getLogger("uvicorn.error")
app = FastAPI()


@app.post("/events", status_code=204)
async def receive(request: Request) -> None:
    body = await read(request)
    try:
        # The id is the same on every attempt, so it tells whether the event was here before.
        event_id = runhooks.verify(request.headers, body, SECRET).id
    except runhooks.VerificationError as refused:
        raise HTTPException(401, str(refused))
    parsed = runhooks.parse(body)
    if parsed.event is not None:
        if parsed.verdict == "deviates":
            log.warning("%s deviates: %s", event_id, ", ".join(f["code"] for f in parsed.findings))
        take(event_id, parsed.event)
    elif parsed.event_type and parsed.findings[0]["code"] == "event.type-unknown":
        log.info("%s: nobody wants %.100r", event_id, parsed.event_type)  # refused, it would come again
    else:
        raise HTTPException(422, {"title": "The payload is not a run event.", "findings": parsed.findings})


async def read(request: Request) -> bytes:
    """Returns the exact body, if it has no more than MAX_BYTES."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"The payload has more than {MAX_BYTES} bytes.")
    return bytes(body)


def take(event_id: str, event: runhooks.CanonicalRunEvent) -> None:
    """Takes an event. Store it here: after the answer, nobody sends it again."""
    robot = event["run"].get("robot_name")
    match event["type"]:
        case "run_completed":
            for group in event["texts"] + event["lists"]:
                log.info("%s: %r: %s: %d rows", event_id, robot, group["name"], len(group["rows"]))
        case "run_failed":
            log.info("%s: %r failed: %r", event_id, robot, event.get("error", {}).get("message"))
        case "test":
            log.info("%s tries this endpoint", event_id)
