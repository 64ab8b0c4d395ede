// The peers that run in Node.js, in one process that stays. It answers requests,
// one line of JSON each, that worker.go sends; what it times, it times itself.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import Ajv2020 from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import addFormats from "ajv-formats";
import { create } from "../../bindings/npm/create.js";

const require = createRequire(import.meta.url);

// compile gives the validator of one schema, which may refer to others, as the code
// that ajv generates for it: what one would write to a file, and ship.
function compile(schema, others, options) {
  // strictRequired is off, as it is by default: it wants properties beside every
  // required, and the contract's not has none.
  const ajv = new Ajv2020.default({ strict: true, strictRequired: false, code: { source: true, optimize: 1 }, ...options });
  addFormats.default(ajv);
  // In strict mode ajv wants to know of annotations; they assert nothing.
  ajv.addVocabulary(annotations([schema, ...others]));
  for (const other of others) ajv.addSchema(other);
  const code = standalone.default(ajv, ajv.compile(schema));
  const module = { exports: {} };
  new Function("module", "exports", "require", code)(module, module.exports, require);
  return module.exports;
}

function annotations(schema, found = new Set()) {
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith("x-")) found.add(key);
    if (value !== null && typeof value === "object") annotations(value, found);
  }
  return [...found];
}

const subjects = {
  "JSON.parse": (bytes) => {
    JSON.parse(bytes.toString("utf8"));
  },
};

function addAjv(documented, observed) {
  const compileAll = (schemas, others, options) =>
    new Map(Object.entries(schemas).map(([event, text]) => [event, compile(JSON.parse(text), others, options)]));
  // byEvent gives a judge of the text that hands the value to the validators of its
  // event, and gives the errors of the first one with those of the others.
  const byEvent = (...layers) => (bytes) => {
    const value = JSON.parse(bytes.toString("utf8"));
    let errors;
    for (const validators of layers) {
      const validate = validators.get(value?.event_type);
      if (validate === undefined) return `event_type is ${value?.event_type}`;
      if (!validate(value)) errors = errors === undefined ? validate.errors : errors.concat(validate.errors);
    }
    return errors;
  };
  const all = { allErrors: true };
  subjects.ajv = byEvent(compileAll(documented, []));
  subjects["ajv, all errors"] = byEvent(compileAll(documented, [], all));
  // The observed layer refers to the documented one, and has required and properties
  // apart.
  const others = [...new Set(Object.values(documented))].map((text) => JSON.parse(text));
  subjects["ajv, both layers"] = byEvent(
    compileAll(documented, [], all),
    compileAll(observed, others, { ...all, strictTypes: false }),
  );
}

// addRunhooks adds package runhooks of npm, over the module that make wasm has built.
function addRunhooks() {
  const runhooks = create(new WebAssembly.Module(readFileSync(new URL("../../bindings/wasm/runhooks.wasm", import.meta.url))));
  for (const name of ["check", "parse"]) {
    subjects[`runhooks ${name}`] = (bytes) => {
      const { verdict, findings } = runhooks[name](bytes);
      if (verdict === "conforms") return undefined;
      return findings.map(({ pointer, message }) => ({ instancePath: pointer, message }));
    };
  }
}

// judge gives why a payload is rejected, as a text or the errors of ajv, or
// undefined.
function judge(subject, bytes) {
  try {
    return subjects[subject](bytes);
  } catch (error) {
    return String(error);
  }
}

function reasonText(problem) {
  return Array.isArray(problem) ? `${problem[0].instancePath}: ${problem[0].message}` : problem;
}

const corpora = new Map();

const actions = {
  start({ schemas, observed }) {
    addAjv(schemas, observed);
    addRunhooks();
    const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
    return {
      versions: {
        node: process.versions.node,
        ajv: version("ajv"),
        "ajv-formats": version("ajv-formats"),
      },
    };
  },
  load({ corpus, file, sizes }) {
    const bytes = readFileSync(file);
    let at = 0;
    const payloads = sizes.map((size) => {
      const payload = bytes.subarray(at, at + size);
      at += size + 1; // the line feed
      return payload;
    });
    corpora.set(corpus, payloads);
    return {};
  },
  judge({ subject, payload }) {
    return { reason: reasonText(judge(subject, Buffer.from(payload, "base64"))) };
  },
  run({ subject, corpus, payloads: count, passes }) {
    const payloads = corpora.get(corpus).slice(0, count);
    let rejected = 0;
    let found = 0;
    let reason;
    gc(); // what others left behind is not this one's
    const start = process.cpuUsage();
    for (let pass = 0; pass < passes; pass++) {
      for (const payload of payloads) {
        const problem = judge(subject, payload);
        if (problem !== undefined) {
          rejected++;
          if (Array.isArray(problem)) found += problem.length;
          reason ??= problem;
        }
      }
    }
    const { user, system } = process.cpuUsage(start);
    return { nanoseconds: (user + system) * 1000, rejected, found, reason: reasonText(reason) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = actions[request.do](request);
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
