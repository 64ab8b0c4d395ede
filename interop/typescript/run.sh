#!/bin/sh
# Prints a report of each tool and file, as package matrix says; all else goes to stderr.
set -eu
cd "$(dirname "$0")"

skip() {
  echo "SKIP interop/typescript: $1" >&2
  [ "${REQUIRE_ALL:-}" = 1 ] && exit 1
  exit 0
}
command -v npm >/dev/null || skip "no npm"
command -v node >/dev/null || skip "no node"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  skip "no node of 20.19 or newer"
if [ -z "${SERVICE_URL:-}" ]; then
  echo "SKIP interop/typescript: no SERVICE_URL for clients to call" >&2
  [ "${REQUIRE_ALL:-}" != 1 ]
fi

# npm writes this file last.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error >&2

# The receiver, as the guide makes it, with the package that it installs.
module=../../bindings/wasm/runhooks.wasm
[ -e "$module" ] || make -C ../.. wasm >&2
rm -rf receiver/node_modules
mkdir -p receiver/node_modules
npm pack --silent --pack-destination receiver/node_modules ../../bindings/npm >&2
tar -xzf receiver/node_modules/runhooks-*.tgz -C receiver/node_modules
mv receiver/node_modules/package receiver/node_modules/runhooks
npx --no-install tsc --project receiver >&2

# The receiver of canonical events, as rows.sh starts it.
npx --no-install json2ts --input ../../openapi/dist/json-schema-2020-12/canonical-run-event.json --output rows/canonical-run-event.ts >&2
npx --no-install tsc --project rows >&2

# The vectors of 1,000 levels are literals of as many, which take tsc a larger stack.
exec node --stack-size=4000 report.mjs
