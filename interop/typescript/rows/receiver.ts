// Takes events in the canonical form, and writes their rows into a database: what comes of
// an endpoint with the form canonical, whatever server the events are from.
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import sqlite from "node-sqlite3-wasm";
import { Webhook } from "standardwebhooks";
import type { CanonicalRunEvent } from "./canonical-run-event.js";

const { RUNHOOKS_SECRET: secret, PORT: port = "9000", ROWS: file = "rows.db" } = process.env;
if (!secret) throw new Error("set RUNHOOKS_SECRET to the endpoint's secret, whsec_…");
const webhook = new Webhook(secret);

const db = new sqlite.Database(file);
db.exec(`CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT, run TEXT, body TEXT);
  CREATE TABLE IF NOT EXISTS rows (event TEXT, list TEXT, n INTEGER, cells TEXT)`);

const server = createServer(async (request, response) => {
  const text = (await buffer(request)).toString();
  try {
    webhook.verify(text, request.headers as Record<string, string>);
  } catch {
    response.writeHead(401).end();
    return;
  }
  store(String(request.headers["webhook-id"]), text);
  response.writeHead(204).end();
});

// store writes an event, once: the service sends it again if it didn't get the answer.
function store(id: string, text: string): void {
  const event: CanonicalRunEvent = JSON.parse(text);
  db.exec("BEGIN");
  const { changes } = db.run("INSERT INTO events VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", [id, event.type, event.run.id ?? "", text]);
  if (changes > 0) {
    for (const group of [...event.texts, ...event.lists]) {
      group.rows.forEach((row, n) => db.run("INSERT INTO rows VALUES (?, ?, ?, ?)", [id, group.name, n, JSON.stringify(row)]));
    }
  }
  db.exec("COMMIT");
}

// The lock of the database is a folder beside it, which a program leaves behind that doesn't close it.
process.on("SIGTERM", () => {
  db.close();
  process.exit(0);
});
server.listen(Number(port), "127.0.0.1");
