// The tools, each called as its users call it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@hey-api/openapi-ts";
import { compile, compileFromFile } from "json-schema-to-typescript";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";
import { root } from "./vectors.mjs";

// version reads a tool's own package.json.
export function version(tool) {
  return JSON.parse(readFileSync(new URL(`node_modules/${tool}/package.json`, import.meta.url), "utf8")).version;
}

// firstLine is why something was thrown, without the paths of this machine.
export function firstLine(error) {
  return String(error).replace(/^Error: /, "").replaceAll(root, "").split("\n")[0].slice(0, 199);
}

// answer is whether tsc has nothing against some files. Types that it quotes at length
// are left out.
export function answer([fault, ...more]) {
  if (fault === undefined) return { ok: true };
  return { ok: false, note: `${more.length + 1} errors, the first: ${fault.text.replace(/'[^']{60,}'/g, "'…'")}` };
}

// Each generator writes its file into a folder. Beside it, imports makes Event of
// the type that a schema is called by.
export const openapiTypescript = {
  tool: "openapi-typescript",
  readsOpenAPI: true,
  file: "types.ts",
  imports: (name) => `import type { components } from "./types.js";\ntype Event = components["schemas"]["${name}"];\n`,
  async generate(input, folder) {
    write(folder, this.file, astToString(await openapiTS(pathToFileURL(input))));
  },
};

export const jsonSchemaToTypescript = {
  tool: "json-schema-to-typescript",
  file: "types.ts",
  imports: (name) => `import type { ${name} as Event } from "./types.js";\n`,
  async generate(input, folder) {
    write(folder, this.file, await compileFromFile(input));
  },
};

// It takes what may be any value for an object, unless it is told.
export const jsonSchemaToTypescriptUnknown = {
  ...jsonSchemaToTypescript,
  note: 'with tsType: "unknown" added to each schema of any value, which it takes for an object otherwise',
  async generate(input, folder) {
    const schema = JSON.parse(readFileSync(input, "utf8"), (name, value) =>
      name === "value" && value?.description && !value.type ? { ...value, tsType: "unknown" } : value);
    write(folder, this.file, await compile(schema, schema.title));
  },
};

export const heyAPI = {
  tool: "@hey-api/openapi-ts",
  readsOpenAPI: true,
  file: "types.gen.ts",
  imports: (name) => `import type { ${name} as Event } from "./types.gen.js";\n`,
  generate: (input, folder) => heyAPIPlugins(["@hey-api/typescript"], input, folder),
};

// offset lets times have other offsets than Z. Of an int64, zod's schemas would make a
// BigInt, whatever it was: they would take "41" and true for numbers, and JSON.stringify
// takes no BigInt.
export const heyAPIZod = {
  tool: "@hey-api/openapi-ts",
  note: "zod's schemas, with dates.offset, and without format: int64, of which it makes a BigInt; decoded by parse",
  file: "zod.gen.ts",
  imports: (name) => `import type { z } from "zod";\nimport type { z${name} } from "./zod.gen.js";\ntype Event = z.infer<typeof z${name}>;\n`,
  generate: (input, folder) => heyAPIPlugins([{ name: "zod", dates: { offset: true } }], input, folder, { patch: { schemas: withoutInt64 } }),
};

// The clients of the delivery service, each with the program of clients/ that uses it.
export const openapiFetch = {
  tool: "openapi-fetch",
  note: `with the types of openapi-typescript ${version("openapi-typescript")} and its defaultNonNullable: false, so that what has a default need not be sent`,
  program: "openapi-fetch",
  async generate(input, folder) {
    write(folder, "types.ts", astToString(await openapiTS(pathToFileURL(input), { defaultNonNullable: false })));
  },
};

export const heyAPIClient = {
  tool: "@hey-api/openapi-ts",
  note: "with its client for fetch",
  program: "hey-api",
  generate: (input, folder) => heyAPIPlugins(["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"], input, folder),
};

function withoutInt64(_name, schema) {
  for (const member of Object.values(schema.properties ?? {})) {
    if (member.format === "int64") delete member.format;
  }
}

async function heyAPIPlugins(plugins, input, output, parser) {
  try {
    await createClient({ input, output, plugins, parser, logs: { level: "silent", file: false } });
  } catch (error) {
    throw error.originalError?.error ?? error; // a JobError doesn't say what it is about
  }
}

// zodSchemas loads what heyAPIZod has written.
export async function zodSchemas(folder) {
  const { outputText } = ts.transpileModule(readFileSync(join(folder, heyAPIZod.file), "utf8"), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  write(folder, "zod.gen.mjs", outputText);
  return import(join(folder, "zod.gen.mjs"));
}

function write(folder, file, text) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
}
