#!/bin/sh
# Generates the types, packs the package, installs it into an empty project, tests it there,
# and prints what it says of each vector. All else goes to stderr.
set -eu
cd "$(dirname "$0")"

python=${PYTHON:-python3}
if ! "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	echo 'SKIP interop/bindings/pypi: no PYTHON 3.11 with venv' >&2
	[ "${REQUIRE_ALL:-}" != 1 ]
	exit
fi
root=$(cd ../../.. && pwd)
package=$root/bindings/pypi
module=$root/bindings/wasm/runhooks.wasm
[ -e "$module" ] || make -C "$root" wasm >&2

if ! cmp -s requirements.txt venv/requirements.txt; then
	rm -rf venv
	"$python" -m venv venv
	venv/bin/pip install --quiet --no-deps --requirement requirements.txt >&2
	cp requirements.txt venv/
fi

sh types.sh "$package/src/runhooks/event.py"

# The project: nothing but the package, and what pip gets for it.
rm -rf generated/wheel generated/*.py
mkdir -p generated/wheel
PYTHON=$PWD/venv/bin/python sh "$package/pack.sh" generated/wheel >&2
[ -x generated/venv/bin/python ] || "$python" -m venv generated/venv
generated/venv/bin/pip install --quiet --force-reinstall --constraint requirements.txt generated/wheel/*.whl >&2
cp vectors.py test_package.py generated/
sed -n '/^```python$/,/^```$/{//!p;}' "$package/README.md" >generated/readme.py
cd generated
../venv/bin/mypy --strict --no-error-summary --cache-dir mypy --python-executable venv/bin/python ./*.py >&2

# What wasmtime compiles stays here.
XDG_CACHE_HOME=$PWD/cache
export XDG_CACHE_HOME
venv/bin/python -m unittest --quiet test_package >&2
exec venv/bin/python vectors.py "$root/vectors"
