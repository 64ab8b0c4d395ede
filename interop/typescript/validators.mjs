// The validators: ajv, strict, over the schemas of openapi/dist; and zod, over the
// schemas that generators write for it.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { firstLine, heyAPIZod, openapiZodClient, orval, version } from "./tools.mjs";
import { root, vectors } from "./vectors.mjs";

const ajv = (Validator) => ({
  tool: "ajv",
  note: "strict but for strictRequired, with ajv-formats",
  validator(path) {
    // strictRequired wants a property beside each required, and the contract's not
    // and anyOf have none.
    const ajv = new Validator({ strict: true, strictRequired: false });
    formats.default(ajv);
    return ajv.compile(JSON.parse(readFileSync(path, "utf8")));
  },
});

const zod = (generator, note) => ({
  tool: "zod",
  note,
  async validator(path, generated) {
    const folder = join(generated, generator.tool, basename(path));
    await generator.generate(path, folder);
    const schema = await generator.schema(folder);
    return (value) => schema.safeParse(value).success;
  },
});

const byOrval = zod(orval, `with the schemas of orval ${version("orval")}`);
const byOpenapiZodClient = zod(openapiZodClient, `zod/v3, with the schemas of openapi-zod-client ${version("openapi-zod-client")}`);

const subjects = [
  { ...ajv(Ajv2020), input: "openapi/dist/json-schema-2020-12/run-event.json" },
  { ...ajv(Ajv2020), input: "openapi/dist/json-schema-2020-12/observed-run-event.json" },
  { ...ajv(Ajv), input: "openapi/dist/json-schema-draft-07/run-event.json" },
  { ...ajv(Ajv), input: "openapi/dist/json-schema-draft-07/observed-run-event.json" },
  { ...zod(heyAPIZod, "with the schemas of @hey-api/openapi-ts, with dates.offset"), input: "openapi/dist/webhooks.yaml" },
  ...[byOrval, byOpenapiZodClient].flatMap((validator) =>
    ["receiver.yaml", "receiver-3.0.yaml"].map((name) => ({ ...validator, input: `openapi/dist/${name}` }))),
];

export async function validators(generated) {
  const all = vectors("conforms", "deviates", "invalid");
  const reports = [];
  for (const { tool, note, input, validator } of subjects) {
    const report = { kind: "validator", tool, version: version(tool), input, note };
    try {
      const valid = await validator(join(root, input), join(generated, tool));
      reports.push({ ...report, verdicts: Object.fromEntries(all.map(({ name, text }) => [name, verdict(valid, text)])) });
    } catch (error) {
      reports.push({ ...report, error: firstLine(error) });
    }
  }
  return reports;
}

function verdict(valid, text) {
  try {
    return valid(JSON.parse(text)) ? "valid" : "invalid";
  } catch (error) {
    return firstLine(error);
  }
}
