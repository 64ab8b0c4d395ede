// All checks, as a row of NDJSON each.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { generators } from "./generators.mjs";
import { receiver } from "./receiver.mjs";
import { validators } from "./validators.mjs";
import { load } from "./vectors.mjs";

const vectors = load();
const broken = vectors.filter((v) => !v.strict);
const taken = broken.filter(({ text }) => parses(text));
console.error(`JSON.parse takes ${taken.length} of ${broken.length} vectors that are no strict JSON`);

const generated = join(import.meta.dirname, "generated");
rmSync(generated, { recursive: true, force: true });

for (const row of [
  ...(await validators(vectors, generated)),
  ...generators(vectors, generated),
  ...(await receiver()),
]) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${row.tool}/package.json`, import.meta.url), "utf8"));
  const { tool, ...rest } = row;
  console.log(JSON.stringify({ language: "TypeScript", tool, version, ...rest }));
}

function parses(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
