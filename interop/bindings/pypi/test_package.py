"""Tests of the package, as it is installed from the wheel."""

import base64
import hashlib
import hmac
import json
import os
import pickle
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.message import Message
from http.server import HTTPServer
from pathlib import Path
from typing import Any, cast
from unittest import mock

import wasmtime

import runhooks
from runhooks import _module

VECTORS = Path(__file__).parents[4] / "vectors"
PAYLOAD = (VECTORS / "deviates" / "dialect.local-time.json").read_bytes()
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def sign(body: bytes, at: float | None = None) -> dict[str, str]:
    seconds = int(time.time() if at is None else at)
    digest = hmac.digest(KEY, b"evt_1.%d." % seconds + body, hashlib.sha256)
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": "evt_1", "webhook-timestamp": str(seconds), "webhook-signature": signature}


class TestPackage(unittest.TestCase):
    def test_bytes_and_text_are_the_same(self) -> None:
        forms: list[Any] = [PAYLOAD.decode(), bytearray(PAYLOAD), memoryview(PAYLOAD), memoryview(b"x" + PAYLOAD)[1:]]
        for form in forms:
            self.assertEqual(runhooks.check(form), runhooks.check(PAYLOAD))
            self.assertEqual(runhooks.parse(form), runhooks.parse(PAYLOAD))

    def test_no_payload_raises(self) -> None:
        texts: list[tuple[Any, str]] = [
            ("", "json.syntax"), (b"", "json.syntax"), (b'"\xff"', "json.invalid-utf8"), ('"\ud800"', "json.invalid-utf8"),
            (b'{"\\ud800":1}', "json.lone-surrogate"), (b"\0" * 1000, "json.syntax"), (b"[" * 100_000, "json.too-deep"),
        ]
        for payload, code in texts:
            checked, parsed = runhooks.check(payload), runhooks.parse(payload)
            self.assertEqual((checked.verdict, checked.passes, checked.findings[0]["code"]), ("invalid", False, code))
            self.assertIsNone(parsed.event)
            self.assertRaises(runhooks.VerificationError, runhooks.verify, {}, payload, SECRET)

    def test_what_is_neither_raises(self) -> None:
        payloads: list[Any] = [None, 1, {}, [1], json.loads(PAYLOAD)]
        for payload in payloads:
            with self.assertRaisesRegex(TypeError, "neither bytes nor text"):
                runhooks.check(payload)

    def test_options(self) -> None:
        self.assertFalse(runhooks.check(PAYLOAD).passes)
        self.assertTrue(runhooks.check(PAYLOAD, against="observed").passes)
        self.assertTrue(runhooks.check(PAYLOAD, as_="receiver").passes)
        wrong: list[tuple[Any, str, Any]] = [
            (runhooks.check, "as_", "me"), (runhooks.check, "against", "it"), (runhooks.check, "each", 1),
            (runhooks.parse, "zone", "Europe/Atlantis"), (runhooks.parse, "locale", "xx"), (runhooks.parse, "layouts", [1]),
        ]
        for function, name, value in wrong:
            with self.assertRaises(ValueError) as raised:
                function(PAYLOAD, **{name: value})
            self.assertNotIsInstance(raised.exception, runhooks.VerificationError)
            self.assertIn(name.rstrip("_"), str(raised.exception))

    def test_provenance(self) -> None:
        parsed = runhooks.parse(PAYLOAD, provenance=True, zone="Europe/Berlin", locale="en-US")
        assert parsed.event is not None
        self.assertIn("instant", parsed.event["run"].get("started_at", {}))
        self.assertRegex(parsed.event.get("provenance", {})["/run/id"], "^/data/")
        self.assertNotIn("provenance", runhooks.parse(PAYLOAD).event or {})

    def test_numbers_and_depth(self) -> None:
        numbers = {"a": "1e400", "b": "0.1", "c": "1e-400", "d": "9" * 5000, "e": "-0.0", "f": "0.30000000000000000001"}
        event = PAYLOAD.replace(b"{", ("{" + "".join(f'"{n}":{v},' for n, v in numbers.items())).encode(), 1)
        parsed = runhooks.parse(event)
        assert parsed.event is not None
        extra = {e["pointer"][1:]: e["value"] for e in parsed.event["extra"]}
        sys.set_int_max_str_digits(6000)
        self.assertEqual({n: str(extra[n]).lower() for n in numbers}, {**numbers, "a": "1e+400"})
        limit = sys.getrecursionlimit()
        deep = runhooks.parse(PAYLOAD.replace(b"{", b'{"x":' + b"[" * 990 + b"]" * 990 + b",", 1))
        assert deep.event is not None
        self.assertEqual(deep.event["extra"][0]["pointer"], "/x")
        self.assertEqual(sys.getrecursionlimit(), limit)

    def test_headers(self) -> None:
        signed = sign(PAYLOAD)
        message = Message()
        for name, value in signed.items():
            message[name.title()] = value
        lists = {name.upper(): [value] for name, value in signed.items()}
        raw = [(name.encode(), value.encode()) for name, value in signed.items()]
        forms: list[Any] = [signed, message, lists, raw, iter(signed.items()), {**signed, "cookie": None}]
        for form in forms:
            verified = runhooks.verify(form, PAYLOAD, ["whsec_" + "A" * 32, SECRET])
            self.assertEqual(verified.id, "evt_1")
            self.assertEqual(verified.timestamp, datetime.fromtimestamp(int(signed["webhook-timestamp"]), timezone.utc))

    def test_what_is_not_genuine(self) -> None:
        now = datetime(2026, 1, 1, tzinfo=timezone.utc)
        signed = sign(PAYLOAD, now.timestamp())
        cases: list[tuple[str, Any, bytes, dict[str, Any]]] = [
            ("header-missing", {}, PAYLOAD, {"now": now}),
            ("header-malformed", {**signed, "webhook-timestamp": "\ud800"}, PAYLOAD, {"now": now}),
            ("header-malformed", {**signed, "WEBHOOK-ID": "evt_1"}, PAYLOAD, {"now": now}),
            ("too-old", signed, PAYLOAD, {}),
            ("too-new", signed, PAYLOAD, {"now": now - timedelta(seconds=61), "tolerance_seconds": 60}),
            ("mismatch", signed, PAYLOAD + b" ", {"now": now}),
        ]
        for reason, headers, body, options in cases:
            with self.assertRaises(runhooks.VerificationError) as raised:
                runhooks.verify(headers, body, SECRET, **options)
            self.assertEqual(raised.exception.reason, reason)
            copy = pickle.loads(pickle.dumps(raised.exception))
            self.assertEqual((copy.reason, str(copy)), (reason, str(raised.exception)))
        for secrets in ([], "hunter2", [SECRET, "whsec_"]):
            with self.assertRaises(ValueError) as wrong:
                runhooks.verify(signed, PAYLOAD, secrets, now=now)
            self.assertNotIsInstance(wrong.exception, runhooks.VerificationError)
            self.assertNotIn("hunter2", str(wrong.exception))

    def test_threads(self) -> None:
        payloads = [path.read_bytes() for path in sorted((VECTORS / "deviates").glob("wild.*.json"))]
        want = [runhooks.parse(payload) for payload in payloads]
        with ThreadPoolExecutor(8) as threads:
            for got in threads.map(lambda _: [runhooks.parse(payload) for payload in payloads], range(16)):
                self.assertEqual(got, want)
        self.assertLessEqual(len(_module.idle), os.cpu_count() or 1)

    @unittest.skipUnless(hasattr(os, "fork"), "no fork")
    def test_fork(self) -> None:
        runhooks.check(PAYLOAD)
        child = os.fork()
        if child == 0:
            os._exit(0 if runhooks.check(PAYLOAD).verdict == "deviates" else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_memory_stays_bounded(self) -> None:
        def size() -> int:
            return max(instance.memory.data_len(instance.store) for instance in _module.idle) >> 20

        event = json.loads(PAYLOAD)
        event["data"]["extracted_data"]["captured_lists"] = {
            "Products": [{"Title": f"A product with a name {i}", "Price": f"${i}.00", "Link": None} for i in range(140_000)]
        }
        large = json.dumps(event)
        _module.idle.clear()
        for _ in range(3000):
            runhooks.parse(PAYLOAD)
        before = size()
        for _ in range(6000):
            runhooks.parse(PAYLOAD)
        # When Go collects what is garbage varies; of a KB for each event there would be 6 MB.
        self.assertLess(size() - before, 3, "it grew from event to event")
        self.assertLess(before, 32)
        parsed = runhooks.parse(large)
        assert parsed.event is not None
        self.assertEqual(len(parsed.event["lists"][0]["rows"]), 140_000)
        self.assertEqual(_module.idle, [], "an instance that has grown is kept")

    def test_an_instance_that_fails_is_not_used_again(self) -> None:
        runhooks.check(PAYLOAD)
        broken = _module.idle[-1]
        del broken.exports
        self.assertRaises(AttributeError, runhooks.check, PAYLOAD)
        self.assertNotIn(broken, _module.idle)
        self.assertEqual(runhooks.check(PAYLOAD).verdict, "deviates")

    def test_no_place_for_a_cache(self) -> None:
        with mock.patch.dict(os.environ, {"HOME": __file__, "XDG_CACHE_HOME": __file__}):
            with self.assertRaises(wasmtime.WasmtimeError):
                wasmtime.Config().cache = True
            _module.configuration()

    def test_the_first_example_of_the_readme(self) -> None:
        body = (VECTORS / "deviates" / "dialect.lists-array.json").read_bytes()
        with HTTPServer(("127.0.0.1", 0), cast(Any, None)) as free:
            port = free.server_port
        env = {**os.environ, "PORT": str(port), "RUNHOOKS_SECRET": SECRET}
        with subprocess.Popen([sys.executable, "readme.py"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as receiver:
            try:
                self.assertEqual(post(port, receiver, body, sign(body)), 204)
                self.assertEqual(post(port, receiver, b"{}", sign(b"{}")), 422)
                self.assertEqual(post(port, receiver, body, sign(b"{}")), 401)
                self.assertEqual(post(port, receiver, body, {}), 401)
            finally:
                receiver.terminate()
            assert receiver.stdout is not None
            self.assertRegex(receiver.stdout.read(), rb"^evt_1 \S+ list_0 \d+\n")


def post(port: int, receiver: subprocess.Popen[bytes], body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers)
    while True:
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            if receiver.poll() is not None:
                raise  # it doesn't start


if __name__ == "__main__":
    unittest.main()
