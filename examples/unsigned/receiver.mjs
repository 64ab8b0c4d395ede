// Receives events from a server that signs nothing: it knows it by a secret in the URL, or a password.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const maxBytes = 64 * 1024 * 1024; // a crawl of 50 pages can have 40 MiB
const secret = process.env.EVENTS_SECRET; // openssl rand -hex 16
if (!secret) throw new Error("EVENTS_SECRET is not set");

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
// Compares in a time that tells nothing of the secret, nor of its length.
const same = (given) => timingSafeEqual(sha256(given), sha256(secret));

// Tells a sender by HTTP Basic, by the path's last segment, or by ?secret=.
function isKnown(url, authorization) {
  const [scheme, credentials = ""] = authorization.split(" ");
  let password = "";
  if (scheme.toLowerCase() === "basic") {
    const text = Buffer.from(credentials, "base64").toString("utf8");
    if (text.startsWith("robot:")) password = text.slice("robot:".length);
  }
  const ways = [password, url.pathname.slice(url.pathname.lastIndexOf("/") + 1), url.searchParams.get("secret") ?? ""];
  return ways.map(same).includes(true); // all of them, whichever it was
}

const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status, status < 400 ? {} : { Connection: "close" }).end();
  const url = URL.parse?.(request.url, "http://host") ?? new URL(request.url, "http://host");
  if (!url.pathname.startsWith("/events/") || !isKnown(url, request.headers.authorization ?? "")) {
    return answer(404); // as if nothing were here
  }
  if (request.method !== "POST") return answer(405);
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if ((size += chunk.length) > maxBytes) return answer(413);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  let eventType;
  try {
    eventType = JSON.parse(body.toString("utf8")).event_type;
  } catch {
    return answer(400);
  }
  if (typeof eventType !== "string") return answer(400);
  // The same in each attempt: make it the unique key of your table, and store the bytes.
  // The URL has the secret in it: don't log it.
  console.log("sha256:" + sha256(body).toString("hex"), JSON.stringify(eventType));
  answer(204);
});
server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => console.log("listening on", server.address().port));
