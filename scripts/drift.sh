#!/bin/sh
# Fails if anything generated differs from what its sources give. It regenerates
# in a copy, so the working tree stays as it is, and what depends on the path of
# the checkout shows up as drift, too. "make drift" runs it.
set -eu
cd "$(dirname "$0")/.."
: "${GO:=go}"

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM

# The copy is what "git add --all" would stage, in an index and an object store
# of its own, so that nothing is left in the repository.
GIT_DIR=$(git rev-parse --absolute-git-dir)
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(cd "$(git rev-parse --git-common-dir)" && pwd)/objects
GIT_OBJECT_DIRECTORY=$copy/objects
mkdir "$copy/objects" "$copy/tree"
cp "$(git rev-parse --git-path index)" "$copy/index"
GIT_INDEX_FILE=$copy/index
GIT_WORK_TREE=$PWD
export GIT_DIR GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY GIT_INDEX_FILE GIT_WORK_TREE
git add --all
git checkout-index --all --prefix="$copy/tree/"

# Files that .gitattributes calls generated are removed first, so that one that
# nothing generates any more is drift.
git ls-files | git check-attr --stdin linguist-generated | sed -n 's/: linguist-generated: set$//p' |
	while IFS= read -r file; do rm "$copy/tree/$file"; done

# The generators get the environment of any other run.
(
	unset GIT_DIR GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY GIT_INDEX_FILE GIT_WORK_TREE
	cd "$copy/tree"
	"$GO" generate ./...
	"$GO" -C bench generate ./...
	"$GO" -C interop generate ./...
)

GIT_WORK_TREE=$copy/tree
cd "$copy/tree"
drift=$(git diff --name-only && git ls-files --others --exclude-standard)
if [ -n "$drift" ]; then
	git --no-pager diff --stat --patch | head -n 200
	echo "drift: generated files are not what their sources give; run make generate, remove what nothing generates, and commit:" >&2
	echo "$drift" | sed 's/^/  /' >&2
	exit 1
fi
echo "drift: none"
