"""Receives events from a server that signs nothing: it knows it by a secret in the URL, or a password."""

import base64
import hashlib
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MAX_BYTES = 64 * 1024 * 1024  # a crawl of 50 pages can have 40 MiB
SECRET = os.environ["EVENTS_SECRET"]  # openssl rand -hex 16


def same(given: str) -> bool:
    """Compares in a time that tells nothing of the secret, nor of its length."""
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(SECRET.encode()).digest())


def is_known(target: str, authorization: str) -> bool:
    """Tells a sender by HTTP Basic, by the path's last segment, or by ?secret=."""
    url = urlsplit(target)
    scheme, _, credentials = authorization.partition(" ")
    password = ""
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
            password = password if user == "robot" else ""
        except ValueError:
            pass
    return any([same(password), same(url.path.rpartition("/")[2]), same(parse_qs(url.query).get("secret", [""])[0])])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not self.path.startswith("/events/") or not is_known(self.path, self.headers.get("Authorization", "")):
            return self.answer(404)  # as if nothing were here
        if not length.isdecimal():
            return self.answer(411)
        if int(length) > MAX_BYTES:
            return self.answer(413)
        body = self.rfile.read(int(length))
        try:
            event_type = json.loads(body)["event_type"]
        except (ValueError, TypeError, KeyError):
            return self.answer(400)
        # The same in each attempt: make it the unique key of your table, and store the bytes.
        print("sha256:" + hashlib.sha256(body).hexdigest(), ascii(event_type), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.close_connection = status >= 400  # what is left of the body is not read
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Logs nothing: the request line has the secret in it."""


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
