-- +goose Up
CREATE TABLE inlets (
	id       TEXT PRIMARY KEY,
	name     TEXT    NOT NULL,
	robot    TEXT    NOT NULL, -- '' is the one that the payload names
	zone     TEXT    NOT NULL,
	locale   TEXT    NOT NULL,
	hash     BLOB    NOT NULL UNIQUE,
	created  INTEGER NOT NULL,
	received INTEGER NOT NULL  -- when it last was; 0 is never
) WITHOUT ROWID;

-- JSON; '' is of an event that was published. To read it is to go through the body.
ALTER TABLE events ADD COLUMN source TEXT NOT NULL DEFAULT '';

-- What inlets received that is invalid.
CREATE TABLE set_aside (
	id     INTEGER PRIMARY KEY,
	at     INTEGER NOT NULL,
	inlet  TEXT    NOT NULL,
	robot  TEXT    NOT NULL,
	run    TEXT    NOT NULL,
	report BLOB    NOT NULL,
	body   BLOB    NOT NULL
);
CREATE INDEX set_aside_robot ON set_aside (robot);
CREATE INDEX set_aside_run ON set_aside (run);
