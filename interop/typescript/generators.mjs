// The generators: types from openapi/dist, compiled with the strictest flags.
//
// TypeScript's types are gone when a program runs. So whether they take a payload
// is asked of the compiler: each vector becomes an argument of type RunEvent.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import ts from "typescript";
import { exact, minify, names, root } from "./vectors.mjs";

const here = import.meta.dirname;

// Each subject is one file that one generator makes of one input.
const openapiTypescript = (input) => ({
  tool: "openapi-typescript",
  input: `openapi/dist/${input}`,
  file: `openapi-typescript/${input}.ts`,
  generate: (from, to) => run("openapi-typescript", from, "--output", to),
  runEvent: (path) => `import type { components } from "${path}";\ntype RunEvent = components["schemas"]["RunEvent"];`,
});
const heyAPI = (input) => ({
  tool: "@hey-api/openapi-ts",
  input: `openapi/dist/${input}`,
  file: `hey-api/${input}/types.gen.ts`,
  generate: (from, to) => run("openapi-ts", "--input", from, "--output", dirname(to), "--plugins", "@hey-api/typescript", "--no-log-file"),
  runEvent: (path) => `import type { RunEvent } from "${path}";`,
});
const jsonSchemaToTypescript = (input, union) => ({
  tool: "json-schema-to-typescript",
  input: `openapi/dist/${input}`,
  file: `json-schema-to-typescript/${input}.ts`,
  generate: (from, to) => run("json2ts", "--input", from, "--output", to),
  runEvent: (path) => `import type { ${union} as RunEvent } from "${path}";`,
});

const subjects = [
  ...["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml"].flatMap((input) => [openapiTypescript(input), heyAPI(input)]),
  jsonSchemaToTypescript("json-schema-2020-12/run-event.json", "RunEvent"),
  jsonSchemaToTypescript("json-schema-draft-07/run-event.json", "RunEvent"),
];

function run(program, ...args) {
  execFileSync(join(here, "node_modules/.bin", program), args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

// tell compiles only if event_type tells the two apart, and there is no third.
const tell = `
export function tell(event: RunEvent): string {
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

// accept has one vector a line. The type of its argument is inferred, so members
// that the contract doesn't name are let be, as they are in a value at run time.
function accept(vectors) {
  const literal = (text) => minify(text)
    .replace(/"__proto__":/g, '["__proto__"]:')
    .replace(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`);
  return "export const accept = <T extends RunEvent>(event: T): T => event;\n" +
    vectors.map(({ text }) => `accept(${literal(text)});\n`).join("");
}

// weakType is how tsc refuses a literal with none of the members of a type whose
// members are all optional. A value from JSON.parse is none, and is not refused.
const weakType = /no properties in common|may only specify known properties/;

export function generators(vectors, generated) {
  const conforming = vectors.filter((v) => v.strict && v.verdict === "conforms");
  const lost = conforming.filter(({ text }) => !isDeepStrictEqual(exact(JSON.stringify(JSON.parse(text))), exact(text)));

  // A literal of 1,000 levels overflows the compiler's stack, whatever its type.
  const [deep, literals] = partition(conforming, (v) => v.name.includes("/depth.1000-"));

  for (const s of subjects) {
    const to = join(generated, s.file);
    mkdirSync(dirname(to), { recursive: true });
    try {
      s.generate(join(root, s.input), to);
      s.error = undefined;
    } catch (error) {
      s.error = firstLine(error.stderr || error.message);
      continue;
    }
    const importing = s.runEvent(`./${to.split("/").pop().replace(/\.ts$/, ".js")}`);
    s.files = { compiles: to, narrows: to.replace(/\.ts$/, ".tell.ts"), decodes: to.replace(/\.ts$/, ".accept.ts") };
    writeFileSync(s.files.narrows, importing + tell);
    s.head = importing.split("\n").length + 1;
    writeFileSync(s.files.decodes, `${importing}\n${accept(literals)}`);
  }

  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(here, "tsconfig.json"), ts.sys.readFile).config, ts.sys, here);
  const program = ts.createProgram(subjects.flatMap((s) => Object.values(s.files ?? {})), options);
  const faults = (file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((d) => ({
      line: source.getLineAndCharacterOfPosition(d.start).line,
      text: ts.flattenDiagnosticMessageText(d.messageText, "\n"),
    }));
  };

  const rows = [];
  for (const s of subjects) {
    const row = (check, passed, of, note) => rows.push({
      tool: s.tool, kind: "generator", input: s.input, check, ok: passed === of, passed, of, note });
    if (s.error !== undefined) {
      for (const check of ["compiles", "narrows", "decodes", "round-trip"]) row(check, 0, 1, s.error);
      continue;
    }
    for (const check of ["compiles", "narrows"]) {
      const [fault] = faults(s.files[check]);
      row(check, fault ? 0 : 1, 1, fault ? firstLine(fault.text) : "");
    }
    const faulty = new Map(faults(s.files.decodes).map(({ line, text }) => [literals[line - s.head], text]));
    const [weak, refused] = partition([...faulty.keys()], (v) => weakType.test(faulty.get(v)));
    row("decodes", literals.length - faulty.size, literals.length, [
      ...refused.map((v) => `${v.name}: ${firstLine(faulty.get(v))}`),
      ...(weak.length > 0 ? [`tsc takes no literal without any of the members where all are optional: ${names(weak)}`] : []),
      `left out, as too deep for tsc: ${names(deep)}`,
    ].join("; "));
    row("round-trip", conforming.length - lost.length, conforming.length,
      lost.length > 0 ? `JSON.parse rounds numbers that no double holds: ${names(lost)}` : "");
  }
  return rows;
}

function partition(all, is) {
  return [all.filter(is), all.filter((v) => !is(v))];
}

function firstLine(text) {
  return text.split("\n").map((line) => line.trim()).find((line) => line !== "") ?? "";
}
