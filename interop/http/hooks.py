"""What Schemathesis loads into its run: which cases it sends, and a line of each for fuzz.py."""

import json
import os
from pathlib import Path

import schemathesis
from schemathesis.core.parameters import ParameterLocation

SENT = Path(os.environ["SENT"])


@schemathesis.hook
def filter_case(context, case):
    """A receiver without a secret reads no headers, so it can't refuse those that aren't as documented."""
    headers = case.meta.components.get(ParameterLocation.HEADER)
    return headers is None or headers.mode.is_positive


@schemathesis.hook
def after_call(context, case, response):
    if case.method == "POST":
        sent = {"conforms": case.meta.generation.mode.is_positive, "status": response.status_code, "body": repr(case.body)[:100]}
        with SENT.open("a", encoding="utf-8") as file:
            file.write(json.dumps(sent) + "\n")
