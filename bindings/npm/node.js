// For Node.js, also by require. Bundlers take index.js, since a bundle has no file beside it.
import { readFileSync } from "node:fs";
import { create, VerificationError } from "./create.js";

const module = new WebAssembly.Module(readFileSync(new URL("runhooks.wasm", import.meta.url)));
export const { check, parse, verify } = create(module);
export { VerificationError };
