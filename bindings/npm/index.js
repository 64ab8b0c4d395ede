// For browsers, Deno, and bundlers of any kind: nothing is fetched, and nothing read.
import { create, VerificationError } from "./create.js";
import { bytes } from "./embedded.js";

export const { check, parse, verify } = create(await WebAssembly.compile(await bytes()));
export { VerificationError };
