"""Prints what Python's tools make of the contract, a row a result."""

import generators
import receivers
import validators

validators.run()
generators.run()
receivers.run()
