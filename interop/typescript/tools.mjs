// The tools, each called as its users call it.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@hey-api/openapi-ts";
import { compile, compileFromFile } from "json-schema-to-typescript";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";
import * as quicktype from "./quicktype.mjs";
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
// the type that a schema is called by. A generator whose code decodes has parser: it loads
// that code, and returns a function that returns what becomes of a payload when it is decoded
// and encoded again, as text. Zod's also have schema, which loads the schema of both events.
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
  async schema(folder) {
    return (await load(folder, this.file)).zRunEvent;
  },
  parser: zodParser,
};

export const orval = {
  tool: "orval",
  note: "zod's schemas: client zod; decoded by parse",
  file: "types.ts",
  imports: () => `import type { z } from "zod";\nimport type { ReceiveRunEventBody } from "./types.js";\ntype Event = z.infer<typeof ReceiveRunEventBody>;\n`,
  async generate(input, folder) {
    run("orval", ["--input", input, "--output", join(folder, this.file), "--client", "zod", "--mode", "single"]);
  },
  async schema(folder) {
    return (await load(folder, this.file)).ReceiveRunEventBody;
  },
  parser: zodParser,
};

// It writes for zod 3, which zod 4 has at another path.
export const openapiZodClient = {
  tool: "openapi-zod-client",
  readsOpenAPI: true,
  note: "zod's schemas, by its template schemas-only; imported from zod/v3, decoded by parse",
  file: "types.ts",
  imports: (name) => `import type { z } from "zod/v3";\nimport type { schemas } from "./types.js";\ntype Event = z.infer<typeof schemas.${name}>;\n`,
  async generate(input, folder) {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, this.file);
    const template = join(import.meta.dirname, "node_modules/openapi-zod-client/src/templates/schemas-only.hbs");
    run("openapi-zod-client", [input, "--output", file, "--template", template, "--export-schemas"]);
    write(folder, this.file, readFileSync(file, "utf8").replace('from "zod"', 'from "zod/v3"'));
  },
  async schema(folder) {
    return (await load(folder, this.file)).schemas.RunEvent;
  },
  parser: zodParser,
};

// Its converter has a function for each event, and the caller chooses by event_type.
export const quicktypeTypescript = {
  tool: "quicktype-core",
  note: "each event a type of its own, since of run-event it makes one type, which refuses some run_failed that conform; decoded by its Convert",
  file: "types.ts",
  imports: () => `import type { RunCompleted, RunFailed } from "./types.js";\ntype Event = RunCompleted | RunFailed;\n`,
  async generate(input, folder) {
    write(folder, this.file, await quicktype.generate(input, "typescript"));
  },
  async parser(folder) {
    const { Convert } = await load(folder, this.file);
    return (text) => JSON.parse(text).event_type === "run_failed"
      ? Convert.runFailedToJson(Convert.toRunFailed(text))
      : Convert.runCompletedToJson(Convert.toRunCompleted(text));
  },
};

async function zodParser(folder) {
  const schema = await this.schema(folder);
  return (text) => {
    const { data, error } = schema.safeParse(JSON.parse(text));
    if (error) throw new Error(`/${error.issues[0].path.join("/")}: ${error.issues[0].message}`);
    return JSON.stringify(data);
  };
}

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

// load runs what a generator has written.
async function load(folder, file) {
  const { outputText } = ts.transpileModule(readFileSync(join(folder, file), "utf8"), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const module = file.replace(/ts$/, "mjs");
  write(folder, module, outputText);
  return import(join(folder, module));
}

// run runs a program of a package. Standard output is for reports.
function run(program, args) {
  execFileSync(join(import.meta.dirname, "node_modules/.bin", program), args, { stdio: ["ignore", "ignore", "inherit"] });
}

function write(folder, file, text) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
}
