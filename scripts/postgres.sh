#!/bin/sh
# Runs a command with a PostgreSQL of its own, of which POSTGRES_URL is the
# address:
#
#	sh scripts/postgres.sh go test ./...
#
# The server listens on a socket in a temporary folder and nowhere else, and ends
# with the command. It does not wait for the disk, unless POSTGRES_FSYNC is on, as
# benchmarks want it. POSTGRES_OPTIONS are further options of the server. Where
# PostgreSQL isn't installed, and this runs as root on Debian or the like, it is
# installed first.
set -eu

# programs gives the folder of initdb and postgres. Debian has them beside PATH.
programs() {
	if command -v initdb >/dev/null && command -v postgres >/dev/null; then
		dirname "$(command -v initdb)"
		return
	fi
	for dir in /usr/lib/postgresql/*/bin; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
			echo "$dir"
			return
		fi
	done
	return 1
}

if ! bin=$(programs); then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "postgres: install PostgreSQL (initdb and postgres), or set POSTGRES_URL and run the command as it is" >&2
		exit 1
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
	bin=$(programs)
fi

work=$(mktemp -d)
chmod 755 "$work"
as_postgres=
if [ "$(id -u)" = 0 ]; then # as which PostgreSQL won't run
	chown postgres "$work"
	as_postgres='runuser -u postgres --'
fi
stop() {
	(cd "$work" && $as_postgres "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1) || true
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

(
	cd "$work"
	$as_postgres "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --no-sync >"$work/log" 2>&1 &&
		$as_postgres "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w \
			-o "-c listen_addresses='' -c unix_socket_directories='$work' -c fsync=${POSTGRES_FSYNC:-off} ${POSTGRES_OPTIONS:-}" start >>"$work/log" 2>&1
) || {
	cat "$work/log" "$work/server.log" >&2 2>/dev/null || true
	exit 1
}
POSTGRES_URL="postgres:///postgres?host=$work&user=postgres" "$@"
