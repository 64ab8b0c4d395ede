-- +goose Up

-- Nodes are the processes that use this database. A node that delivers also holds
-- the session advisory lock (1919183723, id), by which others see that it lives.
CREATE TABLE runhooks.nodes (
	id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name       text NOT NULL,
	delivers   boolean NOT NULL,
	renewed_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE runhooks.endpoints (
	id              text COLLATE "C" PRIMARY KEY,
	robot_id        text COLLATE "C" NOT NULL,
	url             text NOT NULL,
	events          text[] NOT NULL,
	description     text NOT NULL,
	state           text NOT NULL,
	disabled_reason text NOT NULL,
	disabled_at     timestamptz,
	max_attempts    integer NOT NULL,
	delays          bigint[] NOT NULL, -- nanoseconds
	timeout         bigint NOT NULL,   -- nanoseconds
	rate_limit      double precision NOT NULL,
	max_in_flight   integer NOT NULL,
	ordered         boolean NOT NULL,
	sealed          bytea NOT NULL,
	version         bigint NOT NULL,
	created_at      timestamptz NOT NULL,
	updated_at      timestamptz NOT NULL,
	deleted_at      timestamptz,
	-- changed is the transaction that last changed the row, by which nodes find
	-- the changes that others made, whatever the order of their commits.
	changed         xid8 NOT NULL DEFAULT pg_current_xact_id(),
	changed_by      integer NOT NULL DEFAULT 0,
	-- Until settle_until, publications that read the row before it changed may
	-- still commit deliveries that don't fit its state.
	settle_until    timestamptz
);
CREATE UNIQUE INDEX endpoints_url ON runhooks.endpoints (robot_id, md5(url)) WHERE deleted_at IS NULL;
CREATE INDEX endpoints_robot ON runhooks.endpoints (robot_id);
CREATE INDEX endpoints_changed ON runhooks.endpoints (changed);
CREATE INDEX endpoints_settle ON runhooks.endpoints (settle_until) WHERE settle_until IS NOT NULL;

-- An endpoint with deliveries pending has a row in queues, which says who owns it.
CREATE SEQUENCE runhooks.epochs;
CREATE TABLE runhooks.queues (
	endpoint_id text COLLATE "C" PRIMARY KEY,
	owner       integer, -- a node; if there is no such node, or it is null, the endpoint is free
	epoch       bigint NOT NULL DEFAULT nextval('runhooks.epochs')
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

CREATE TABLE runhooks.health (
	endpoint_id   text COLLATE "C" PRIMARY KEY,
	failures      integer NOT NULL,
	failing_since timestamptz,
	not_before    timestamptz,
	opened        integer NOT NULL,
	told          boolean NOT NULL
) WITH (fillfactor = 50);

-- When the last attempts to an endpoint started.
CREATE TABLE runhooks.activity (
	endpoint_id     text COLLATE "C" PRIMARY KEY,
	last_success_at timestamptz,
	last_attempt_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Attempts by the full hour in which they started.
CREATE TABLE runhooks.activity_hours (
	endpoint_id text COLLATE "C" NOT NULL,
	hour        timestamptz NOT NULL,
	succeeded   bigint NOT NULL,
	failed      bigint NOT NULL,
	PRIMARY KEY (endpoint_id, hour)
) WITH (fillfactor = 50);
CREATE INDEX activity_hours_age ON runhooks.activity_hours (hour);

CREATE SEQUENCE runhooks.events_seq CACHE 1;
CREATE TABLE runhooks.events (
	seq         bigint NOT NULL,
	id          text COLLATE "C" NOT NULL,
	day         date NOT NULL,
	type        text NOT NULL,
	robot_id    text COLLATE "C" NOT NULL,
	run_id      text COLLATE "C" NOT NULL,
	at          timestamptz NOT NULL,
	operational boolean NOT NULL,
	traceparent text NOT NULL,
	body        bytea NOT NULL,
	PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE INDEX events_by_seq ON runhooks.events (seq);
CREATE INDEX events_robot ON runhooks.events (robot_id, seq);
CREATE INDEX events_run ON runhooks.events (run_id);

-- Deliveries that are not finished: pending, or held.
CREATE SEQUENCE runhooks.deliveries_id;
CREATE TABLE runhooks.pending (
	id          bigint PRIMARY KEY,
	endpoint_id text COLLATE "C" NOT NULL,
	event_id    text COLLATE "C" NOT NULL,
	event_day   date NOT NULL,
	size        integer NOT NULL, -- of the event's body
	state       text NOT NULL,
	ordered     boolean NOT NULL,
	attempts    integer NOT NULL,
	round       integer NOT NULL,
	due_at      timestamptz NOT NULL,
	created_at  timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.2);
CREATE INDEX pending_due ON runhooks.pending (endpoint_id, due_at, id) WHERE state = 'pending' AND NOT ordered;
CREATE INDEX pending_ordered ON runhooks.pending (endpoint_id, id) WHERE state = 'pending' AND ordered;
CREATE INDEX pending_held ON runhooks.pending (endpoint_id, id) WHERE state = 'held';
CREATE INDEX pending_held_age ON runhooks.pending (created_at) WHERE state = 'held';
CREATE INDEX pending_event ON runhooks.pending (event_id);

CREATE TABLE runhooks.finished (
	id          bigint NOT NULL,
	day         date NOT NULL, -- on which it was finished
	endpoint_id text COLLATE "C" NOT NULL,
	event_id    text COLLATE "C" NOT NULL,
	event_day   date NOT NULL,
	size        integer NOT NULL,
	state       text NOT NULL,
	ordered     boolean NOT NULL,
	attempts    integer NOT NULL,
	round       integer NOT NULL,
	created_at  timestamptz NOT NULL,
	finished_at timestamptz NOT NULL,
	reason      text NOT NULL,
	PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE INDEX finished_endpoint ON runhooks.finished (endpoint_id, id);
CREATE INDEX finished_event ON runhooks.finished (event_id);
-- Nearly all rows of a partition are of events of its day; this finds the others.
CREATE INDEX finished_event_day ON runhooks.finished USING brin (event_day) WITH (pages_per_range = 8, autosummarize = on);

CREATE TABLE runhooks.attempts (
	delivery_id bigint NOT NULL,
	n           integer NOT NULL,
	day         date NOT NULL,
	node        text COLLATE "C" NOT NULL,
	at          timestamptz NOT NULL,
	outcome     text NOT NULL,
	status      integer NOT NULL,
	duration    bigint NOT NULL, -- nanoseconds
	late        boolean NOT NULL,
	detail      bytea, -- JSON
	PRIMARY KEY (delivery_id, n, node, late, day)
) PARTITION BY RANGE (day);

-- +goose StatementBegin
DO $$
BEGIN
	-- The default, pglz, costs more time than the rest of an insert of a large body.
	ALTER TABLE runhooks.events ALTER COLUMN body SET COMPRESSION lz4;
	ALTER TABLE runhooks.attempts ALTER COLUMN detail SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
	NULL; -- a server that was built without it
END $$;
-- +goose StatementEnd

-- All deliveries, without what is of their events.
CREATE VIEW runhooks.deliveries_alone AS
SELECT id, endpoint_id, event_id, event_day, state, ordered, attempts, round,
	due_at, created_at, NULL::timestamptz AS finished_at, ''::text AS reason
FROM runhooks.pending
UNION ALL
SELECT id, endpoint_id, event_id, event_day, state, ordered, attempts, round,
	NULL::timestamptz, created_at, finished_at, reason
FROM runhooks.finished;

-- All deliveries, as the API shows them.
CREATE VIEW runhooks.deliveries AS
SELECT d.*, e.type AS event_type, e.robot_id, e.run_id
FROM runhooks.deliveries_alone d JOIN runhooks.events e ON e.id = d.event_id AND e.day = d.event_day;

CREATE TABLE runhooks.idempotency (
	key        text COLLATE "C" PRIMARY KEY,
	event_id   text COLLATE "C" NOT NULL,
	hash       bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_age ON runhooks.idempotency USING brin (created_at);
CREATE INDEX idempotency_event ON runhooks.idempotency (event_id);

CREATE TABLE runhooks.tokens (
	id         text COLLATE "C" PRIMARY KEY,
	name       text NOT NULL,
	role       text NOT NULL,
	robot_id   text NOT NULL,
	hash       bytea NOT NULL UNIQUE,
	created_at timestamptz NOT NULL,
	expires_at timestamptz
);

-- What inspectors were sent.
CREATE TABLE runhooks.captures (
	id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	inspector text COLLATE "C" NOT NULL, -- its token
	at        timestamptz NOT NULL DEFAULT now(),
	request   bytea NOT NULL
);
CREATE INDEX captures_inspector ON runhooks.captures (inspector, id);

CREATE TABLE runhooks.audit (
	seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at       timestamptz NOT NULL DEFAULT now(),
	actor    text NOT NULL,
	action   text NOT NULL,
	subject  text COLLATE "C" NOT NULL,
	robot_id text COLLATE "C" NOT NULL,
	changes  bytea
);
CREATE INDEX audit_subject ON runhooks.audit (subject, seq);
CREATE INDEX audit_robot ON runhooks.audit (robot_id, seq);

CREATE TABLE runhooks.jobs (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind        text NOT NULL,
	endpoint_id text COLLATE "C" NOT NULL,
	since       timestamptz,
	robot_id    text COLLATE "C" NOT NULL,
	run_id      text COLLATE "C" NOT NULL,
	done        bigint NOT NULL,
	total       bigint NOT NULL,
	cursor      bigint NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz
);
CREATE INDEX jobs_open ON runhooks.jobs (id) WHERE finished_at IS NULL;
CREATE UNIQUE INDEX jobs_endpoint ON runhooks.jobs (kind, endpoint_id) WHERE finished_at IS NULL AND endpoint_id <> '';

-- What platforms publish in transactions of their own, until it is judged.
CREATE TABLE runhooks.outbox (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	body            bytea NOT NULL, -- whatever was published, UTF-8 or not
	idempotency_key text NOT NULL DEFAULT '',
	at              timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE runhooks.set_aside (
	id     bigint PRIMARY KEY, -- that of the outbox
	at     timestamptz NOT NULL,
	body   bytea NOT NULL,
	report bytea NOT NULL
);

-- publish publishes an event in the transaction that calls it: it is sent if, and
-- only if, that commits. It runs with the rights of its caller, who needs USAGE on
-- the schema runhooks and INSERT on runhooks.outbox.
-- +goose StatementBegin
CREATE FUNCTION runhooks.publish(event text, idempotency_key text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO runhooks.outbox (body, idempotency_key) VALUES (convert_to($1, 'UTF8'), coalesce($2, ''));
$$;
-- +goose StatementEnd

-- on_shelf is the day in whose partition a row of a time is kept. It is that of the
-- time, unless the clock of the node that took it is far off.
-- +goose StatementBegin
CREATE FUNCTION runhooks.on_shelf(at timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
	SELECT least(greatest((at AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date - 1), (now() AT TIME ZONE 'UTC')::date + 1)
$$;
-- +goose StatementEnd

-- today is the day, by the clock of the database, of what happens now.
-- +goose StatementBegin
CREATE FUNCTION runhooks.today() RETURNS date LANGUAGE sql STABLE AS $$
	SELECT (now() AT TIME ZONE 'UTC')::date
$$;
-- +goose StatementEnd

-- queue makes sure that endpoints that get deliveries in this transaction have a
-- row in queues when it commits: it creates what is missing, owned by the node, and
-- locks the others against release, which deletes rows. Publications to ordered
-- endpoints go one transaction after the other, so that the ids of their deliveries
-- ascend as they commit. Locks are taken in the order of the ids.
-- +goose StatementBegin
CREATE FUNCTION runhooks.queue(plain text[], ordered text[], node integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	wanted bigint := cardinality(plain) + cardinality(ordered);
	locked bigint;
BEGIN
	LOOP
		INSERT INTO runhooks.queues (endpoint_id, owner)
		SELECT i.id, node FROM unnest(plain || ordered) AS i(id)
		WHERE NOT EXISTS (SELECT FROM runhooks.queues q WHERE q.endpoint_id = i.id)
		ORDER BY i.id
		ON CONFLICT DO NOTHING;

		locked := 0;
		IF cardinality(ordered) > 0 THEN
			SELECT count(*) INTO locked FROM (
				SELECT FROM runhooks.queues WHERE endpoint_id = ANY (ordered)
				ORDER BY endpoint_id FOR NO KEY UPDATE) l;
		END IF;
		IF cardinality(plain) > 0 THEN
			SELECT count(*) + locked INTO locked FROM (
				SELECT FROM runhooks.queues WHERE endpoint_id = ANY (plain)
				ORDER BY endpoint_id FOR KEY SHARE) l;
		END IF;
		EXIT WHEN locked = wanted; -- otherwise one was released between the two
	END LOOP;
END $$;
-- +goose StatementEnd

-- accept writes publications. It returns a row for each publication that is not new
-- (i counts from 1; event_id is that of the first with the key) and one for each
-- delivery. owner and epoch are those of the delivery's endpoint.
-- +goose StatementBegin
CREATE FUNCTION runhooks.accept(
	ids text[], types text[], robots text[], runs text[], ats timestamptz[], operational boolean[],
	traces text[], bodies bytea[], endpoints text[], keys text[], hashes bytea[], node integer,
	OUT i integer, OUT replayed boolean, OUT conflict boolean, OUT event_id text,
	OUT id bigint, OUT endpoint_id text, OUT ordered boolean, OUT state text, OUT owner integer, OUT epoch bigint
) RETURNS SETOF record
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	skipped integer[] := '{}';  -- publications with a key that another event has
	fresh   text[];             -- ids of events that were written
	again   boolean;            -- some were written before
	t_id    bigint[];           -- deliveries to be made: their ids,
	t_i     integer[];          -- the publication,
	t_to    text[];             -- its endpoint,
	t_order boolean[];
	t_state text[];
BEGIN
	IF keys IS NOT NULL THEN
		INSERT INTO runhooks.idempotency (key, event_id, hash)
		SELECT k.key, ids[k.n], hashes[k.n] FROM unnest(keys) WITH ORDINALITY AS k(key, n)
		WHERE k.key <> '' ORDER BY k.key, k.n
		ON CONFLICT DO NOTHING;

		RETURN QUERY
		SELECT k.n::integer, d.hash = hashes[k.n], d.hash <> hashes[k.n], d.event_id,
			NULL::bigint, NULL::text, NULL::boolean, NULL::text, NULL::integer, NULL::bigint
		FROM unnest(keys) WITH ORDINALITY AS k(key, n)
		JOIN runhooks.idempotency d ON d.key = k.key
		WHERE k.key <> '' AND d.event_id <> ids[k.n];

		SELECT coalesce(array_agg(k.n), '{}') INTO skipped
		FROM unnest(keys) WITH ORDINALITY AS k(key, n)
		JOIN runhooks.idempotency d ON d.key = k.key
		WHERE k.key <> '' AND d.event_id <> ids[k.n];
	END IF;

	WITH written AS (
		INSERT INTO runhooks.events (seq, id, day, type, robot_id, run_id, at, operational, traceparent, body)
		SELECT nextval('runhooks.events_seq'), p.id, runhooks.on_shelf(p.at), p.type, p.robot, p.run, p.at, p.operational, p.trace, p.body
		FROM unnest(ids, types, robots, runs, ats, operational, traces, bodies) WITH ORDINALITY
			AS p(id, type, robot, run, at, operational, trace, body, n)
		WHERE p.n <> ALL (skipped)
		ON CONFLICT DO NOTHING
		RETURNING id
	)
	SELECT coalesce(array_agg(w.id), '{}') INTO fresh FROM written w;

	again := cardinality(fresh) < cardinality(ids);
	IF cardinality(fresh) + cardinality(skipped) < cardinality(ids) THEN
		-- Events that an earlier call wrote, whose answer was lost.
		RETURN QUERY
		SELECT p.n::integer, false, false, p.id, d.id, d.endpoint_id, d.ordered, d.state, q.owner, q.epoch
		FROM unnest(ids) WITH ORDINALITY AS p(id, n)
		JOIN runhooks.deliveries d ON d.event_id = p.id
		LEFT JOIN runhooks.queues q ON q.endpoint_id = d.endpoint_id
		WHERE p.n <> ALL (skipped) AND p.id <> ALL (fresh)
		ORDER BY p.n, d.id;
	END IF;

	SELECT array_agg(t.n), array_agg(t.id), array_agg(t.ordered), array_agg(t.state)
	INTO t_i, t_to, t_order, t_state
	FROM (
		SELECT p.n::integer AS n, e.id, e.ordered, e.state
		FROM unnest(ids, types, robots, operational, endpoints) WITH ORDINALITY AS p(id, type, robot, operational, endpoint, n)
		JOIN runhooks.endpoints e ON e.robot_id = CASE WHEN p.operational THEN '' ELSE p.robot END
		WHERE p.endpoint = '' AND e.deleted_at IS NULL AND (e.events = '{}' OR p.type = ANY (e.events))
			AND (NOT again OR p.id = ANY (fresh))
		UNION ALL
		SELECT p.n::integer, e.id, e.ordered, e.state
		FROM unnest(ids, endpoints) WITH ORDINALITY AS p(id, endpoint, n)
		JOIN runhooks.endpoints e ON e.id = p.endpoint
		WHERE p.endpoint <> '' AND e.deleted_at IS NULL AND (NOT again OR p.id = ANY (fresh))
		ORDER BY 1, 2
	) t;
	IF t_i IS NULL THEN
		RETURN;
	END IF;

	PERFORM runhooks.queue(
		coalesce(array_agg(DISTINCT t.id) FILTER (WHERE NOT t.ordered), '{}'),
		coalesce(array_agg(DISTINCT t.id) FILTER (WHERE t.ordered), '{}'), node)
	FROM unnest(t_to, t_order, t_state) AS t(id, ordered, state) WHERE t.state = 'active';

	-- Ids are drawn now, when ordered endpoints are locked.
	SELECT array_agg(nextval('runhooks.deliveries_id')) INTO t_id FROM unnest(t_i);

	INSERT INTO runhooks.pending (id, endpoint_id, event_id, event_day, size, state, ordered, attempts, round, due_at, created_at)
	SELECT t.id, t.endpoint, ids[t.i], runhooks.on_shelf(ats[t.i]), length(bodies[t.i]),
		CASE t.state WHEN 'active' THEN 'pending' ELSE 'held' END, t.ordered, 0, 0, now(), now()
	FROM unnest(t_id, t_i, t_to, t_order, t_state) AS t(id, i, endpoint, ordered, state);

	RETURN QUERY
	SELECT t.i, false, false, ids[t.i], t.id, t.endpoint, t.ordered,
		CASE t.state WHEN 'active' THEN 'pending' ELSE 'held' END, q.owner, q.epoch
	FROM unnest(t_id, t_i, t_to, t_order, t_state) AS t(id, i, endpoint, ordered, state)
	LEFT JOIN runhooks.queues q ON q.endpoint_id = t.endpoint;
END $$;
-- +goose StatementEnd

-- record writes outcomes, with the attempts that they are of. It returns which of them
-- are late (from 1). A delivery that has had an attempt of this number has had this
-- one: the answer to an earlier call was lost. One that is finished keeps its state.
-- +goose StatementBegin
CREATE FUNCTION runhooks.record(
	endpoints text[], epochs bigint[], ids bigint[], ns integer[], ats timestamptz[], outcomes text[], statuses integer[],
	durations bigint[], nodes text[], details bytea[], states text[], rounds integer[], reasons text[], delays bigint[], me integer
) RETURNS SETOF integer
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	late     integer[]; -- of the outcomes
	finished integer[]; -- those whose delivery is not pending or held
BEGIN
	WITH o AS MATERIALIZED (
		SELECT u.*, p.id IS NOT NULL AS unfinished, p.attempts < u.n AS new,
			q.owner IS DISTINCT FROM me OR q.epoch IS DISTINCT FROM u.epoch AS late
		FROM unnest(endpoints, epochs, ids, ns, ats, outcomes, statuses, durations, nodes, details, states, rounds, reasons, delays)
			WITH ORDINALITY AS u(endpoint_id, epoch, id, n, at, outcome, status, duration, node, detail, state, round, reason, delay, i)
		LEFT JOIN runhooks.queues q ON q.endpoint_id = u.endpoint_id
		LEFT JOIN runhooks.pending p ON p.id = u.id
	), attempts AS (
		INSERT INTO runhooks.attempts (delivery_id, n, day, node, at, outcome, status, duration, late, detail)
		SELECT o.id, o.n, runhooks.on_shelf(o.at), o.node, o.at, o.outcome, o.status, o.duration, o.late, o.detail FROM o WHERE o.unfinished
		ON CONFLICT DO NOTHING
	), over AS (
		DELETE FROM runhooks.pending p USING o
		WHERE p.id = o.id AND NOT o.late AND o.new AND o.state NOT IN ('pending', 'held')
		RETURNING p.id, p.endpoint_id, p.event_id, p.event_day, p.size, o.state, p.ordered, o.n, o.round, p.created_at, o.reason
	), done AS (
		INSERT INTO runhooks.finished (id, day, endpoint_id, event_id, event_day, size, state, ordered, attempts, round, created_at, finished_at, reason)
		SELECT id, runhooks.today(), endpoint_id, event_id, event_day, size, state, ordered, n, round, created_at, now(), reason FROM over
	), waiting AS (
		UPDATE runhooks.pending p SET attempts = o.n, round = o.round, due_at = now() + o.delay * interval '1 microsecond',
			state = CASE WHEN p.state = 'held' THEN p.state ELSE o.state END
		FROM o WHERE p.id = o.id AND NOT o.late AND o.new AND o.state IN ('pending', 'held')
	)
	SELECT array_agg(o.i) FILTER (WHERE o.late), array_agg(o.i) FILTER (WHERE NOT o.unfinished) INTO late, finished FROM o;

	IF finished IS NOT NULL THEN
		INSERT INTO runhooks.attempts (delivery_id, n, day, node, at, outcome, status, duration, late, detail)
		SELECT ids[i], ns[i], runhooks.on_shelf(ats[i]), nodes[i], ats[i], outcomes[i], statuses[i], durations[i], i = ANY (coalesce(late, '{}')), details[i]
		FROM unnest(finished) AS i WHERE EXISTS (SELECT FROM runhooks.finished f WHERE f.id = ids[i])
		ON CONFLICT DO NOTHING;

		UPDATE runhooks.finished f SET attempts = ns[i] FROM unnest(finished) AS i
		WHERE f.id = ids[i] AND f.attempts < ns[i] AND i <> ALL (coalesce(late, '{}'));
	END IF;
	RETURN QUERY SELECT unnest(late);
END $$;
-- +goose StatementEnd

-- idle says that nothing of an endpoint is pending.
-- +goose StatementBegin
CREATE FUNCTION runhooks.idle(endpoint text) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT NOT EXISTS (SELECT FROM runhooks.pending p WHERE p.endpoint_id = endpoint AND p.state = 'pending' AND NOT p.ordered)
		AND NOT EXISTS (SELECT FROM runhooks.pending p WHERE p.endpoint_id = endpoint AND p.state = 'pending' AND p.ordered)
$$;
-- +goose StatementEnd

-- release gives up endpoints of a node. It locks their rows first, and only then
-- looks for what is pending: a publication either has committed by then, and is
-- seen, or waits, and finds that the row is gone.
-- +goose StatementBegin
CREATE FUNCTION runhooks.release(ids text[], epochs bigint[], node integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	locked text[];
BEGIN
	SELECT array_agg(l.endpoint_id) INTO locked FROM (
		SELECT q.endpoint_id FROM runhooks.queues q
		JOIN unnest(ids, epochs) AS r(id, epoch) ON r.id = q.endpoint_id AND r.epoch = q.epoch
		WHERE q.owner = node
		ORDER BY q.endpoint_id FOR UPDATE OF q SKIP LOCKED) l;

	DELETE FROM runhooks.queues q WHERE q.endpoint_id = ANY (locked) AND runhooks.idle(q.endpoint_id);

	UPDATE runhooks.queues q SET owner = NULL
	FROM unnest(ids, epochs) AS r(id, epoch)
	WHERE r.id = q.endpoint_id AND r.epoch = q.epoch AND q.owner = node;
END $$;
-- +goose StatementEnd

-- sweep deletes queues that nobody owns and that are empty, in the way of release.
-- +goose StatementBegin
CREATE FUNCTION runhooks.sweep() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	locked text[];
BEGIN
	SELECT array_agg(l.endpoint_id) INTO locked FROM (
		SELECT q.endpoint_id FROM runhooks.queues q
		WHERE (q.owner IS NULL OR q.owner <> ALL (ARRAY(SELECT n.id FROM runhooks.nodes n))) AND runhooks.idle(q.endpoint_id)
		LIMIT 1000 FOR UPDATE OF q SKIP LOCKED) l;
	IF locked IS NOT NULL THEN
		DELETE FROM runhooks.queues q
		WHERE q.endpoint_id = ANY (locked) AND runhooks.idle(q.endpoint_id)
			AND (q.owner IS NULL OR q.owner <> ALL (ARRAY(SELECT n.id FROM runhooks.nodes n)));
	END IF;
END $$;
-- +goose StatementEnd

-- shelve creates the partitions of a day, and says whether any was missing. It does
-- not wait for queries that read the tables, as CREATE TABLE … PARTITION OF would.
-- +goose StatementBegin
CREATE FUNCTION runhooks.shelve(day date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	parent text;
	name   text;
	made   boolean := false;
BEGIN
	FOREACH parent IN ARRAY ARRAY['events', 'finished', 'attempts'] LOOP
		name := parent || '_' || to_char(day, 'YYYYMMDD');
		CONTINUE WHEN to_regclass('runhooks.' || name) IS NOT NULL;
		-- Vacuum must keep up with retention that deletes as fast as others publish.
		EXECUTE format('CREATE TABLE runhooks.%I (LIKE runhooks.%I INCLUDING ALL) WITH (autovacuum_vacuum_scale_factor = 0.05,
			autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_cost_limit = 2000, vacuum_truncate = off)', name, parent);
		EXECUTE format('ALTER TABLE runhooks.%I ATTACH PARTITION runhooks.%I FOR VALUES FROM (%L) TO (%L)', parent, name, day, day + 1);
		made := true;
	END LOOP;
	RETURN made;
END $$;
-- +goose StatementEnd
