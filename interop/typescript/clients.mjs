// The clients of the delivery service: generated, compiled together with the program in
// clients/ that has the conversation of package matrix by them, and run.
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./compile.mjs";
import { answer, firstLine, heyAPIClient, openapiFetch, version } from "./tools.mjs";
import { root, vectors } from "./vectors.mjs";

const here = import.meta.dirname;
const input = "openapi/dist/service.yaml";

// patience is how long a conversation may take, in milliseconds.
const patience = 60_000;

export async function clients(generated) {
  const reports = [];
  for (const { tool, note, program, generate } of [openapiFetch, heyAPIClient]) {
    const report = { kind: "client", tool, version: version(tool), input, note };
    const folder = join(generated, program);
    try {
      await generate(join(root, input), folder);
    } catch (error) {
      reports.push({ ...report, error: firstLine(error) });
      continue;
    }
    const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
    const own = ["service.ts", `${program}.ts`].map((name) => join(folder, name));
    for (const file of own) cpSync(join(here, "clients", file.slice(folder.length)), file);
    const faults = build([...files, ...own]);
    report.compiles = answer(files.flatMap(faults));
    if (process.env.SERVICE_URL) report.calls = await calls(tool, own.flatMap(faults), join(folder, `${program}.js`));
    reports.push(report);
  }
  return reports;
}

// calls is what the program sees, as far as it gets. It doesn't run if the client's
// types don't let it.
async function calls(tool, [fault], program) {
  if (fault) return { error: fault.text };
  const robot = `typescript ${tool}`;
  const { text } = vectors("conforms").find(({ name }) => name === "page.run-completed");
  const { SERVICE_URL: url, SERVICE_TOKEN: token, SERVICE_SINK: sink } = process.env;
  const service = { url, token, sink, robot, data: { ...JSON.parse(text).data, robot_id: robot } };
  const saw = {};
  try {
    const { converse } = await import(program);
    const late = new Promise((_, fail) => setTimeout(fail, patience, new Error("it takes too long")).unref());
    await Promise.race([converse(service, saw), late]);
    return saw;
  } catch (error) {
    return { ...saw, error: firstLine(error) };
  }
}
