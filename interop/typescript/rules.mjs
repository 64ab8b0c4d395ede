// What runhooks lint says of these tools: each does it with the rule's document, and
// not with the fixed one.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import yaml from "js-yaml";
import { accept, compile } from "./compile.mjs";
import { firstLine, heyAPI, jsonSchemaToTypescript, openapiTypescript, openapiZodClient, version } from "./tools.mjs";
import { root } from "./vectors.mjs";

// ajv makes nothing: its error is all there is.
const ajv = {
  tool: "ajv",
  generate(input) {
    new Ajv2020({ strict: true, strictRequired: false }).compile(JSON.parse(readFileSync(input, "utf8")));
  },
};

// A break either shows in a line of what the tool makes, or of its error; or in a
// value that the types misjudge: the schema takes it, and they don't, or they do,
// and the schema doesn't.
const breaks = [
  [ajv, {
    "type-list": { line: /use allowUnionTypes to allow union type keyword/ },
    "go-extension": { line: /strict mode: unknown keyword: "x-go-type"/ },
    "ref-to-file": { line: /can't resolve reference other\/data.yaml / },
    "ref-to-defs": { line: /can't resolve reference other\/data.yaml#/ },
    "discriminator-in-schema": { line: /strict mode: unknown keyword: "discriminator"/ },
    "schema-example": { line: /strict mode: unknown keyword: "example"/ },
  }],
  [openapiTypescript, {
    "pattern-properties": { value: { a: { other: 1 } } },
    "ref-to-file": { line: /a: components\["schemas"\]\["data"\];/ },
    "defs-in-openapi": { value: { a: {} } },
    "ref-siblings": { value: { a: { c: 1 } } },
    "condition": { value: { a: "failed" } },
    "no-operation-id": { line: /export type operations = Record<string, never>;/ },
    "inline-object": { line: /^\s+a: \{$/ },
    "unquoted-version": { line: /Invalid OpenAPI version: should be a string/ },
    "duplicate-key": { line: /duplicated mapping key/ },
    "yaml-tag": { line: /unknown tag/ },
  }],
  [heyAPI, {
    "boolean-schema": { value: {} },
    "pattern-properties": { value: { a: { list_b: 1 } } },
    "ref-to-file": { line: /a: Root;/ },
    "defs-in-openapi": { line: /^\s+a: \{$/ },
    "ref-siblings": { value: { a: { c: 1 } } },
    "nullable-in-3.1": { value: { a: null } },
    "not-in-3.0": { value: { a: "run_completed" } },
    "condition": { value: { a: "failed" } },
    "no-operation-id": { line: /export type PostEventsData =/ },
    "inline-object": { line: /^\s+a: \{$/ },
    "null-type": { line: /a: string \| unknown;/ },
    "unquoted-version": { line: /Must be a string/ },
    "duplicate-key": { line: /duplicated mapping key/ },
    "yaml-number": { line: /a: 123;/ },
    "yaml-tag": { line: /unknown tag/ },
    "merge-key": { line: /b\?: unknown;/ },
  }],
  [jsonSchemaToTypescript, {
    "pattern-properties": { value: { a: { other: 1 } } },
    "ref-siblings": { value: { a: { b: 1 } } },
    "condition": { value: { a: "failed" } },
    "inline-object": { line: /^\s+a: \{$/ },
    "untitled": { line: /export interface Untitled / },
  }],
  [openapiZodClient, {
    "const-in-union": { line: /event_type: z\.string\(\)/ },
  }],
];

// What the fixed documents leave out can't be said in another way.
const unfixable = ["condition"];

export async function rules(generated) {
  const trials = [];
  for (const [generator, signs] of breaks) {
    for (const [rule, sign] of Object.entries(signs)) {
      for (const name of unfixable.includes(rule) ? [rule] : [rule, `${rule}.fixed`]) {
        const made = await make(generator, name, join(generated, generator.tool, name), sign);
        trials.push({ tool: generator.tool, rule, name, sign, ...made });
      }
    }
  }
  const faults = compile(trials.filter(({ sign, error }) => "value" in sign && !error).map(({ file }) => file));

  return trials.filter(({ rule, name }) => rule === name).map((trial) => {
    const { tool, rule } = trial;
    const fixed = trials.find((one) => one.tool === tool && one.name === `${rule}.fixed`);
    const report = { kind: "rule", rule, tool, version: version(tool), breaks: shows(trial, faults) };
    if (!fixed) return report;
    const { ok, note } = shows(fixed, faults);
    return { ...report, helps: { ok: !ok && !fixed.error, note: fixed.error ?? note } };
  });
}

// make has a tool read a document. It gives what the tool makes of it, or its error,
// and a file that holds the value to the type.
async function make(generator, name, folder, sign) {
  const document = join(root, "internal/portability/testdata", `${name}.yaml`);
  // Not of a document that only the tool is given: it may be no YAML for this parser.
  const schema = generator.readsOpenAPI && !("value" in sign) ? undefined : schemaOf(document);
  const input = join(folder, `${name}.json`);
  const file = join(folder, "accept.ts");
  mkdirSync(folder, { recursive: true });
  if (schema) writeFileSync(input, JSON.stringify(schema));
  try {
    await generator.generate(generator.readsOpenAPI ? document : input, folder);
    writeFileSync(file, `accept(${JSON.stringify(sign.value)});\n${generator.imports?.("Event")}${accept}`);
    const text = generator.file ? readFileSync(join(folder, generator.file), "utf8") : "";
    return { schema, file, text };
  } catch (error) {
    return { error: firstLine(error) };
  }
}

// schemaOf takes the schema out of a document, with those that it refers to.
function schemaOf(document) {
  const text = readFileSync(document, "utf8").replaceAll("#/components/schemas/", "#/$defs/");
  const { components, ...rest } = yaml.load(text);
  if (!components) return rest;
  const $schema = "https://json-schema.org/draft/2020-12/schema";
  return { $schema, title: "Event", ...components.schemas.Event, $defs: components.schemas };
}

// shows tells whether a trial has the sign of a break, and what is seen of it.
function shows({ sign, schema, file, text, error }, faults) {
  if ("line" in sign) {
    const seen = (error ?? text).split("\n").find((line) => sign.line.test(line));
    return { ok: seen !== undefined, note: seen?.trim() ?? `no line is like ${sign.line.source}` };
  }
  if (error) return { ok: false, note: error };
  // Not strict, and nullable is known: as the author of the document means it.
  const schemaTakes = new Ajv2020({ strict: false }).validate(schema, sign.value);
  const typeTakes = faults(file).length === 0;
  const verb = (takes) => (takes ? "takes" : "refuses");
  const note = `${JSON.stringify(sign.value)}: the schema ${verb(schemaTakes)} it, the type ${verb(typeTakes)} it`;
  return { ok: schemaTakes !== typeTakes, note };
}
