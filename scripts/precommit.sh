#!/bin/sh
# Runs a command with the environment variable PRE_COMMIT, the path of a pre-commit:
#
#	sh scripts/precommit.sh go test -tags precommit ./internal/cli -run TestPreCommit
#
# Unless PRE_COMMIT is set, it is installed into tools/pre-commit, in a pinned version.
set -eu

if [ -z "${PRE_COMMIT:-}" ]; then
	tool=$(cd "$(dirname "$0")/../tools/pre-commit" && pwd)
	if ! cmp -s "$tool/requirements.txt" "$tool/.venv/requirements.txt"; then
		rm -rf "$tool/.venv"
		"${PYTHON:-python3}" -m venv "$tool/.venv"
		"$tool/.venv/bin/pip" install --quiet --no-deps --requirement "$tool/requirements.txt" >&2
		cp "$tool/requirements.txt" "$tool/.venv/"
	fi
	PRE_COMMIT=$tool/.venv/bin/pre-commit
fi
export PRE_COMMIT
exec "$@"
