"""Takes events in the canonical form, and writes their rows into a database.

It is what comes of an endpoint with the form canonical, whatever server the events are from.
"""

import json
import os
import signal
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType

from standardwebhooks import Webhook, WebhookVerificationError

from events import CanonicalRunEvent

webhook = Webhook(os.environ["RUNHOOKS_SECRET"])
db = sqlite3.connect(os.environ.get("ROWS", "rows.db"))
db.executescript("""
    CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT, run TEXT, body TEXT);
    CREATE TABLE IF NOT EXISTS rows (event TEXT, list TEXT, n INTEGER, cells TEXT);
""")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            webhook.verify(body, dict(self.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            self.send_error(401)
            return
        store(self.headers["webhook-id"], body)
        self.send_response(204)
        self.end_headers()


def store(event_id: str, body: bytes) -> None:
    """Writes an event, once: the service sends it again if it didn't get the answer."""
    event = CanonicalRunEvent.model_validate_json(body)
    with db:
        added = db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (event_id, event.type, event.run.id, body.decode()),
        )
        if added.rowcount == 0:
            return
        db.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?)",
            [
                (event_id, group.name, n, json.dumps(row.model_dump(mode="json")))
                for group in [*event.texts, *event.lists]
                for n, row in enumerate(group.rows)
            ],
        )


def end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit()


signal.signal(signal.SIGTERM, end)
HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver).serve_forever()
