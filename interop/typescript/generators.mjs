// The generators: types from openapi/dist, compiled with the strictest flags.
//
// TypeScript's types are gone when a program runs, so it is the compiler that is
// asked whether they take a payload: each becomes an argument of type RunEvent. What
// zod's schemas and quicktype's converter take, they say when they run.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accept, compile } from "./compile.mjs";
import { answer, firstLine, heyAPI, heyAPIZod, jsonSchemaToTypescript, jsonSchemaToTypescriptUnknown, openapiTypescript, openapiZodClient, orval, quicktypeTypescript, version } from "./tools.mjs";
import { events } from "./quicktype.mjs";
import { canonicalForms, root, vectors } from "./vectors.mjs";

const subjects = [
  ...["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml"].flatMap((name) =>
    [openapiTypescript, heyAPI, heyAPIZod].map((generator) => ({ generator, input: `openapi/dist/${name}` }))),
  ...[orval, openapiZodClient].flatMap((generator) =>
    ["receiver.yaml", "receiver-3.0.yaml"].map((name) => ({ generator, input: `openapi/dist/${name}` }))),
  { generator: quicktypeTypescript, input: events },
  ...["2020-12", "draft-07"].flatMap((draft) => [
    { generator: jsonSchemaToTypescript, input: `openapi/dist/json-schema-${draft}/run-event.json` },
    { generator: jsonSchemaToTypescriptUnknown, input: `openapi/dist/json-schema-${draft}/canonical-run-event.json` },
  ]),
];

// tellDocumented compiles only if event_type tells the two apart, and there is no third.
const tellDocumented = `
export function tell(event: Event): string {
  switch (event.event_type) {
    case "run_completed":
      return event.data.run_id;
    case "run_failed":
      return event.data.runId + event.data.error.message;
    default: {
      const neither: never = event;
      return neither;
    }
  }
}
`;

// tellCanonical compiles only if type has three values, a cell is a text or null, and an
// instant may be absent. If they were any, nothing would be an error.
const tellCanonical = `
export function tell(event: Event): string {
  const price = event.lists[0]?.rows[0]?.["Price"];
  const started = event.run.started_at?.instant;
  // @ts-expect-error: it may be null
  const text: string | undefined = price;
  const cell: string | null | undefined = price;
  // @ts-expect-error: it may be absent
  const certain: string = started;
  const instant: string | undefined = started;
  switch (event.type) {
    case "run_completed":
      return cell ?? event.run.id;
    case "run_failed":
      return event.error?.message ?? instant ?? "";
    case "test":
      return [text, certain].join();
    default: {
      const neither: never = event.type;
      return neither;
    }
  }
}
`;

// documented and canonical are how events are called and told apart, and which there are.
const documented = { type: "RunEvent", tell: tellDocumented, payloads: vectors("conforms") };
const canonical = { type: "CanonicalRunEvent", tell: tellCanonical, payloads: canonicalForms() };
const eventsOf = (input) => (input.includes("canonical") ? canonical : documented);

export async function generators(generated) {
  const made = [];
  for (const [i, { generator, input }] of subjects.entries()) {
    made.push(await make(generator, input, join(generated, `${i}`)));
  }
  const faults = compile(made.flatMap(({ files = {} }) => Object.values(files)));

  return Promise.all(subjects.map(async ({ generator, input }, i) => {
    const { error, folder, files } = made[i];
    const { tool, note } = generator;
    const { payloads } = eventsOf(input);
    const report = { kind: "generator", tool, version: version(tool), input, note };
    if (error !== undefined) return { ...report, error };
    const compiles = answer(faults(files.types));
    if (!compiles.ok) return { ...report, compiles };
    const narrows = answer(faults(files.tell));
    if (!generator.parser) return { ...report, compiles, narrows, decoded: typed(faults(files.accept), payloads) };
    try {
      return { ...report, compiles, narrows, decoded: decoded(payloads, await generator.parser(folder)) };
    } catch (error) {
      return { ...report, error: `what it makes throws where it is imported: ${firstLine(error)}` };
    }
  }));
}

// make generates the types, and beside them the files that use them.
async function make(generator, input, folder) {
  const { type, tell, payloads } = eventsOf(input);
  try {
    await generator.generate(join(root, input), folder);
  } catch (error) {
    return { error: firstLine(error) };
  }
  const files = { types: join(folder, generator.file), tell: join(folder, "tell.ts"), accept: join(folder, "accept.ts") };
  const imports = generator.imports(type);
  writeFileSync(files.tell, imports + tell);
  // What is imported and declared is known above, too.
  writeFileSync(files.accept, payloads.map(({ text }) => `accept(${text});\n`).join("") + imports + accept);
  return { folder, files };
}

// typed is what tsc says of each payload, whose statement has its index. Types leave
// values as they are, so what is encoded again is what JSON itself makes of them.
function typed(faults, payloads) {
  const refused = new Map(faults.map(({ statement, text }) => [statement, text]));
  return decoded(payloads, (text, i) => {
    if (refused.has(i)) throw new Error(refused.get(i));
    return JSON.stringify(JSON.parse(text));
  });
}

function decoded(payloads, decode) {
  return Object.fromEntries(payloads.map(({ name, text }, i) => {
    try {
      return [name, { json: decode(text, i) }];
    } catch (error) {
      return [name, { error: firstLine(error) }];
    }
  }));
}
