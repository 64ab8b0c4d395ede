"""Prints what the package says of each vector, a line of JSON each. The argument is vectors/."""

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import runhooks

sys.setrecursionlimit(10_000)  # json.dumps takes a level for each level
sys.set_int_max_str_digits(0)
MARK = uuid.uuid4().hex  # json has no way to write a Decimal as a number

for expectation in sorted(Path(sys.argv[1]).glob("*/*.expect.json")):
    name = expectation.name.removesuffix(".expect.json")
    payload = expectation.with_name(name + ".json").read_bytes()
    checked = runhooks.check(payload, each=True)  # as vectors list findings
    parsed = runhooks.parse(payload)
    line: dict[str, Any] = {"vector": name, "verdict": checked.verdict, "codes": [f["code"] for f in checked.findings]}
    if parsed.event is not None:
        line["event"] = parsed.event
    print(re.sub(f'"{MARK}(.*?)"', r"\1", json.dumps(line, default=lambda number: f"{MARK}{number}")))
