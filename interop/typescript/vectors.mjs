// The payloads of vectors/, each with the verdict that it must get.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = new URL("../../", import.meta.url).pathname;

// load gives all vectors as {name, text, verdict, strict}. Where strict is false,
// the bytes are no strict JSON: a validator of values never sees what is wrong.
export function load() {
  const all = [];
  for (const folder of ["conforms", "deviates", "invalid"]) {
    for (const file of readdirSync(join(root, "vectors", folder)).sort()) {
      if (!file.endsWith(".expect.json")) continue;
      const name = `${folder}/${file.replace(/\.expect\.json$/, "")}`;
      const { verdict, findings } = JSON.parse(readFileSync(join(root, "vectors", folder, file), "utf8"));
      const text = readFileSync(join(root, "vectors", `${name}.json`), "utf8");
      all.push({ name, text, verdict, strict: !findings.some((f) => f.code.startsWith("json.")) });
    }
  }
  return all;
}

// names lists vectors without their folders, for a note.
export function names(vectors) {
  return vectors.map((v) => v.name.replace(/^.*\//, "")).join(", ");
}

const token = /("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)|\s+/g;

// minify takes the white space out, and leaves each string and number as it is.
export function minify(text) {
  return text.replace(token, (space, string, number) => string ?? number ?? "");
}

// exact parses JSON with each number as a string of its decimal value, since
// JSON.parse rounds what a double can't hold.
export function exact(text) {
  return JSON.parse(text.replace(token, (space, string, number) =>
    string ?? (number === undefined ? "" : JSON.stringify(`number ${decimal(number)}`))));
}

// decimal gives equal numbers one spelling: 100, 1e2 and 100.0 are "1e2".
function decimal(number) {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(number);
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
