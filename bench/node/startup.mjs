// What it takes a program to start, and to judge its first payload, which is FILE: by
// package runhooks, as it is packed, and by ajv, which compiles the schemas or has them
// compiled. Each is a process of its own, started again and again, in turn.
//
//	node startup.mjs FILE [RUNS]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import addFormats from "ajv-formats";

const [file, runs = "20"] = process.argv.slice(2);
const url = (path) => new URL(path, import.meta.url).href;
const schema = (name) => JSON.parse(readFileSync(new URL(`../../openapi/dist/json-schema-2020-12/${name}.json`, import.meta.url)));
const options = { strict: false, allErrors: true };
const folder = mkdtempSync(join(fileURLToPath(new URL(".", import.meta.url)), "startup-"));
const compiled = join(folder, "compiled.cjs");
const ajv = addFormats.default(new Ajv2020.default({ ...options, code: { source: true } }));
writeFileSync(compiled, standalone.default(ajv, ajv.compile(schema("observed-run-event"))));

const programs = {
  "nothing": "",
  "runhooks check": `import { check } from "${url("../../bindings/npm/node.js")}"; verdict = check(payload).verdict;`,
  "runhooks parse": `import { parse } from "${url("../../bindings/npm/node.js")}"; verdict = parse(payload).verdict;`,
  "ajv, compiled before": `import validate from "${compiled}"; verdict = validate(JSON.parse(payload));`,
  "ajv": `import Ajv from "${url("node_modules/ajv/dist/2020.js")}"; import formats from "${url("node_modules/ajv-formats/dist/index.js")}";
    const ajv = formats.default(new Ajv.default(${JSON.stringify(options)}));
    verdict = ajv.compile(${JSON.stringify(schema("observed-run-event"))})(JSON.parse(payload));`,
};
const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
try {
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, `${name}.mjs`), `import { readFileSync } from "node:fs";
      const payload = readFileSync(process.argv[2]); let verdict; ${text}
      console.log(JSON.stringify({ verdict, rss: process.memoryUsage.rss() >> 20 }));`);
  }
  for (let run = 0; run < Number(runs); run++) {
    for (const name of Object.keys(programs)) {
      const start = performance.now();
      const printed = execFileSync(process.execPath, [join(folder, `${name}.mjs`), file], { encoding: "utf8" });
      times[name].push({ ms: performance.now() - start, ...JSON.parse(printed) });
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
for (const [name, all] of Object.entries(times)) {
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
  console.log(`${name}: ${sorted[sorted.length >> 1].toFixed(0)} ms (${sorted[0].toFixed(0)} at least), ${all[0].rss} MB, ${all[0].verdict}`);
}
