// Writes quicktype's header for both events to a file, and prints quicktype's version.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { events, generate } from "../typescript/quicktype.mjs";

const options = { "code-format": "with-struct", "hide-null-optional": "true", "include-location": "global-include" };
writeFileSync(process.argv[2], await generate(join("../..", events), "c++", options));
console.log(JSON.parse(readFileSync("../typescript/node_modules/quicktype-core/package.json", "utf8")).version);
