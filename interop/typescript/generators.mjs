// The generators: types from openapi/dist, compiled with the strictest flags.
//
// TypeScript's types are gone when a program runs, so it is the compiler that is
// asked whether they take a payload: each becomes an argument of type RunEvent. What
// zod's schemas take, they say when they run.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accept, compile } from "./compile.mjs";
import { answer, firstLine, heyAPI, heyAPIZod, jsonSchemaToTypescript, openapiTypescript, version, zodSchemas } from "./tools.mjs";
import { root, vectors } from "./vectors.mjs";

const subjects = [
  ...["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml"].flatMap((name) =>
    [openapiTypescript, heyAPI, heyAPIZod].map((generator) => ({ generator, input: `openapi/dist/${name}` }))),
  { generator: jsonSchemaToTypescript, input: "openapi/dist/json-schema-2020-12/run-event.json" },
  { generator: jsonSchemaToTypescript, input: "openapi/dist/json-schema-draft-07/run-event.json" },
];

// tell compiles only if event_type tells the two apart, and there is no third.
const tell = `
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

export async function generators(generated) {
  const conforming = vectors("conforms");
  const made = [];
  for (const [i, { generator, input }] of subjects.entries()) {
    made.push(await make(generator, input, join(generated, `${i}`), conforming));
  }
  const faults = compile(made.flatMap(({ files = {} }) => Object.values(files)));

  return Promise.all(subjects.map(async ({ generator, input }, i) => {
    const { error, folder, files } = made[i];
    const { tool, note } = generator;
    const report = { kind: "generator", tool, version: version(tool), input, note };
    if (error !== undefined) return { ...report, error };
    const compiles = answer(faults(files.types));
    if (!compiles.ok) return { ...report, compiles };
    return {
      ...report,
      compiles,
      narrows: answer(faults(files.tell)),
      decoded: generator === heyAPIZod ? await parsed(folder, conforming) : typed(faults(files.accept), conforming),
    };
  }));
}

// make generates the types, and beside them the files that use them.
async function make(generator, input, folder, payloads) {
  try {
    await generator.generate(join(root, input), folder);
  } catch (error) {
    return { error: firstLine(error) };
  }
  const files = { types: join(folder, generator.file), tell: join(folder, "tell.ts"), accept: join(folder, "accept.ts") };
  const imports = generator.imports("RunEvent");
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
    return JSON.parse(text);
  });
}

async function parsed(folder, payloads) {
  const { zRunEvent } = await zodSchemas(folder);
  return decoded(payloads, (text) => {
    const { data, error } = zRunEvent.safeParse(JSON.parse(text));
    if (error) throw new Error(`/${error.issues[0].path.join("/")}: ${error.issues[0].message}`);
    return data;
  });
}

function decoded(payloads, decode) {
  return Object.fromEntries(payloads.map(({ name, text }, i) => {
    try {
      return [name, { json: JSON.stringify(decode(text, i)) }];
    } catch (error) {
      return [name, { error: firstLine(error) }];
    }
  }));
}
