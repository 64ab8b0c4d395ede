"""Prints what the package takes, in CPU time, beside validators of Python: measure.sh runs it."""

import importlib.metadata
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema  # type: ignore[import-untyped]
import jsonschema_rs

import runhooks

ROOT = Path(__file__).parents[4]
PAYLOAD = (ROOT / "vectors/deviates/dialect.null-list.json").read_bytes()
SCHEMA = "openapi/dist/json-schema-{}/observed-run-event.json"


def schema(draft: str) -> Any:
    return json.loads((ROOT / SCHEMA.format(draft)).read_bytes())


def cpu() -> float:
    return time.process_time()


def each(call: Callable[[], object]) -> float:
    """Microseconds of CPU time, the least of 5 rounds."""
    def once(calls: int) -> float:
        begin = cpu()
        for _ in range(calls):
            call()
        return (cpu() - begin) / calls * 1e6

    once(500)
    return min(once(1000) for _ in range(5))


def start(program: str) -> float:
    """Milliseconds of CPU time that a process takes more than one that does nothing."""
    def once(program: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3

    return min(once(program) for _ in range(5)) - min(once("") for _ in range(5))


rust = jsonschema_rs.validator_for(schema("2020-12"), validate_formats=True)
fast = fastjsonschema.compile(schema("draft-07"))
read = f"import json; schema = json.load(open({str(ROOT / SCHEMA)!r}, 'rb'));"
for name, call, program in [
    ("runhooks.check", lambda: runhooks.check(PAYLOAD), "import runhooks; runhooks.check(b'')"),
    ("runhooks.parse", lambda: runhooks.parse(PAYLOAD), "import runhooks; runhooks.check(b'')"),
    ("json.loads", lambda: json.loads(PAYLOAD), "import json"),
    ("json.loads, jsonschema_rs", lambda: rust.is_valid(json.loads(PAYLOAD)),
     read.format("2020-12") + " import jsonschema_rs; jsonschema_rs.validator_for(schema, validate_formats=True)"),
    ("json.loads, fastjsonschema", lambda: fast(json.loads(PAYLOAD)),
     read.format("draft-07") + " import fastjsonschema; fastjsonschema.compile(schema)"),
]:
    print(f"{name:28} {each(call):7.0f} µs a call {start(program):7.0f} ms to start")
print(f"{len(PAYLOAD)} bytes; Python {sys.version.split()[0]}, wasmtime {importlib.metadata.version('wasmtime')}; "
      f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB at most, with all of them")
