import express from "express";
import { parse, verify, VerificationError, type CanonicalRunEvent } from "runhooks";

const { RUNHOOKS_SECRET: secret, PORT: port = "9000" } = process.env;
if (!secret) throw new Error("set RUNHOOKS_SECRET to the endpoint's secret, whsec_…");

const app = express();

// The signature is over the body's exact bytes: express.raw keeps them.
app.post("/events", express.raw({ type: () => true, limit: "64mb" }), (request, response) => {
  const body: Buffer = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  let id: string;
  try {
    id = verify(request.headers, body, secret).id; // the same on every attempt: skip those that you know
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    response.status(401).json({ title: "The request is not signed as it should be", detail: error.message });
    return;
  }

  const { verdict, event_type, event, findings } = parse(body);
  if (event) {
    if (verdict === "deviates") console.warn(id, "deviates from the contract:", findings.map((f) => f.code).join(", "));
    take(id, event);
  } else if (event_type && findings[0].code === "event.type-unknown") {
    console.warn(id, "is of a type that nobody here wants:", event_type); // refused, it would come again
  } else {
    response.status(422).json({ title: "The payload is not a run event", findings });
    return;
  }
  response.sendStatus(204);
});

// take takes an event. Store it here: after the answer, nobody sends it again.
function take(id: string, { type, run, texts, lists, error }: CanonicalRunEvent): void {
  switch (type) {
    case "run_completed":
      for (const { name, rows } of [...texts, ...lists]) {
        console.log(id, run.robot_name, name, rows); // each row is an object: row["Price"] is a text, or null
      }
      break;
    case "run_failed":
      console.log(id, run.robot_name, "failed:", error?.message);
      break;
    case "test":
      console.log(id, "tries this endpoint");
  }
}

const server = app.listen(Number(port), "127.0.0.1", (error) => {
  if (error) throw error;
  const address = server.address();
  console.log("listening on", typeof address === "object" ? address?.port : address);
});
