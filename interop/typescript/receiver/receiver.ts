import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import express from "express";
import { Webhook } from "standardwebhooks";
import type { components } from "./contract/openapi/webhooks.js";

type RunEvent = components["schemas"]["RunEvent"];

const { RUNHOOKS_SECRET: secret, PORT: port = "9000" } = process.env;
if (!secret) throw new Error("set RUNHOOKS_SECRET to the endpoint's secret, whsec_…");
const webhook = new Webhook(secret);

const ajv = new Ajv2020({ strictNumbers: false }); // 1e400 is a number, too, and Infinity in JavaScript
formats.default(ajv);
const schema = (name: string) =>
  JSON.parse(readFileSync(new URL(`contract/openapi/json-schema-2020-12/${name}.json`, import.meta.url), "utf8"));
// isDocumented gives the event its type; isObserved also lets pass what servers really send.
const isDocumented = ajv.compile<RunEvent>(schema("run-event"));
const isObserved = ajv.compile<{ event_type: string }>(schema("observed-run-event"));
// Events of other types, such as those to come, are nothing to refuse.
const isOther = ajv.compile<{ event_type: string }>({
  type: "object",
  required: ["event_type"],
  properties: { event_type: { type: "string", minLength: 1, not: { enum: ["run_completed", "run_failed"] } } },
});
// fatal refuses what is no UTF-8; toString would put other characters in its place.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const app = express();

// The signature is over the body's exact bytes: keep them, and parse after the check.
app.post("/events", express.raw({ type: "application/json", limit: "32mb" }), (request, response) => {
  const body: unknown = request.body;
  if (!Buffer.isBuffer(body)) {
    response.status(415).json({ title: "the body has to be application/json" });
    return;
  }
  let text: string;
  try {
    text = utf8.decode(body);
    // verify reads the digits that the timestamp begins with, and ignores what follows.
    if (!/^\d+$/.test(request.get("webhook-timestamp") ?? "")) throw new Error("webhook-timestamp is no number");
    webhook.verify(text, request.headers as Record<string, string>, { jsonParse: false });
  } catch (error) {
    response.status(401).json({ title: "the signature does not match", detail: String(error) });
    return;
  }
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch (error) {
    response.status(400).json({ title: "the body is no JSON", detail: String(error) });
    return;
  }

  const id = request.get("webhook-id"); // the same on every attempt: skip those that you know
  if (isDocumented(event)) {
    console.log(id, summary(event));
  } else if (isObserved(event)) {
    console.warn(id, "deviates from the contract", ajv.errorsText(isDocumented.errors));
  } else if (isOther(event)) {
    console.warn(id, "is none of our events:", event.event_type);
  } else {
    response.status(422).json({ title: "no event of the contract", detail: ajv.errorsText(isObserved.errors) });
    return;
  }
  response.sendStatus(204); // at once: whatever takes long belongs into a queue
});

function summary(event: RunEvent): string {
  switch (event.event_type) {
    case "run_completed":
      return `${event.data.robot_name}: ${event.data.status}, ${event.data.extracted_data?.total_rows ?? 0} rows`;
    case "run_failed":
      return `${event.data.robotName}: ${event.data.error.message}`;
  }
}

const server = app.listen(Number(port), "127.0.0.1", (error) => {
  if (error) throw error;
  const address = server.address();
  console.log("listening on", typeof address === "object" ? address?.port : address);
});
