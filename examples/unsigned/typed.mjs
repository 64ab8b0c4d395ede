// Receives typed events: signed, and in the canonical form, whatever server they are from.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const maxBytes = 128 * 1024 * 1024;
const key = Buffer.from((process.env.RUNHOOKS_FORWARD_SECRET ?? "").replace(/^whsec_/, ""), "base64");
if (key.length < 24) throw new Error("RUNHOOKS_FORWARD_SECRET is not set");

// Verifies a signature as Standard Webhooks specifies it.
function isGenuine(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp = "", "webhook-signature": signatures = "" } = headers;
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 5 * 60) return false;
  const want = Buffer.from("v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64"));
  return signatures.split(" ").some((given) => {
    const bytes = Buffer.from(given);
    return bytes.length === want.length && timingSafeEqual(bytes, want);
  });
}

const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status, status < 400 ? {} : { Connection: "close" }).end();
  if (request.method !== "POST") return answer(405);
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if ((size += chunk.length) > maxBytes) return answer(413);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (!isGenuine(request.headers, body)) return answer(401);
  if (request.headers["runhooks-form"] !== "canonical") return answer(400);
  const event = JSON.parse(body.toString("utf8"));
  // The id is the same in each attempt: make it the unique key of your table.
  console.log(request.headers["webhook-id"], event.type, event.run.robot_name);
  for (const group of [...event.texts, ...event.lists]) {
    for (const row of group.rows) console.log(JSON.stringify([group.name, row]));
  }
  answer(204);
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log("listening on", server.address().port));
