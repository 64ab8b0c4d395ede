// The generators: types from openapi/dist, compiled with the strictest flags.
//
// TypeScript's types are gone when a program runs. So whether they take a payload
// is asked of the compiler: each vector becomes an argument of type RunEvent.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual, stripVTControlCharacters } from "node:util";
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
const jsonSchemaToTypescript = (input) => ({
  tool: "json-schema-to-typescript",
  input: `openapi/dist/${input}`,
  file: `json-schema-to-typescript/${input}.ts`,
  generate: (from, to) => run("json2ts", "--input", from, "--output", to),
  runEvent: (path) => `import type { RunEvent } from "${path}";`,
});

const subjects = [
  ...["webhooks.yaml", "receiver.yaml", "receiver-3.0.yaml"].flatMap((input) => [openapiTypescript(input), heyAPI(input)]),
  jsonSchemaToTypescript("json-schema-2020-12/run-event.json"),
  jsonSchemaToTypescript("json-schema-draft-07/run-event.json"),
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
  // A literal of 1,000 levels overflows the compiler's stack, whatever its type.
  const [deep, literals] = partition(conforming, (v) => v.name.includes("/depth.1000-"));
  // Types leave values as they are, so the round trip is that of JSON itself.
  const lost = conforming.filter(({ text }) => !isDeepStrictEqual(exact(JSON.stringify(JSON.parse(text))), exact(text)));

  const written = subjects.map((subject) => write(subject, join(generated, subject.file), literals));
  const faults = compile(written.flatMap(({ files }) => Object.values(files)));

  return subjects.flatMap(({ tool, input }, i) => {
    const { error, files, head } = written[i];
    const row = (check, passed, of, note) => (
      { tool, kind: "generator", input, check, ok: passed === of, passed, of, note });
    if (error !== undefined) {
      return ["compiles", "narrows", "decodes", "round-trip"].map((check) => row(check, 0, 1, error));
    }
    const whole = (check) => {
      const [fault] = faults(files[check]);
      return row(check, fault ? 0 : 1, 1, fault ? firstLine(fault.text) : "");
    };
    const faulty = new Map(faults(files.decodes).map(({ line, text }) => [literals[line - head] ?? { name: "all" }, text]));
    const [weak, refused] = partition([...faulty.keys()], (v) => weakType.test(faulty.get(v)));
    return [
      whole("compiles"),
      whole("narrows"),
      row("decodes", literals.length - faulty.size, literals.length, [
        ...refused.map((v) => `${v.name}: ${firstLine(faulty.get(v))}`),
        ...(weak.length > 0 ? [`tsc takes no literal without any of the members where all are optional: ${names(weak)}`] : []),
        `left out, as too deep for tsc: ${names(deep)}`,
      ].join("; ")),
      row("round-trip", conforming.length - lost.length, conforming.length,
        lost.length > 0 ? `JSON.parse rounds numbers that no double holds: ${names(lost)}` : ""),
    ];
  });
}

// write generates the types, and beside them the files that use them: one for each
// check. The vectors are in lines from head on.
function write({ input, generate, runEvent }, to, vectors) {
  mkdirSync(dirname(to), { recursive: true });
  try {
    generate(join(root, input), to);
  } catch (error) {
    return { error: reason(error), files: {} };
  }
  const importing = runEvent(`./${basename(to, ".ts")}.js`);
  const files = { compiles: to, narrows: to.replace(/\.ts$/, ".tell.ts"), decodes: to.replace(/\.ts$/, ".accept.ts") };
  writeFileSync(files.narrows, importing + tell);
  writeFileSync(files.decodes, `${importing}\n${accept(vectors)}`);
  return { files, head: importing.split("\n").length + 1 };
}

// compile gives a function that lists what the compiler has against a file.
function compile(files) {
  const config = ts.readConfigFile(join(here, "tsconfig.json"), ts.sys.readFile).config;
  const program = ts.createProgram(files, ts.parseJsonConfigFileContent(config, ts.sys, here).options);
  return (file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((d) => ({
      line: source.getLineAndCharacterOfPosition(d.start).line,
      text: ts.flattenDiagnosticMessageText(d.messageText, "\n"),
    }));
  };
}

function partition(all, is) {
  return [all.filter(is), all.filter((v) => !is(v))];
}

// reason finds in what a generator printed why it failed.
function reason(error) {
  const text = stripVTControlCharacters(`${error.stdout ?? ""}\n${error.stderr ?? error.message}`);
  const said = /(?:Failed with the message:\n.*\]\s+|^\w*Error: )(.+)/m.exec(text);
  return (said ? said[1] : firstLine(text)).replaceAll(root, "");
}

function firstLine(text) {
  return text.split("\n").map((line) => line.trim()).find((line) => /\w/.test(line)) ?? "";
}
