#!/bin/sh
# Shows what runhooks check has to say about payloads of this repository, what
# arrives at runhooks listen, and how runhooks serve delivers, and fails if an exit
# status isn't the one that it promises. "make demo" builds the command and runs this.
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

show 0 "The same payloads, judged by what a receiver has to accept." \
	bin/runhooks check --against observed $wild

show 0 "What a code means." \
	bin/runhooks explain dialect.local-time

# What runs in the background ends with this script.
work=$(mktemp -d)
started=
trap 'kill $started 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# background NAME COMMAND... runs a command that says where it listens, until it
# does. $process is then its id, and $url where it listens.
background() {
	name=$1
	shift
	"$@" >"$work/$name" 2>"$work/$name.log" &
	process=$!
	started="$started $process"
	tries=0
	until grep -q '^listening on ' "$work/$name.log"; do
		tries=$((tries + 1))
		if [ $tries -gt 100 ] || ! kill -0 $process 2>/dev/null; then
			echo "demo: $* doesn't start:" >&2
			cat "$work/$name.log" >&2
			exit 1
		fi
		sleep 0.1
	done
	url=$(sed -n 's/^listening on //p' "$work/$name.log")
}

RUNHOOKS_SECRET=$(bin/runhooks secret)
export RUNHOOKS_SECRET
printf '\n── A receiver to develop against. It verifies signatures.\n$ bin/runhooks listen --addr :0 --count 3 &\n\n'
background listener bin/runhooks listen --addr :0 --count 3
listener=$process
cat "$work/listener.log"

show 0 "An event with sample data, signed." \
	bin/runhooks trigger run_completed --to "$url"

show 0 "The other one." \
	bin/runhooks trigger run_failed --to "$url"

show 0 "One as servers really send it. A receiver has to accept it." \
	bin/runhooks trigger run_completed --as maxun --to "$url"

printf '\n── What arrived.\n\n'
wait $listener
cat "$work/listener"

# The service, and another receiver.
export RUNHOOKS_DATA="$work/data"
printf '\n── The delivery service. It keeps what it accepted, and delivers it.\n$ bin/runhooks serve --addr :0 --allow 127.0.0.0/8 &\n\n'
background service bin/runhooks serve --addr :0 --allow 127.0.0.0/8 --log-format text --log-level warn
service=$process
export RUNHOOKS_SERVER="$url"
cat "$work/service.log"
background receiver bin/runhooks listen --addr :0 --count 1
receiver=$process

show 0 "A robot gets an endpoint." \
	bin/runhooks endpoints create "$url" --robot price-watch

show 0 "A run of the robot ends, and the platform publishes it." \
	bin/runhooks events publish --sample run_completed --robot price-watch

printf '\n── It arrived, signed.\n\n'
wait $receiver
cat "$work/receiver"

tries=0
until bin/runhooks deliveries list --state delivered | grep -q delivered; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || { echo "demo: the delivery isn't recorded" >&2; exit 1; }
	sleep 0.05
done
show 0 "Its delivery." \
	bin/runhooks deliveries list

show 0 "And the attempt." \
	bin/runhooks deliveries show dlv_1

# The same from a server that can't be changed.
background rows bin/runhooks listen --addr :0 --count 1
rows=$process
show 0 "Another endpoint, which gets events in one typed form, whatever was sent." \
	bin/runhooks endpoints create "$url" --robot shop --form canonical

printf '\n── An inlet, for a server that can'"'"'t be changed.\n$ bin/runhooks inlets create scrapers --robot shop\n\n'
bin/runhooks inlets create scrapers --robot shop | tee "$work/inlet"
show 0 "What such a server sends to it." \
	bin/runhooks trigger run_completed --as maxun --unsigned --to "$(sed -n 's/^  \(http.*\/in\/.*\)/\1/p' "$work/inlet")"

printf '\n── It arrived, signed and typed.\n\n'
wait $rows
cat "$work/rows"

kill -INT $service
wait $service

cat <<'END'

── Next
  bin/runhooks check PATH …                   files, directories, NDJSON, HAR; - is standard input
  bin/runhooks check --format html … >a.html  the report as a page; also json, sarif, junit, github
  bin/runhooks listen                         a receiver; with --forward URL, before your own
  bin/runhooks trigger run_failed --to URL    a sender
  bin/runhooks serve                          the delivery service; docs/service.md
  bin/runhooks schema --list                  the contract itself
  bin/runhooks --help                         everything else
END
