"""The receiver, run on loopback, and what it answers to runhooks trigger."""

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from standardwebhooks import Webhook

from matrix import HERE, ROOT, row, vectors

RUNHOOKS = os.environ["RUNHOOKS"]
TOOL = f"standardwebhooks {version('standardwebhooks')}, jsonschema-rs {version('jsonschema-rs')}, FastAPI"
OBSERVED = "openapi/dist/json-schema-2020-12/observed-run-event.json"


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def trigger(url: str, secret: str | None, *arguments: str) -> int:
    """Sends an event, and gives the status of the answer."""
    environment = {name: value for name, value in os.environ.items() if name != "RUNHOOKS_SECRET"}
    if secret:
        environment["RUNHOOKS_SECRET"] = secret
    done = subprocess.run(
        [RUNHOOKS, "trigger", *arguments, "--to", url, "--format", "json"],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return int(json.loads(done.stdout).get("status", 0))


def post(url: str, payload: str, signature: str, at: datetime) -> int:
    """Sends a payload with a signature as it is given, and gives the status of the answer."""
    request = urllib.request.Request(
        url,
        data=payload.encode(),
        headers={
            "Content-Type": "application/json",
            "webhook-id": "evt_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code


def run() -> None:
    """Prints the rows of the receiver."""
    receiver = HERE / "receiver"
    shutil.copy(ROOT / OBSERVED, receiver)
    subprocess.run(
        ["./generate.sh", ROOT / "openapi/dist/webhooks.yaml", "events.py"], cwd=receiver, check=True, stdout=sys.stderr
    )
    mypy: list[str | Path] = ["mypy", "--strict", "--cache-dir", HERE / "generated" / "mypy", "app.py"]
    subprocess.run(mypy, cwd=receiver, check=True, stdout=sys.stderr)

    secret, other = new_secret(), new_secret()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # The socket listens already, so what is sent before the server is up just waits.
        server = subprocess.Popen(
            ["uvicorn", "app:app", "--fd", str(listening.fileno())],
            cwd=receiver, env=os.environ | {"RUNHOOKS_SECRET": secret}, stdout=sys.stderr, pass_fds=[listening.fileno()],
        )  # fmt: skip
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/events"
    try:
        result("signed", {
            name: trigger(url, secret, name) == 204 for name in ("run_completed", "run_failed")
        })  # fmt: skip

        payload = (ROOT / "vectors/conforms/page.run-failed.json").read_text("utf-8")
        now = datetime.now(UTC)
        old = now - timedelta(minutes=6)
        signature = Webhook(secret).sign("evt_1", now, payload)
        result("tampered", {
            "none of it": post(url, payload, signature, now) == 204,
            "another secret, run_completed": trigger(url, other, "run_completed") == 401,
            "another secret, run_failed": trigger(url, other, "run_failed") == 401,
            "another payload": post(url, payload.replace("Test Robot", "Best Robot"), signature, now) == 401,
            "no signature": trigger(url, None, "run_completed") == 401,
            "no signature's form": post(url, payload, "v1", now) == 401,
            "too old": post(url, payload, Webhook(secret).sign("evt_1", old, payload), old) == 401,
        })  # fmt: skip

        passed = {
            f"{name} as maxun": trigger(url, secret, name, "--as", "maxun") == 204
            for name in ("run_completed", "run_failed", "webhook_test")
        }
        refused = {"schema.enum": 422, "json.syntax": 400, "escape.surrogate-in-name": 400}
        for vector in vectors():
            if vector.verdict == "deviates" or vector.name in refused:
                payload = vector.payload.decode()
                signature = Webhook(secret).sign("evt_1", now, payload)
                passed[vector.name] = post(url, payload, signature, now) == refused.get(vector.name, 204)
        result("deviating", passed)
    finally:
        server.terminate()
        server.wait()


def result(check: str, passed: dict[str, bool]) -> None:
    failed = [name for name, ok in passed.items() if not ok]
    row(
        TOOL, version("fastapi"), "receiver", "openapi/dist/webhooks.yaml", check,
        passed=len(passed) - len(failed), of=len(passed),
        note=f"failed: {', '.join(failed)}" if failed else "",
    )  # fmt: skip
