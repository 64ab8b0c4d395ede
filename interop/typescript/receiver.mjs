// The receiver of docs/languages/typescript.md, against runhooks trigger.
import { execFile, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const here = import.meta.dirname;
const runhooks = process.env.RUNHOOKS;
const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;

export async function receiver() {
  const secret = newSecret();
  const program = spawn(process.execPath, [join(here, "receiver/receiver.js")], {
    env: { ...process.env, RUNHOOKS_SECRET: secret, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const lines = createInterface(program.stdout);
    const [line] = await once(lines, "line", { signal: AbortSignal.timeout(30_000) });
    lines.on("line", (text) => console.error(text));
    return await checks(`http://127.0.0.1:${line.match(/\d+$/)[0]}/events`, secret);
  } finally {
    program.kill();
  }
}

async function checks(url, secret) {
  const sent = (event, ...flags) => trigger(secret, event, "--to", url, ...flags);
  const accepted = (status) => status >= 200 && status < 300;
  const refused = (status) => status === 400 || status === 401;
  const wrong = newSecret();
  return [
    row("signed", accepted, [await sent("run_completed"), await sent("run_failed")]),
    row("tampered", refused, [
      await trigger(wrong, "run_completed", "--to", url),
      await trigger(wrong, "run_failed", "--to", url),
      await tampered(url, secret),
    ]),
    row("deviating", accepted, [
      await sent("run_completed", "--as", "maxun"),
      await sent("run_failed", "--as", "maxun"),
    ]),
  ];
}

function row(check, expected, statuses) {
  const passed = statuses.filter(expected).length;
  const ok = passed === statuses.length;
  return { tool: "express", kind: "receiver", input: "openapi/dist/webhooks.yaml", check,
    ok, passed, of: statuses.length, note: ok ? "" : `answered ${statuses.join(", ")}` };
}

// trigger gives the status that one attempt of runhooks trigger was answered with.
async function trigger(secret, ...args) {
  const env = { ...process.env, RUNHOOKS_SECRET: secret };
  const { stdout } = await promisify(execFile)(runhooks, ["trigger", ...args, "--format", "json"], { env })
    .catch((error) => (error.code === 1 ? error : Promise.reject(error))); // 1: answered, but not with a 2xx
  return JSON.parse(stdout).status;
}

// tampered signs one body, and sends another.
async function tampered(url, secret) {
  const { stdout: body } = await promisify(execFile)(runhooks, ["trigger", "run_completed", "--print"]);
  const id = "evt_tampered";
  const timestamp = Math.floor(Date.now() / 1000);
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": `${timestamp}`, "webhook-signature": `v1,${signature}` },
    body: body.replace('"run_completed"', '"run_failed"'),
  });
  return response.status;
}
