// Writes the types of the canonical event, from its schema, to event.d.ts of the package;
// with --check it fails if others are there.
import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const from = "openapi/dist/json-schema-2020-12/canonical-run-event.json";
const root = (path) => new URL(`../../../${path}`, import.meta.url);
const file = root("bindings/npm/event.d.ts");

// plain returns a schema without what the generator would make a type of its own for: what
// stands beside a $ref; and says what it takes for an object: that any value will do.
function plain(schema) {
  if (Array.isArray(schema)) return schema.map(plain);
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref) return { $ref: schema.$ref };
  const { examples, ...rest } = schema;
  const members = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, plain(value)]));
  const any = typeof schema.description === "string" && !schema.type && !schema.anyOf && !schema.oneOf && !schema.enum;
  return any ? { ...members, tsType: "unknown" } : members;
}

const schema = plain(JSON.parse(readFileSync(root(from), "utf8")));
const types = await compile(schema, schema.title, {
  bannerComment: `// By json-schema-to-typescript, from ${from}: npm --prefix interop/bindings/npm run types`,
  additionalProperties: false,
});
if (!process.argv.includes("--check")) {
  writeFileSync(file, types);
} else if (readFileSync(file, "utf8") !== types) {
  console.error("bindings/npm/event.d.ts isn't what the schema gives: npm --prefix interop/bindings/npm run types");
  process.exit(1);
}
