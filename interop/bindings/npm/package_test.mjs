// Tests of the package, as it is installed from the pack. VECTORS is the folder of vectors.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const vectors = process.env.VECTORS;
const payload = readFileSync(`${vectors}/deviates/dialect.local-time.json`);
const key = Buffer.alloc(32, 7);
const secret = `whsec_${key.toString("base64")}`;

function sign(body, { id = "evt_1", at = Math.floor(Date.now() / 1000) } = {}) {
  const signature = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": `${at}`, "webhook-signature": `v1,${signature}` };
}

// The instances that were made, to see their memory.
const instances = [];
const Instance = WebAssembly.Instance;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    instances.push(this);
  }
};
const { check, parse, verify, VerificationError } = await import("runhooks");
const { create } = await import("runhooks/create");
const megabytes = () => instances.at(-1).exports.memory.buffer.byteLength / (1 << 20);

test("bytes and text are the same", () => {
  const buffer = new ArrayBuffer(payload.length + 2);
  new Uint8Array(buffer).set(payload, 1);
  const copy = buffer.slice(1, payload.length + 1);
  for (const same of [
    payload, payload.toString(), copy, new DataView(copy), new Uint8Array(buffer, 1, payload.length),
  ]) {
    assert.deepEqual(check(same), check(payload));
    assert.deepEqual(parse(same), parse(payload));
  }
  assert.equal(check("").verdict, "invalid");
  assert.equal(check(new Uint8Array()).findings[0].code, "json.syntax");
  assert.equal(check('{"event_type":"é\ud800"}').event_type, "é\ufffd");
});

test("what is neither throws", () => {
  for (const wrong of [undefined, null, 1, {}, [1], JSON.parse(payload.toString())]) {
    assert.throws(() => check(wrong), { name: "TypeError", message: /neither bytes nor text/ });
  }
});

test("options", () => {
  assert.equal(check(payload).passes, false);
  assert.equal(check(payload, { against: "observed" }).passes, true);
  assert.equal(check(payload, { as: "receiver" }).passes, true);
  assert.throws(() => check(payload, { as: "me" }), { name: "TypeError", message: 'runhooks: the option as is "me"; it is sender or receiver' });
  assert.throws(() => check(payload, { against: 1 }), TypeError);
  assert.throws(() => parse(payload, { locales: "de-DE" }), { message: /unknown field "locales"/ });
  assert.equal(parse("{}").event, undefined);
});

