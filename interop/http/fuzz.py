"""Has Schemathesis send to `runhooks listen` what it makes of the document, and prints the report, as
interop/matrix/report.go has it."""

import json
import os
import re
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INPUT = "openapi/dist/receiver.yaml"
SENT = HERE / "generated" / "sent.ndjson"
# How the receiver's answers are judged. Which requests it takes and refuses is judged below.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def fuzz(url: str) -> str:
    """What Schemathesis has to say of the receiver's answers: nothing, mostly."""
    command = [
        Path(sys.executable).with_name("schemathesis"), "--no-color", "run", ROOT / INPUT, "--url", url, "--checks", CHECKS,
        "--phases", "examples,coverage,fuzzing", "--max-examples", "50", "--generation-deterministic", "--continue-on-failure",
    ]  # fmt: skip
    SENT.unlink(missing_ok=True)
    env = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "SENT": str(SENT)}
    run = subprocess.run(command, cwd=SENT.parent, env=env, capture_output=True, encoding="utf-8", errors="replace")
    if run.returncode not in (0, 1) or not SENT.exists():
        raise RuntimeError(f"schemathesis ends with {run.returncode}: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    failures = re.findall(r"^- (.*)$", run.stdout, re.MULTILINE)
    return failures[0] if failures else "" if run.returncode == 0 else "Schemathesis fails, and doesn't say why"


def answer(wrong: list[str]) -> dict[str, object]:
    return {"ok": False, "note": f"{len(wrong)} times, the first: {wrong[0]}"} if wrong else {"ok": True}


def main() -> None:
    receiver = subprocess.Popen(
        [ROOT / "bin" / "runhooks", "listen", "--addr", "127.0.0.1:0", "--against", "documented", "--format", "ndjson"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        line = receiver.stderr.readline()
        listening = re.search(r"http://127\.0\.0\.1:\d+", line)
        if not listening:
            raise RuntimeError(f"runhooks listen doesn't: {line}")
        threading.Thread(target=receiver.stderr.read, daemon=True).start()
        complaint = fuzz(listening[0])
    finally:
        receiver.terminate()
        receiver.wait()
    sent = [json.loads(line) for line in SENT.read_text("utf-8").splitlines()]
    if {case["conforms"] for case in sent} != {True, False}:
        raise RuntimeError(f"Schemathesis has sent {len(sent)} events, of which none conform, or all")
    report = {
        "kind": "fuzzer",
        "tool": "Schemathesis",
        "version": version("schemathesis"),
        "input": INPUT,
        "note": "sends to runhooks listen --against documented, in its phases examples, coverage and fuzzing, with 50 examples; headers are as documented, since it reads none without a secret",
        "takes": answer([f"{c['status']} for {c['body']}" for c in sent if c["conforms"] and c["status"] // 100 != 2]),
        "refuses": answer([f"{c['status']} for {c['body']}" for c in sent if not c["conforms"] and c["status"] // 100 != 4]),
        "answers": answer([complaint] if complaint else []),
    }
    print(json.dumps(report))


main()
