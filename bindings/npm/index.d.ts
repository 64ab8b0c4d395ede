import type { Runhooks } from "./create.js";

export const check: Runhooks["check"];
export const parse: Runhooks["parse"];
export const verify: Runhooks["verify"];
export { VerificationError } from "./create.js";
export type * from "./create.js";