test("headers in each form", async () => {
  const headers = sign(payload);
  const server = createServer((request, response) => {
    response.end(JSON.stringify(verify(request.headers, payload, secret)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const response = await fetch(`http://127.0.0.1:${server.address().port}`, { headers });
  assert.equal((await response.json()).id, "evt_1");
  server.close();

  const capital = { "Webhook-ID": headers["webhook-id"], "Webhook-Timestamp": headers["webhook-timestamp"], "Webhook-Signature": [headers["webhook-signature"]], cookie: undefined };
  for (const form of [headers, capital, new Headers(headers), new Map(Object.entries(headers)), Object.entries(headers)]) {
    const { id, timestamp } = verify(form, payload, [secret, `whsec_${Buffer.alloc(24).toString("base64")}`]);
    assert.equal(id, "evt_1");
    assert.equal(timestamp.getTime(), 1000 * Number(headers["webhook-timestamp"]));
  }
});

test("what is not genuine, and why", () => {
  const at = 1_767_225_600;
  const now = new Date(1000 * at);
  const headers = sign(payload, { at });
  for (const [reason, given, body, options] of [
    ["header-missing", {}, payload, { now }],
    ["header-missing", undefined, payload, { now }],
    ["header-malformed", { ...headers, "webhook-timestamp": now.toISOString() }, payload, { now }],
    ["header-malformed", { ...headers, "WEBHOOK-ID": "evt_1" }, payload, { now }],
    ["too-old", headers, payload, {}],
    ["too-old", headers, payload, { now: 1000 * at + 301_000 }],
    ["too-new", headers, payload, { now: 1000 * at - 61_000, toleranceSeconds: 60 }],
    ["mismatch", headers, `${payload} `, { now }],
  ]) {
    assert.throws(() => verify(given, body, secret, options), (error) =>
      error instanceof VerificationError && error instanceof Error && error.name === "VerificationError" && error.reason === reason && error.message !== "");
  }
  assert.equal(verify(headers, payload, secret, { now: 1000 * at + 299_000 }).id, "evt_1");
  for (const secrets of [undefined, [], "hunter2", [secret, "whsec_"]]) {
    assert.throws(() => verify(headers, payload, secrets, { now }), (error) => error instanceof TypeError && !error.message.includes("hunter2"));
  }
});

test("memory stays bounded", () => {
  const row = (i) => ({ Title: `A product with a name ${i}`, Price: `$${i}.00`, Link: null });
  const event = JSON.parse(payload.toString());
  const large = (mb) => {
    event.data.extracted_data.captured_lists = { Products: Array.from({ length: mb * 14_000 }, (_, i) => row(i)) };
    return JSON.stringify(event);
  };
  const call = (body) => {
    check(body);
    parse(body);
    assert.throws(() => verify(sign("other"), body, secret), VerificationError);
  };
  for (let i = 0; i < 3_400; i++) call(payload);
  const before = megabytes();
  assert.equal(instances.length, 1);
  for (let i = 0; i < 6_600; i++) call(payload);
  // When Go collects what is garbage varies; of a KB for each event there would be 6 MB.
  assert.ok(megabytes() - before < 3, "it grew from event to event");
  assert.equal(instances.length, 1);

  const ten = large(10);
  assert.ok(ten.length > 10e6, `${ten.length}`);
  let most = 0;
  for (let i = 0; i < 5; i++) {
    call(ten);
    most = Math.max(most, ...instances.map((instance) => instance.exports.memory.buffer.byteLength / (1 << 20)));
    instances.splice(0, instances.length - 1);
  }
  call(payload);
  console.log(`memory: ${before} MB with small events, ${most} MB with one of ${Math.round(ten.length / 1e6)} MB, ${megabytes()} MB afterwards`);
  assert.ok(before < 32, `${before} MB`);
  assert.ok(most < 320, `${most} MB`);
  assert.ok(megabytes() < 64, `${megabytes()} MB`);
});

// A module whose calls trap, and whose buffer is one page.
const broken = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 15, 3, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7e, // () -> (); i32 -> i32; i32, i32 -> i64
  3, 4, 3, 0, 1, 2,
  5, 3, 1, 0, 1,
  7, 41, 4,
  11, ...Buffer.from("_initialize"), 0, 0,
  6, ...Buffer.from("memory"), 2, 0,
  6, ...Buffer.from("buffer"), 0, 1,
  5, ...Buffer.from("check"), 0, 2,
  10, 13, 3, 2, 0, 0x0b, 4, 0, 0x41, 0, 0x0b, 3, 0, 0, 0x0b,
);

test("an instance that fails is replaced", () => {
  const { check } = create(new WebAssembly.Module(broken));
  const before = instances.length;
  assert.throws(() => check("{}"), { name: "Error", message: "runhooks: unreachable" });
  assert.throws(() => check("x".repeat(70_000)), { name: "Error", message: /^runhooks: / });
  assert.equal(instances.length, before + 2);
});

test("require", () => {
  assert.equal(require("runhooks").check(payload).verdict, "deviates");
});

test("browsers compile it on their main thread", () => {
  const size = readFileSync(require.resolve("runhooks/runhooks.wasm")).length;
  assert.ok(size < 8 << 20, `Chromium refuses to instantiate more than 8 MiB there; it has ${size} bytes`);
});

const examples = [...readFileSync("node_modules/runhooks/README.md", "utf8").matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);

test("the first example of README.md", async () => {
  writeFileSync("readme.mjs", examples[0]);
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const PORT = String(free.address().port);
  free.close();
  await once(free, "close");
  const child = spawn(process.execPath, ["readme.mjs"], { env: { ...process.env, PORT, RUNHOOKS_SECRET: secret }, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (data) => { printed += data; });
  const post = async (body, headers) => {
    for (;;) {
      try {
        return (await fetch(`http://127.0.0.1:${PORT}`, { method: "POST", body, headers })).status;
      } catch (error) {
        if (error.cause?.code !== "ECONNREFUSED" || child.exitCode !== null) throw error;
      }
    }
  };
  try {
    const body = readFileSync(`${vectors}/deviates/dialect.lists-array.json`);
    assert.equal(await post(body, sign(body)), 204);
    assert.equal(await post("{}", sign("{}")), 422);
    assert.equal(await post(body, sign("{}")), 401);
    assert.equal(await post(body, {}), 401);
    assert.match(printed, /^evt_1 .* list_0 \d+\n/);
  } finally {
    child.kill();
  }
});

test("the second example of README.md", async () => {
  writeFileSync("readme-fetch.mjs", examples[1].replace(/"whsec_\w+"/, `"${secret}"`));
  const { default: handler } = await import("./readme-fetch.mjs");
  const status = async (body, headers) =>
    (await handler.fetch(new Request("https://example.com", { method: "POST", body, headers }))).status;
  assert.equal(await status(payload, sign(payload)), 204);
  assert.equal(await status("{}", sign("{}")), 422);
  assert.equal(await status(payload, sign("{}")), 401);
});

test("the third example of README.md", async () => {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "application/wasm");
    response.end(readFileSync(require.resolve("runhooks/runhooks.wasm")));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `"http://127.0.0.1:${server.address().port}"`;
  writeFileSync("readme-streaming.mjs", `${examples[2].replace(/"\/assets.*?"/, url)}\nexport { check };\n`);
  const { check: streamed } = await import("./readme-streaming.mjs");
  server.close();
  assert.deepEqual(streamed(payload), check(payload));
});
