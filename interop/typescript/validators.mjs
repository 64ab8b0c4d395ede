// The validator: ajv, strict, formats asserted, over the schemas of openapi/dist.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { root } from "./vectors.mjs";

// Each layer with the verdicts that it has to accept.
const layers = {
  "run-event.json": ["conforms"],
  "observed-run-event.json": ["conforms", "deviates"],
};

export function validators(vectors) {
  const strict = vectors.filter((v) => v.strict);
  const rows = [];
  for (const [folder, Validator] of [["json-schema-2020-12", Ajv2020], ["json-schema-draft-07", Ajv]]) {
    for (const [file, accepted] of Object.entries(layers)) {
      const input = `openapi/dist/${folder}/${file}`;
      const schema = JSON.parse(readFileSync(join(root, input), "utf8"));
      const row = { tool: "ajv", kind: "validator", input, check: "verdicts" };
      try {
        // strict turns on strictRequired, which is off by default: it wants a property
        // beside each required, and the contract's not and anyOf have none.
        const ajv = new Validator({ strict: true, strictRequired: false });
        formats.default(ajv);
        const validate = ajv.compile(schema);
        const wrong = strict.filter(({ text, verdict }) => validate(JSON.parse(text)) !== accepted.includes(verdict));
        rows.push({ ...row, ok: wrong.length === 0, passed: strict.length - wrong.length, of: strict.length,
          note: reasons(wrong.map((v) => v.name)) });
      } catch (error) {
        rows.push({ ...row, ok: false, passed: 0, of: strict.length, note: error.message.split("\n")[0] });
      }
    }
  }
  return rows;
}

// reasons says why ajv judges otherwise, where that is known.
function reasons(names) {
  const groups = {
    "numbers are doubles": /\/number\./,
    "ajv-formats takes a date-time with a space, or an offset without its colon or minutes": /\/time\./,
    "not known why": /./,
  };
  const left = new Set(names);
  return Object.entries(groups).flatMap(([reason, pattern]) => {
    const these = [...left].filter((name) => pattern.test(name));
    these.forEach((name) => left.delete(name));
    return these.length > 0 ? `${reason}: ${these.map((name) => name.replace(/^.*\//, "")).join(", ")}` : [];
  }).join("; ");
}
