#!/bin/sh
# Packs the package, installs it into empty projects, tests it there, and prints what it
# says of each vector in the runtime $1: node, deno or bun. All else goes to stderr.
set -eu
cd "$(dirname "$0")"

skip() {
  echo "SKIP interop/bindings/npm: $1" >&2
  [ "${REQUIRE_ALL:-}" = 1 ] && exit 1
  exit 0
}
command -v npm >/dev/null || skip "no npm"
command -v node >/dev/null || skip "no node"

# npm writes this file last.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error >&2
bin=$PWD/node_modules/.bin

module=../../../bindings/wasm/runhooks.wasm
[ -e "$module" ] || make -C ../../.. wasm >&2
if [ ! -e generated/packed ] || [ -n "$(find "$module" ../../../bindings/npm -newer generated/packed)" ]; then
  rm -rf generated
  mkdir generated
  npm pack --silent --pack-destination generated ../../../bindings/npm >&2
  cd generated
  echo '{"private": true, "type": "module"}' >package.json
  npm install --silent --no-save --no-audit --no-fund --offline ./runhooks-*.tgz >&2
  touch packed
  cd ..
fi
cp vectors.mjs package_test.mjs generated/

vectors=$(cd ../../../vectors && pwd)
if [ "${1:-node}" = node ]; then
  node types.mjs --check >&2
  node --test build_test.mjs >&2
  (cd generated && VECTORS=$vectors node --test package_test.mjs >&2)
fi
cd generated
case ${1:-node} in
node) exec node vectors.mjs "$vectors" ;;
deno) exec "$bin/deno" run --quiet --no-prompt --allow-read="$vectors" vectors.mjs "$vectors" ;;
bun) exec "$bin/bun" vectors.mjs "$vectors" ;;
*) echo "run.sh: there is no runtime $1" >&2; exit 2 ;;
esac
