// The validators: ajv, strict, over the schemas of openapi/dist; and zod, over the
// schemas that @hey-api/openapi-ts writes for it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@hey-api/openapi-ts";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import ts from "typescript";
import { names, root } from "./vectors.mjs";

const documented = ["conforms"];
const observed = ["conforms", "deviates"];

export async function validators(vectors, generated) {
  const strict = vectors.filter((v) => v.strict);
  const rows = [];
  for (const { tool, input, accepts, compile, reasons } of [
    ...[["json-schema-2020-12", Ajv2020], ["json-schema-draft-07", Ajv]].flatMap(([folder, Validator]) => [
      { ...ajv(Validator), input: `openapi/dist/${folder}/run-event.json`, accepts: documented },
      { ...ajv(Validator), input: `openapi/dist/${folder}/observed-run-event.json`, accepts: observed },
    ]),
    { ...zod(join(generated, "zod")), input: "openapi/dist/webhooks.yaml", accepts: documented },
  ]) {
    const row = { tool, kind: "validator", input, check: "verdicts", of: strict.length };
    try {
      const valid = await compile(join(root, input));
      const wrong = strict.filter(({ text, verdict }) => valid(JSON.parse(text)) !== accepts.includes(verdict));
      rows.push({ ...row, ok: wrong.length === 0, passed: strict.length - wrong.length, note: explain(wrong, reasons) });
    } catch (error) {
      rows.push({ ...row, ok: false, passed: 0, note: error.message.split("\n")[0] });
    }
  }
  return rows;
}

const ajv = (Validator) => ({
  tool: "ajv",
  compile(path) {
    // strict turns on strictRequired, which is off by default: it wants a property
    // beside each required, and the contract's not and anyOf have none.
    const ajv = new Validator({ strict: true, strictRequired: false });
    formats.default(ajv);
    return ajv.compile(JSON.parse(readFileSync(path, "utf8")));
  },
  reasons: {
    "numbers are doubles": /\/number\./,
    "ajv-formats takes a date-time with a space, or an offset without its colon or minutes": /\/time\./,
  },
});

const zod = (folder) => ({
  tool: "zod",
  async compile(path) {
    // offset lets times have other offsets than Z.
    await createClient({ input: path, output: folder, logs: { level: "silent", file: false },
      plugins: [{ name: "zod", dates: { offset: true } }] });
    const { outputText } = ts.transpileModule(readFileSync(join(folder, "zod.gen.ts"), "utf8"), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } });
    writeFileSync(join(folder, "zod.gen.mjs"), outputText);
    const { zRunEvent } = await import(join(folder, "zod.gen.mjs"));
    return (value) => zRunEvent.safeParse(value).success;
  },
  reasons: {
    "numbers are doubles, and integers beyond 2^53 are refused": /\/number\./,
    "zod's date-time has no leap second and no lower case": /\/time\./,
    "@hey-api/openapi-ts leaves if, then and else out": /status-|failed-with-data|schema\.not-allowed/,
  },
});

// explain names the vectors, by why they are judged otherwise where that is known.
function explain(wrong, reasons) {
  let left = wrong;
  const notes = [];
  for (const [reason, pattern] of Object.entries({ ...reasons, "another verdict on": /./ })) {
    const these = left.filter((v) => pattern.test(v.name));
    left = left.filter((v) => !these.includes(v));
    if (these.length > 0) notes.push(`${reason}: ${names(these)}`);
  }
  return notes.join("; ");
}
