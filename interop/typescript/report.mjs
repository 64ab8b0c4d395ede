// Prints what the tools do, a report a line, as interop/matrix/report.go has it.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { clients } from "./clients.mjs";
import { generators } from "./generators.mjs";
import { rules } from "./rules.mjs";
import { version } from "./tools.mjs";
import { validators } from "./validators.mjs";

const generated = join(import.meta.dirname, "generated");
rmSync(generated, { recursive: true, force: true });

const receiver = {
  kind: "receiver",
  tool: "express",
  version: version("express"),
  input: "docs/languages/typescript.md",
  note: "with the package runhooks",
};

for (const report of [
  ...(await validators(join(generated, "validators"))),
  ...(await generators(join(generated, "generators"))),
  receiver,
  ...(await clients(join(generated, "clients"))),
  ...(await rules(join(generated, "rules"))),
]) {
  console.log(JSON.stringify(report));
}
