// Puts what the package consists of besides its sources into this folder: the module, as
// a file and as a text in a script, and the licence. `make wasm` builds the module.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const here = (name) => new URL(name, import.meta.url);
const module = readFileSync(here("../wasm/runhooks.wasm"));
writeFileSync(here("runhooks.wasm"), module);
copyFileSync(here("../../LICENSE"), here("LICENSE"));
writeFileSync(here("embedded.js"), `// runhooks.wasm, by gzip, as base64.
const text =
"${gzipSync(module, { level: 9 }).toString("base64")}";

export function bytes() {
  const packed = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
`);
