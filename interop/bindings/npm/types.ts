// What a user's compiler makes of the package's types, with the strictest flags.
import { createServer } from "node:http";
import { check, parse, verify, VerificationError, type Finding, type Runhooks } from "runhooks";
import { create } from "runhooks/create";

const again: Runhooks = create(new WebAssembly.Module(new Uint8Array()));
const all: Runhooks[] = [{ check, parse, verify }, again];

export function rows(body: Uint8Array | string): (string | null | undefined)[] {
  const parsed = parse(body, { zone: "Europe/Berlin", locale: "de-DE", layouts: ["2.1.2006"] });
  if (parsed.verdict === "invalid") {
    const nothing: undefined = parsed.event;
    return [nothing, parsed.findings[0]?.message];
  }
  return parsed.event.lists.flatMap((list) => list.rows.map((row) => row["Price"]));
}

export function narrows(body: ArrayBuffer): string {
  const { event, findings } = parse(body);
  if (event === undefined) return findings.map((finding: Finding) => finding.code).join();
  switch (event.type) {
    case "run_completed":
      return event.run.status ?? "";
    case "run_failed":
      return event.error?.message ?? "";
    case "test":
      return event.endpoint_id ?? "";
    default: {
      const none: never = event.type;
      return none;
    }
  }
}

createServer((request) => {
  try {
    const { id, timestamp } = verify(request.headers, "", ["whsec_"], { toleranceSeconds: 60, now: new Date() });
    verify(new Headers(), "", "whsec_");
    verify(new Map([["webhook-id", id]]), "", "whsec_", { now: timestamp.getTime() });
  } catch (error) {
    if (error instanceof VerificationError && error.reason === "too-old") throw error;
  }
});

// @ts-expect-error: a body that was parsed before
check({ event_type: "run_failed" });
// @ts-expect-error: no such role
check("{}", { as: "me" });
// @ts-expect-error: no such reason
export const never = new VerificationError().reason === "old";
export const count: number = all.length;
