// What tools make of the package in generated/: bundles that run, and types that compile.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const project = join(here, "generated");
const bin = (name) => join(here, "node_modules/.bin", name);
mkdirSync(join(project, "bundles"), { recursive: true });
writeFileSync(join(project, "bundle.mjs"), 'import { check } from "runhooks";\nconsole.log(check("{}").findings[0].code);\n');

for (const [name, command, ...args] of [
  ["browser", "esbuild", "--bundle", "--format=esm", "--minify", "--log-level=error", "--outfile=bundles/browser.mjs"],
  ["server", "esbuild", "--bundle", "--format=esm", "--platform=node", "--log-level=error", "--outfile=bundles/server.mjs"],
  ["bun", "bun", "build", "--target=bun", "--outfile=bundles/bun.mjs"],
]) {
  test(`a bundle of ${command} for a ${name}`, () => {
    execFileSync(bin(command), args[0] === "build" ? [...args, "bundle.mjs"] : ["bundle.mjs", ...args], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
    const runtime = name === "bun" ? bin("bun") : process.execPath;
    assert.equal(execFileSync(runtime, [`bundles/${name}.mjs`], { cwd: project, encoding: "utf8" }), "event.type-missing\n");
  });
}

for (const resolution of ["nodenext", "bundler"]) {
  test(`types, with the resolution ${resolution}`, () => {
    copyFileSync(join(here, "types.ts"), join(project, "types.ts"));
    execFileSync(bin("tsc"), [
      "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noPropertyAccessFromIndexSignature",
      "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--module", resolution === "bundler" ? "preserve" : "nodenext", "--moduleResolution", resolution,
      "--typeRoots", join(here, "node_modules/@types"), "--types", "node", "types.ts",
    ], { cwd: project, stdio: ["ignore", "inherit", "inherit"] });
  });
}
