"""Receives typed events: signed, and in the canonical form, whatever server they are from."""

import base64
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BYTES = 128 * 1024 * 1024
KEY = base64.b64decode(os.environ["RUNHOOKS_FORWARD_SECRET"].removeprefix("whsec_"))


def is_genuine(headers, body: bytes) -> bool:
    """Verifies a signature as Standard Webhooks specifies it."""
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 5 * 60:
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    want = b"v1," + base64.b64encode(hmac.digest(KEY, signed, "sha256"))
    return any(hmac.compare_digest(want, given.encode()) for given in headers.get("webhook-signature", "").split(" "))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            return self.answer(401)
        if self.headers.get("Runhooks-Form") != "canonical":
            return self.answer(400)
        event = json.loads(body)
        # The id is the same in each attempt: make it the unique key of your table.
        print(self.headers["webhook-id"], event["type"], event["run"]["robot_name"], flush=True)
        for group in event["texts"] + event["lists"]:
            for row in group["rows"]:
                print(json.dumps([group["name"], row]), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.close_connection = status >= 400  # what is left of the body is not read
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Logs nothing but what do_POST prints."""


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
