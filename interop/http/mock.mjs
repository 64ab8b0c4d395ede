// Has Prism mock a receiver, and prints how it answers, a report a line, as
// interop/matrix/report.go has it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import yaml from "js-yaml";
import { root, vectors } from "../typescript/vectors.mjs";

const here = import.meta.dirname;
const { version } = JSON.parse(readFileSync(join(here, "node_modules/@stoplight/prism-cli/package.json"), "utf8"));

// patience is how long Prism may take to listen, or to answer, in milliseconds.
const patience = 60_000;

for (const name of ["receiver.yaml", "receiver-3.0.yaml"]) {
  const input = `openapi/dist/${name}`;
  const port = await freePort();
  const prism = spawn(join(here, "node_modules/.bin/prism"), ["mock", join(root, input), "--errors", "--port", port], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await listening(prism);
    const url = `http://127.0.0.1:${port}/events`;
    const report = { kind: "mock", tool: "Prism", version, input, note: "prism mock --errors; payloads that JSON.parse takes, since it answers nothing to others" };
    console.log(JSON.stringify({ ...report, verdicts: await verdicts(url), statuses: await statuses(url, input) }));
  } finally {
    prism.kill();
  }
}

// verdicts asks Prism for each payload: a 2xx is valid, and a 422 invalid.
async function verdicts(url) {
  const said = {};
  for (const { name, text } of vectors("conforms", "deviates", "invalid")) {
    if (!parses(text)) continue;
    const { status } = await post(url, text);
    said[name] = status === 422 ? "invalid" : status >= 200 && status < 300 ? "valid" : `is answered with ${status}`;
  }
  return said;
}

// statuses asks Prism to answer with each status that the document names, and gives that of
// the answer, followed by that in its body, if it has one.
async function statuses(url, input) {
  const { text } = vectors("conforms").find(({ name }) => name === "page.run-completed");
  const document = yaml.load(readFileSync(join(root, input), "utf8"));
  const named = Object.keys(document.paths["/events"].post.responses).filter((status) => /^\d+$/.test(status));
  const said = {};
  for (const asked of named) {
    const { status, body } = await post(url, text, { prefer: `code=${asked}` });
    said[asked] = body === "" ? `${status}` : `${status} ${JSON.parse(body).status}`;
  }
  return said;
}

async function post(url, body, headers = {}) {
  const signal = AbortSignal.timeout(patience);
  const response = await fetch(url, {
    method: "POST", body, headers: { "content-type": "application/json", ...headers }, redirect: "manual", signal,
  });
  return { status: response.status, body: await response.text() };
}

function parses(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// listening waits until Prism says so, and reads on, so that it can write.
function listening(prism) {
  return new Promise((resolve, reject) => {
    setTimeout(reject, patience, new Error("Prism doesn't listen")).unref();
    prism.once("error", reject);
    prism.once("exit", (code) => reject(new Error(`Prism ends with ${code}`)));
    prism.stdout.on("data", (text) => String(text).includes("listening") && resolve());
  });
}
