#!/bin/sh
# Fuzzes every target of the module, or those of the names given, one after the
# other, each for FUZZTIME. Of an input that fails it prints the file, as it is to
# be committed. "make fuzz" and "make fuzz-short" run it.
set -eu
cd "$(dirname "$0")/.."
: "${GO:=go}" "${FUZZTIME:=10s}"

work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# fuzz runs a target of the package that was built, shows what it says, and keeps that in
# the log. What it finds on the way is kept where go test keeps it.
fuzz() {
	{ (cd "$directory" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$FUZZTIME" \
		-test.fuzzminimizetime 1x -test.fuzzcachedir "$cache/$package") </dev/null 2>&1 ||
		echo "fuzz: exit status $?"; } | tee "$log"
	! grep -q '^fuzz: exit status' "$log"
}

# Up to Go 1.26 the end of FUZZTIME may be reported as a failure: go.dev/issue/75804.
ran_out() {
	grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written to' "$log"
}

if ! listing=$("$GO" test -list '^Fuzz' ./...); then
	echo "$listing" >&2
	exit 1
fi
targets=$(echo "$listing" | awk -v only=" $* " '
	/^Fuzz/ && (only == "  " || index(only, " " $1 " ")) { name[n++] = $1 }
	$1 == "ok" { for (i = 0; i < n; i++) print $2, name[i]; n = 0 }')
if [ -z "$targets" ]; then
	echo "fuzz: there are no targets" >&2
	exit 1
fi

cache=$("$GO" env GOCACHE)/fuzz
failed=
built=
while read -r package target; do
	if [ "$package" != "$built" ]; then # once for all its targets: to link takes as long as CI fuzzes one
		"$GO" test -c -fuzz . -o "$work/fuzz.test" "$package"
		directory=$("$GO" list -f '{{.Dir}}' "$package")
		built=$package
	fi
	echo "fuzz: $target of $package, for $FUZZTIME"
	if fuzz || { ran_out && echo "fuzz: once more" && fuzz; }; then
		continue
	fi
	failed="$failed $target"
	sed -n 's/.*Failing input written to //p' "$log" | while read -r input; do
		echo "fuzz: $target fails on this, in $directory/$input:"
		cat "$directory/$input"
	done
done <<END
$targets
END
if [ -n "$failed" ]; then
	echo "fuzz: failed:$failed" >&2
	exit 1
fi
