"""Prints what Python's tools make of the contract, a report a line."""

from importlib.metadata import version

import clients
import generators
import rules
import validators
from report import report

validators.run()
generators.run()
rules.run()
report(
    "receiver", "fastapi", version("fastapi"), input="docs/languages/python.md",
    note="with the package runhooks",
)  # fmt: skip
clients.run()
