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

# The receiver, as the guide makes it. What runhooks schema --out would write is dist.
rm -rf receiver/contract
mkdir receiver/contract
cp -R ../../openapi/dist receiver/contract/openapi
npx --no-install openapi-typescript receiver/contract/openapi/webhooks.yaml --output receiver/contract/openapi/webhooks.ts >&2
npx --no-install tsc --project receiver >&2

# The vectors of 1,000 levels are literals of as many, which take tsc a larger stack.
exec node --stack-size=4000 report.mjs
