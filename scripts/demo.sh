#!/bin/sh
# Shows what runhooks check has to say about payloads of this repository, and
# fails if an exit status isn't the one that it promises. "make demo" builds the
# command and runs this.
set -eu
cd "$(dirname "$0")/.."

wild="vectors/deviates/dialect.local-time.json vectors/deviates/dialect.field-case.json"

# show STATUS WHAT COMMAND... says what, and runs the command, which must exit
# with that status.
show() {
	expected=$1
	printf '\n── %s\n$ %s\n\n' "$2" "$(shift 2; echo "$@")"
	shift 2
	status=0
	"$@" || status=$?
	if [ "$status" -ne "$expected" ]; then
		echo "demo: exit status $status, where $expected was expected" >&2
		exit 1
	fi
}

show 1 "The documentation's first sample, as it is printed there: it isn't JSON." \
	bin/runhooks check vectors/invalid/page.run-completed-as-printed.json

show 0 "Without that comma it conforms. Its counts don't add up, and that is a warning." \
	bin/runhooks check vectors/conforms/page.run-completed.json

show 0 "The second sample." \
	bin/runhooks check vectors/conforms/page.run-failed.json

show 1 "What servers really send. Whoever sends this breaks the contract, in known ways." \
	bin/runhooks check $wild

show 0 "The same payloads, held to what a receiver has to survive." \
	bin/runhooks check --against observed $wild

show 0 "What a code means." \
	bin/runhooks explain dialect.local-time

cat <<'END'

── Next
  bin/runhooks check PATH …                   files, directories, NDJSON, HAR; - is standard input
  bin/runhooks check --format html … >a.html  the report as a page; also json, sarif, junit, github
  bin/runhooks schema --list                  the contract itself
  bin/runhooks --help                         everything else
END
