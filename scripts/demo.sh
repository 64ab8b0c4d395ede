#!/bin/sh
# Shows what runhooks check has to say about payloads of this repository, and what
# arrives at runhooks listen, and fails if an exit status isn't the one that it
# promises. "make demo" builds the command and runs this.
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

# A listener on a free port that verifies signatures, and ends after three events.
RUNHOOKS_SECRET=$(bin/runhooks secret)
export RUNHOOKS_SECRET
work=$(mktemp -d)
bin/runhooks listen --addr :0 --count 3 >"$work/arrived" 2>"$work/ready" &
listener=$!
trap 'kill $listener 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
tries=0
until grep -q '^listening on ' "$work/ready"; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ] || ! kill -0 $listener 2>/dev/null; then
		echo "demo: the listener doesn't start:" >&2
		cat "$work/ready" >&2
		exit 1
	fi
	sleep 0.1
done
url=$(sed -n 's/^listening on //p' "$work/ready")
printf '\n── A receiver to develop against.\n$ bin/runhooks listen --addr :0 --count 3 &\n\n'
cat "$work/ready"

show 0 "An event with sample data, signed." \
	bin/runhooks trigger run_completed --to "$url"

show 0 "The other one." \
	bin/runhooks trigger run_failed --to "$url"

show 0 "One as servers really send it. A receiver has to survive it." \
	bin/runhooks trigger run_completed --as maxun --to "$url"

printf '\n── What arrived.\n\n'
wait $listener
cat "$work/arrived"

cat <<'END'

── Next
  bin/runhooks check PATH …                   files, directories, NDJSON, HAR; - is standard input
  bin/runhooks check --format html … >a.html  the report as a page; also json, sarif, junit, github
  bin/runhooks listen                         a receiver; with --forward URL, before your own
  bin/runhooks trigger run_failed --to URL    a sender
  bin/runhooks schema --list                  the contract itself
  bin/runhooks --help                         everything else
END
