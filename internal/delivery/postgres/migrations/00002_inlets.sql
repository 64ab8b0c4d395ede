-- +goose Up
CREATE TABLE runhooks.inlets (
	id               text COLLATE "C" PRIMARY KEY,
	name             text NOT NULL,
	robot_id         text COLLATE "C" NOT NULL, -- '' is the one that the payload names
	zone             text NOT NULL,
	locale           text NOT NULL,
	hash             bytea NOT NULL UNIQUE,
	created_at       timestamptz NOT NULL,
	last_received_at timestamptz
) WITH (fillfactor = 50);

ALTER TABLE runhooks.endpoints ADD COLUMN form text NOT NULL DEFAULT '';

-- JSON; '' is of an event that was published.
ALTER TABLE runhooks.events ADD COLUMN source text NOT NULL DEFAULT '';

-- inlet_id is '' for what is of the outbox.
ALTER TABLE runhooks.set_aside
	ADD COLUMN inlet_id text NOT NULL DEFAULT '',
	ADD COLUMN robot_id text COLLATE "C" NOT NULL DEFAULT '',
	ADD COLUMN run_id text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX set_aside_robot ON runhooks.set_aside (robot_id);
CREATE INDEX set_aside_run ON runhooks.set_aside (run_id);

DROP FUNCTION runhooks.accept(text[], text[], text[], text[], timestamptz[], boolean[], text[], bytea[], text[], text[], bytea[], integer);

-- accept writes publications. It returns a row for each publication that is not new
-- (i counts from 1; event_id is that of the first with the key) and one for each
-- delivery. owner and epoch are those of the delivery's endpoint. Nodes of an earlier
-- release, which may still run, call it without sources.
-- +goose StatementBegin
CREATE FUNCTION runhooks.accept(
	ids text[], types text[], robots text[], runs text[], ats timestamptz[], operational boolean[],
	traces text[], bodies bytea[], endpoints text[], keys text[], hashes bytea[], node integer, sources text[] DEFAULT NULL,
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
		INSERT INTO runhooks.events (seq, id, day, type, robot_id, run_id, at, operational, traceparent, body, source)
		SELECT nextval('runhooks.events_seq'), p.id, runhooks.on_shelf(p.at), p.type, p.robot, p.run, p.at, p.operational, p.trace, p.body, coalesce(p.source, '')
		FROM unnest(ids, types, robots, runs, ats, operational, traces, bodies, sources) WITH ORDINALITY
			AS p(id, type, robot, run, at, operational, trace, body, source, n)
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
