import type { CanonicalRunEvent } from "./event.js";

export type * from "./event.js";

/**
 * Returns the functions of this package over runhooks.wasm, for hosts that compile it
 * themselves, such as Cloudflare Workers. Other programs import them from "runhooks".
 */
export function create(module: WebAssembly.Module): Runhooks;

/** A body as it was received: bytes, or the text of them. Never one that was parsed before. */
export type Payload = Uint8Array | ArrayBuffer | ArrayBufferView | string;

export interface Runhooks {
  /** Judges a payload by the contract. No payload makes it throw. */
  check(payload: Payload, options?: CheckOptions): Checked;
  /**
   * Returns the event of a payload that conforms or deviates, in its canonical form, and
   * what there is to say of the payload. No payload makes it throw.
   */
  parse(payload: Payload, options?: ParseOptions): Parsed;
  /**
   * Returns the id of a request that is genuine, and when it was sent; throws a
   * VerificationError for any other, and a TypeError for secrets that can't be used.
   * The payload is the exact body. The id is the same in each attempt to deliver an
   * event: forget events whose id you have seen before.
   */
  verify(headers: SignedHeaders, payload: Payload, secrets: string | readonly string[], options?: VerifyOptions): Verified;
}

export interface CheckOptions {
  /** Whom the hints are for: the sender of payloads, by default, or their receiver. */
  as?: "sender" | "receiver";
  /** What a payload passes by. The default is observed for a receiver, or else documented. */
  against?: "documented" | "observed";
  /** List each finding singly, rather than those of one rule in one column as one. */
  each?: boolean;
}

export interface ParseOptions {
  /** The time zone of servers that write run times in local time, such as "Europe/Berlin". */
  zone?: string;
  /** The locale of those servers, such as "de-DE". */
  locale?: string;
  /** Other ways in which they write run times: layouts of Go's package time. */
  layouts?: readonly string[];
  /** Have the event say where in the payload its parts come from. */
  provenance?: boolean;
  /** Whom the hints of findings are for: the receiver, by default, or the sender. */
  as?: "sender" | "receiver";
}

export interface VerifyOptions {
  /** How far the time of an attempt may lie in the past or in the future; 300 by default. */
  toleranceSeconds?: number;
  /** The time, for tests; in milliseconds if it is a number. */
  now?: Date | number;
}

/** Headers of a request: those of fetch, Node.js (request.headers), or pairs. */
export type SignedHeaders =
  | Iterable<readonly [string, string | readonly string[] | undefined]>
  | { readonly [name: string]: string | readonly string[] | undefined };

export interface Judgement {
  /** event_type as the payload has it, or "". */
  event_type: string;
  findings: Finding[];
  /** There are more findings than are listed. */
  truncated?: true;
}

export interface Checked extends Judgement {
  passes: boolean;
  verdict: "conforms" | "deviates" | "invalid";
}

export type Parsed =
  | (Judgement & { verdict: "conforms" | "deviates"; event: CanonicalRunEvent })
  | (Judgement & { verdict: "invalid"; event?: undefined });

/** One thing that there is to say of a payload: docs/findings.md lists the codes. */
export interface Finding {
  code: string;
  severity: "error" | "warning" | "info";
  /** The RFC 6901 pointer to what it is about. */
  pointer: string;
  /** From 1; a column is a code point. */
  line: number;
  column: number;
  /** In bytes. */
  offset: number;
  message: string;
  hint?: string;
  /** How many findings of one cause it stands for, where that is more than one. */
  count?: number;
  /** The pointers of these, with * for indices. */
  pattern?: string;
  /** Of a check that fails: this is why. */
  decides?: true;
}

export interface Verified {
  id: string;
  timestamp: Date;
}

export class VerificationError extends Error {
  /** Why the request is not genuine. The message may be told to its sender. */
  readonly reason: "header-missing" | "header-malformed" | "too-old" | "too-new" | "mismatch";
}
