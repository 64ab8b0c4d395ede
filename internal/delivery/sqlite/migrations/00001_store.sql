-- Times are in milliseconds since 1970, but for attempts.at, which is in
-- microseconds. Numbers of events and deliveries are given out in the order in
-- which they were accepted, and never twice.

-- +goose Up
CREATE TABLE endpoints (
	num      INTEGER PRIMARY KEY,
	id       TEXT    NOT NULL UNIQUE,
	robot    TEXT    NOT NULL,          -- '' is the operator's
	url      TEXT    NOT NULL,
	state    TEXT    NOT NULL,
	settings TEXT    NOT NULL,          -- JSON
	sealed   BLOB,
	version  INTEGER NOT NULL,
	created  INTEGER NOT NULL,
	updated  INTEGER NOT NULL,
	deleted  INTEGER NOT NULL DEFAULT 0 -- when; 0 is not
);
CREATE UNIQUE INDEX endpoints_url ON endpoints (robot, url) WHERE deleted = 0;

CREATE TABLE health (
	endpoint      INTEGER PRIMARY KEY,
	failures      INTEGER NOT NULL,
	failing_since INTEGER NOT NULL,
	not_before    INTEGER NOT NULL,
	opened        INTEGER NOT NULL,
	told          INTEGER NOT NULL
);

-- When the last attempts started; 0 is never.
CREATE TABLE activity (
	endpoint     INTEGER PRIMARY KEY,
	last_success INTEGER NOT NULL,
	last_attempt INTEGER NOT NULL
);

-- Attempts by the full hour in which they started.
CREATE TABLE activity_hours (
	endpoint  INTEGER NOT NULL,
	hour      INTEGER NOT NULL,
	succeeded INTEGER NOT NULL,
	failed    INTEGER NOT NULL,
	PRIMARY KEY (endpoint, hour)
) WITHOUT ROWID;
CREATE INDEX activity_hours_age ON activity_hours (hour);

-- Robots, each with its last event of those numbered below counters.noted, which may
-- have been removed since. There is no index of events by their robot, as it would
-- slow down publishing.
CREATE TABLE robots (
	id    TEXT PRIMARY KEY,
	event INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX robots_event ON robots (event);

-- The deliveries of an event are those numbered from first on, made of them at once.
CREATE TABLE events (
	seq         INTEGER PRIMARY KEY,
	id          TEXT    NOT NULL,
	type        TEXT    NOT NULL,
	robot       TEXT    NOT NULL,
	run         TEXT    NOT NULL,
	at          INTEGER NOT NULL,
	first       INTEGER NOT NULL,
	made        INTEGER NOT NULL,
	operational INTEGER NOT NULL,
	trace       TEXT    NOT NULL,
	body        BLOB    NOT NULL
);
CREATE INDEX events_undelivered ON events (seq) WHERE made = 0;

-- What is in the events of which seq / 1024 is n: sorted hashes of 32 bits.
CREATE TABLE blocks (
	n         INTEGER PRIMARY KEY,
	ids       BLOB NOT NULL,
	runs      BLOB NOT NULL,
	robots    BLOB NOT NULL,
	endpoints BLOB NOT NULL
);

-- state is 0 pending, 1 held, 2 delivered, 3 exhausted, 4 cancelled, 5 expired.
-- at is when a pending delivery is due, and since when another is in its state.
CREATE TABLE deliveries (
	id       INTEGER PRIMARY KEY,
	event    INTEGER NOT NULL,
	endpoint INTEGER NOT NULL,
	state    INTEGER NOT NULL,
	ordered  INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	round    INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	created  INTEGER NOT NULL,
	reason   TEXT    NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (endpoint, at) WHERE state = 0 AND ordered = 0;
CREATE INDEX deliveries_ordered ON deliveries (endpoint) WHERE state = 0 AND ordered = 1;
CREATE INDEX deliveries_recoverable ON deliveries (endpoint) WHERE state IN (1, 3, 5);
CREATE INDEX deliveries_held ON deliveries (at) WHERE state = 1;
CREATE INDEX deliveries_held_by ON deliveries (endpoint) WHERE state = 1;

-- id is the delivery's times 65536, and a count.
CREATE TABLE attempts (
	id       INTEGER PRIMARY KEY,
	n        INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	outcome  TEXT    NOT NULL,
	status   INTEGER NOT NULL,
	duration INTEGER NOT NULL, -- in nanoseconds
	late     INTEGER NOT NULL,
	node     TEXT    NOT NULL,
	detail   BLOB
);

CREATE TABLE idempotency (
	key      TEXT PRIMARY KEY,
	hash     BLOB    NOT NULL,
	event    INTEGER NOT NULL,
	event_id TEXT    NOT NULL,
	at       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_event ON idempotency (event, at);

CREATE TABLE jobs (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	kind     TEXT    NOT NULL,
	endpoint TEXT    NOT NULL,
	since    INTEGER NOT NULL,
	robot    TEXT    NOT NULL,
	run      TEXT    NOT NULL,
	done     INTEGER NOT NULL,
	total    INTEGER NOT NULL,
	created  INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	cursor   INTEGER NOT NULL
);
CREATE UNIQUE INDEX jobs_open ON jobs (kind, endpoint) WHERE finished = 0 AND endpoint <> '';

CREATE TABLE tokens (
	id      TEXT PRIMARY KEY,
	name    TEXT    NOT NULL,
	role    TEXT    NOT NULL,
	robot   TEXT    NOT NULL,
	hash    BLOB    NOT NULL UNIQUE,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL -- 0 is never
) WITHOUT ROWID;

-- What inspectors were sent.
CREATE TABLE captures (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	inspector TEXT    NOT NULL, -- its token
	at        INTEGER NOT NULL,
	request   BLOB    NOT NULL
);
CREATE INDEX captures_inspector ON captures (inspector, id);

CREATE TABLE audit (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	actor   TEXT    NOT NULL,
	action  TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	robot   TEXT    NOT NULL,
	changes BLOB
);

-- The numbers below which none is given out again, though its row be gone.
CREATE TABLE counters (
	event    INTEGER NOT NULL,
	delivery INTEGER NOT NULL,
	noted    INTEGER NOT NULL -- robots has the robots of the events below it
);
INSERT INTO counters VALUES (1, 1, 1);
