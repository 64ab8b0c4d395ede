"""Calls runhooks.wasm, by as many instances as there are calls at the same time."""

from __future__ import annotations

import json
import os
import sys
import threading
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import Any, cast

from wasmtime import Config, Engine, Func, Linker, Memory, Module, Store, WasiConfig, WasmtimeError

KEEP = 64 << 20  # bytes of memory above which an instance is not used again
DEEPEST = 1100  # levels of an answer: those of the deepest payload, and some around


def configuration() -> Config:
    """Has wasmtime keep what it compiles, which takes it seconds, in the user's cache."""
    config = Config()
    try:
        config.cache = True
    except WasmtimeError:
        pass  # there is no place for it
    return config


engine = Engine(configuration())
module = Module(engine, (files("runhooks") / "runhooks.wasm").read_bytes())
linker = Linker(engine)
linker.define_wasi()


class Instance:
    """Does one call at a time."""

    def __init__(self) -> None:
        self.store = Store(engine)
        self.store.set_wasi(WasiConfig())
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory = cast(Memory, self.exports["memory"])
        self.run("_initialize")

    def run(self, name: str, *arguments: int) -> int:
        return cast(int, cast(Func, self.exports[name])(self.store, *arguments))

    def call(self, name: str, options: bytes, payload: bytes) -> str:
        request = self.run("buffer", len(options) + len(payload)) & 0xFFFFFFFF
        self.memory.write(self.store, options + payload, request)
        place = self.run(name, len(options), len(payload))
        start, length = place >> 32 & 0xFFFFFFFF, place & 0xFFFFFFFF
        return self.memory.read(self.store, start, start + length).decode()


idle: list[Instance] = []
turns = threading.Semaphore(os.cpu_count() or 1)


def call(name: str, payload: bytes | bytearray | memoryview | str, options: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer of the module to a call. Options that are None are left out."""
    if isinstance(payload, str):
        payload = payload.encode("utf-8", "surrogatepass")  # a finding of its own
    elif not isinstance(payload, (bytes, bytearray, memoryview)):
        raise TypeError("the payload is neither bytes nor text: pass the body as it was received, before it is parsed")
    given = json.dumps({key: value for key, value in options.items() if value is not None}).encode()
    with turns:
        try:
            instance = idle.pop()
        except IndexError:
            instance = Instance()
        text = instance.call(name, given, bytes(payload))
        if instance.memory.data_len(instance.store) <= KEEP:
            idle.append(instance)
    answer = decode(text)
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer


def decode(text: str) -> dict[str, Any]:
    """Reads an answer: also numbers that no float can hold, as Decimal, and the deepest."""
    try:
        return cast(dict[str, Any], json.loads(text, parse_float=number))
    except (RecursionError, ValueError):  # ValueError: an integer of thousands of digits
        with deep:
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(limit + DEEPEST)
            try:
                return cast(dict[str, Any], json.loads(text, parse_float=number, parse_int=number))
            finally:
                sys.setrecursionlimit(limit)


deep = threading.Lock()


def number(text: str) -> int | float | Decimal:
    if len(text) < 20 and text.lstrip("-").isdigit():
        return int(text)
    value = float(text)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return value  # its exponent is beyond 18 digits
    return value if Decimal(repr(value)) == exact else exact
