// Prints what the package says of each vector, a line of JSON each. It is run by Node.js,
// Deno and Bun, in a project that has nothing but the package. The argument is vectors/.
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { check, parse } from "runhooks";

const vectors = process.argv[2];
for (const verdict of ["conforms", "deviates", "invalid"]) {
  for (const file of readdirSync(`${vectors}/${verdict}`).sort()) {
    if (!file.endsWith(".json") || /\.(expect|canonical)\.json$/.test(file)) continue;
    const payload = readFileSync(`${vectors}/${verdict}/${file}`);
    const checked = check(payload, { each: true }); // as vectors list findings
    const { event } = parse(payload);
    const codes = checked.findings.map((finding) => finding.code);
    console.log(json({ vector: file.slice(0, -".json".length), verdict: checked.verdict, codes, event }));
  }
}

// json is JSON.stringify for what JSON.parse returned: of 1e400 it makes Infinity, for which
// JSON.stringify would have null.
function json(value) {
  const text = JSON.stringify(value, (_, v) => (v === Infinity ? "\0Infinity" : v === -Infinity ? "-\0Infinity" : v));
  return text.replace(/"(-?)\\u0000Infinity"/g, "$11e999");
}
