"""The client of the delivery service: whether its types check, and what it sees of a service."""

import json
import os
import re
from importlib.metadata import version

from generators import OUT, check, client, generate, load
from report import ROOT, gist, payloads, report

TOOL = "openapi-python-client"
FILE = "openapi/dist/service.yaml"


def run() -> None:
    """The report of the client."""
    folder = OUT / "client"
    output = generate(lambda source, folder: client(source, folder, "service"), ROOT / FILE, folder)
    if output.error:
        report("client", TOOL, version(TOOL), input=FILE, error=output.error)
        return
    compiles, uses = check(folder, "converses.py")
    calls = None
    if "SERVICE_URL" in os.environ:
        calls = saw() if uses["ok"] else {"error": uses["note"]}
    # It goes on without what it can't generate.
    left_out = re.findall(r"WARNING parsing (\S+ \S+) within .*\n+(.+)", output.said)
    note = "; ".join(f"without {operation}: {why}" for operation, why in left_out)
    report("client", TOOL, version(TOOL), input=FILE, note=note, compiles=compiles, calls=calls)


def saw() -> dict[str, str]:
    """What the client sees, as far as it gets."""
    seen: dict[str, str] = {}
    robot = f"python {TOOL}"
    data = json.loads(payloads("conforms")["page.run-completed"])["data"] | {"robot_id": robot}
    url, token, sink = (os.environ[f"SERVICE_{name}"] for name in ("URL", "TOKEN", "SINK"))
    try:
        load(OUT / "client", "converses").converse(url, token, sink, robot, data, seen)
    except Exception as problem:  # whatever it is, it is what a caller gets
        seen["error"] = gist(problem)
    return seen
