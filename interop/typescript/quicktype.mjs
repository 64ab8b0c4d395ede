// quicktype, as its users call it, for TypeScript and for C++.
import { readFileSync } from "node:fs";
import { FetchingJSONSchemaStore, InputData, JSONSchemaInput, quicktype } from "quicktype-core";

// events are both files: given their union, it makes one type of both events, of which the
// members of either are optional, and which refuses a run_failed that conforms.
export const events = "openapi/dist/json-schema-2020-12/run-{completed,failed}.json";

// generate returns the code for a language, with a type for each of the events.
export async function generate(input, lang, rendererOptions = {}) {
  const schemas = new JSONSchemaInput(new FetchingJSONSchemaStore());
  for (const [name, event] of [["RunCompleted", "completed"], ["RunFailed", "failed"]]) {
    await schemas.addSource({ name, schema: readFileSync(input.replace("{completed,failed}", event), "utf8") });
  }
  const inputData = new InputData();
  inputData.addInput(schemas);
  const { lines } = await quicktype({ inputData, lang, rendererOptions });
  return lines.join("\n");
}
