// The payloads of vectors/. What they should be judged as is not for here to say.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = new URL("../../", import.meta.url).pathname;

// vectors gives the payloads of folders as {name, text}, ordered by name.
export function vectors(...folders) {
  return read(folders, /(?<!\.expect|\.canonical)\.json$/);
}

// canonicalForms gives those of all vectors that have one, in the same way.
export function canonicalForms() {
  return read(["conforms", "deviates"], /\.canonical\.json$/);
}

function read(folders, extension) {
  return folders
    .flatMap((folder) => readdirSync(join(root, "vectors", folder)).map((file) => join(root, "vectors", folder, file)))
    .filter((path) => extension.test(path))
    .map((path) => ({ name: path.replace(/^.*\//, "").replace(extension, ""), text: readFileSync(path, "utf8") }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
