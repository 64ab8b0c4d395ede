package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/runhooks/runhooks/internal/delivery"
)

const (
	// ttl is how long a node that isn't heard of keeps what it owns.
	ttl = 5 * time.Second
	// silent is how old the last renewal of a node without its lock may be.
	silent = 1200 * time.Millisecond
	// channel is that of NOTIFY. A payload is the number of the node that sent it,
	// and ids of endpoints, between spaces; without an id it is about any.
	channel = "runhooks"
	// coalesce is how long notifications are gathered.
	coalesce = 5 * time.Millisecond
)

func (s *Store) Join(ctx context.Context, name string, deliver bool) (delivery.Lease, error) {
	if err := s.Leave(ctx); err != nil {
		return delivery.Lease{}, err
	}
	var node int32
	if err := s.pool.QueryRow(ctx, "SELECT nextval(pg_get_serial_sequence('runhooks.nodes', 'id'))::int").Scan(&node); err != nil {
		return delivery.Lease{}, failed("join", err)
	}
	// The lock comes first: a node that has a row and no lock is taken for dead.
	if err := s.session.hold(ctx, node); err != nil {
		return delivery.Lease{}, failed("join", err)
	}
	err := s.pool.QueryRow(ctx, `INSERT INTO runhooks.nodes (id, name, delivers, renewed_at, expires_at) OVERRIDING SYSTEM VALUE
		VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp() + $4::interval) RETURNING id`, node, name, deliver, s.ttl).Scan(&node)
	if err != nil {
		return delivery.Lease{}, failed("join", err)
	}
	// In a database that was restored elsewhere, numbers of transactions may be of
	// the future.
	if _, err := s.pool.Exec(ctx, "UPDATE runhooks.endpoints SET changed = pg_current_xact_id() WHERE changed > pg_snapshot_xmax(pg_current_snapshot())"); err != nil {
		return delivery.Lease{}, failed("join", err)
	}
	s.mu.Lock()
	s.known, s.unsure = map[string]int64{}, false
	s.mu.Unlock()
	s.delivers.Store(deliver)
	s.node.Store(node)
	return s.Renew(ctx)
}

// Renew also deletes the rows of nodes that are gone. What they owned is free by that.
func (s *Store) Renew(ctx context.Context) (delivery.Lease, error) {
	node := s.node.Load()
	if node == 0 {
		return delivery.Lease{}, delivery.ErrLeaseLost
	}
	s.mu.Lock()
	horizon := s.horizon
	s.mu.Unlock()

	l := delivery.Lease{TTL: s.ttl}
	var name, next string
	changed := map[string]int64{}
	b := &pgx.Batch{}
	b.Queue(`UPDATE runhooks.nodes SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + $2::interval
		WHERE id = $1 RETURNING name, renewed_at`, node, s.ttl).QueryRow(func(r pgx.Row) error {
		return r.Scan(&name, &l.Now)
	})
	b.Queue(`DELETE FROM runhooks.nodes WHERE id IN (
		SELECT id FROM runhooks.nodes WHERE id <> $1 AND CASE
			WHEN expires_at < clock_timestamp() THEN true
			WHEN renewed_at < clock_timestamp() - $2::interval THEN NOT delivers OR pg_try_advisory_xact_lock($3, id)
			ELSE false END
		FOR UPDATE SKIP LOCKED)`, node, silent, nodeLocks)
	b.Queue(`SELECT (SELECT count(*) FROM runhooks.nodes WHERE delivers),
		(SELECT count(*) FROM runhooks.queues q WHERE owner = ANY (ARRAY(SELECT id FROM runhooks.nodes)))`).QueryRow(func(r pgx.Row) error {
		return r.Scan(&l.Nodes, &l.Queues)
	})
	b.Queue("SELECT pg_snapshot_xmin(pg_current_snapshot())::text").QueryRow(func(r pgx.Row) error { return r.Scan(&next) })
	b.Queue("SELECT id, version, changed_by FROM runhooks.endpoints WHERE changed >= $1::text::xid8 AND $1 <> '0'", horizon).Query(func(rows pgx.Rows) error {
		var id string
		var version int64
		var by int32
		_, err := pgx.ForEachRow(rows, []any{&id, &version, &by}, func() error {
			if by != node {
				changed[id] = version
			}
			return nil
		})
		return err
	})
	err := s.pool.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		s.node.CompareAndSwap(node, 0)
		return delivery.Lease{}, delivery.ErrLeaseLost
	}
	if err != nil {
		return delivery.Lease{}, failed("renew", err)
	}
	l.Node = nodeName(name, node)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, version := range changed {
		if s.seen[id] != version {
			l.Changed = append(l.Changed, id)
		}
	}
	slices.Sort(l.Changed)
	s.seen, s.horizon = changed, next
	return l, nil
}

func nodeName(name string, node int32) string { return name + "/" + strconv.Itoa(int(node)) }

func (s *Store) Leave(ctx context.Context) error {
	node := s.node.Swap(0)
	if node == 0 {
		return nil
	}
	if _, err := s.pool.Exec(ctx, "DELETE FROM runhooks.nodes WHERE id = $1", node); err != nil {
		return failed("leave", err)
	}
	s.mu.Lock()
	s.known = map[string]int64{}
	s.mu.Unlock()
	s.tell(wake{})
	return failed("leave", s.session.hold(ctx, 0))
}

// owner is this node as the owner of endpoints, or nil.
func (s *Store) owner() *int32 {
	node := s.node.Load()
	if node == 0 || !s.delivers.Load() {
		return nil
	}
	return &node
}

func (s *Store) Claim(ctx context.Context, most int) ([]delivery.Claim, error) {
	node := s.owner()
	if node == nil || most <= 0 {
		return nil, nil
	}
	s.mu.Lock()
	unsure := s.unsure
	s.unsure = false
	known := slices.AppendSeq([]string{}, maps.Keys(s.known))
	s.mu.Unlock()

	var claims []delivery.Claim
	if unsure {
		rows, err := s.pool.Query(ctx, claimed("SELECT endpoint_id, epoch FROM runhooks.queues WHERE owner = $1 AND endpoint_id <> ALL ($2) LIMIT $3"), *node, known, most)
		if claims, err = scanClaims(rows, err); err != nil {
			s.doubt()
			return nil, failed("claim", err)
		}
		if len(claims) == most {
			s.doubt()
		}
	}
	if len(claims) < most {
		if _, err := s.pool.Exec(ctx, "SELECT runhooks.sweep()"); err != nil {
			return nil, failed("claim", err)
		}
		rows, err := s.pool.Query(ctx, takeFree, *node, most-len(claims))
		more, err := scanClaims(rows, err)
		if err != nil {
			s.doubt()
			return nil, failed("claim", err)
		}
		claims = append(claims, more...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range claims {
		s.known[c.EndpointID] = c.Epoch
	}
	return claims, nil
}

// doubt makes the next Claim look for endpoints that the engine doesn't know it owns.
func (s *Store) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsure = true
}

// takeFree makes a node the owner of free endpoints. A row that another node takes at
// the same time is looked at again when its lock is had: only comparisons with the row
// as it was then see the change, and what is read of other rows does not.
var takeFree = `WITH free AS MATERIALIZED (
		SELECT endpoint_id, owner, epoch FROM runhooks.queues f
		WHERE (f.owner IS NULL OR f.owner <> ALL (ARRAY(SELECT id FROM runhooks.nodes)))
			AND EXISTS (SELECT FROM runhooks.endpoints e WHERE e.id = f.endpoint_id AND e.state = 'active' AND e.deleted_at IS NULL)
		LIMIT 10 * $2::bigint
	), mine AS MATERIALIZED (
		SELECT q.endpoint_id FROM runhooks.queues q JOIN free f ON f.endpoint_id = q.endpoint_id
		WHERE q.epoch = f.epoch AND q.owner IS NOT DISTINCT FROM f.owner
		LIMIT $2 FOR NO KEY UPDATE OF q SKIP LOCKED
	), c AS (
		UPDATE runhooks.queues q SET owner = $1, epoch = nextval('runhooks.epochs') FROM mine
		WHERE q.endpoint_id = mine.endpoint_id AND EXISTS (SELECT FROM runhooks.nodes n WHERE n.id = $1)
		RETURNING q.endpoint_id, q.epoch
	)` + asClaims

const claimColumns = endpointColumns + `, coalesce(h.failures, 0), h.failing_since, h.not_before, coalesce(h.opened, 0), coalesce(h.told, false)`

// claimed is a query for claims, from one that returns endpoints and epochs.
func claimed(query string) string { return "WITH c AS (" + query + ")" + asClaims }

const asClaims = " SELECT c.epoch, " + claimColumns + `
	FROM c JOIN runhooks.endpoints e ON e.id = c.endpoint_id LEFT JOIN runhooks.health h ON h.endpoint_id = c.endpoint_id`

func scanClaims(rows pgx.Rows, err error) ([]delivery.Claim, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (delivery.Claim, error) {
		var c delivery.Claim
		var since, before *time.Time
		e := scanEndpoint{to: &c.Endpoint}
		err := r.Scan(append(append([]any{&c.Epoch}, e.fields()...), &c.Health.Failures, &since, &before, &c.Health.Opened, &c.Health.Told)...)
		e.done()
		c.EndpointID = c.Endpoint.ID
		c.Health.FailingSince, c.Health.NotBefore = given(since), given(before)
		return c, err
	})
}

// given is the time of a column that may be null.
func given(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// orNull is the value for such a column.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Store) Hints() <-chan string { return s.hints }

// hint passes an endpoint on. A hint that nobody takes is lost, and one that stands
// for any endpoint takes the place of those that are.
func (s *Store) hint(id string) {
	select {
	case s.hints <- id:
	default:
		select {
		case <-s.hints:
			s.hint("")
		default:
		}
	}
}

// heard is called with each notification.
func (s *Store) heard(payload string) {
	words := strings.Fields(payload)
	if len(words) > 0 && words[0] == strconv.Itoa(int(s.node.Load())) {
		return // the engine knows
	}
	if len(words) < 2 {
		s.hint("")
		return
	}
	for _, id := range words[1:] {
		s.hint(id)
	}
}

// A wake is an endpoint to tell other nodes of, or any. One that is free concerns
// this node, too.
type wake struct {
	id   string
	free bool
}

// tell makes other nodes hear of an endpoint, soon and perhaps not at all.
func (s *Store) tell(w wake) {
	select {
	case s.wakes <- w:
	default: // those before it are enough to make them look
	}
}

// wake sends what tell was given, gathered and in a transaction of its own: in that
// of a commit, NOTIFY would make all commits wait for each other.
func (s *Store) wake(ctx context.Context) {
	for {
		var all []wake
		select {
		case <-ctx.Done():
			return
		case w := <-s.wakes:
			all = append(all, w)
		}
		timer := time.NewTimer(coalesce)
		for gathering := true; gathering; {
			select {
			case w := <-s.wakes:
				all = append(all, w)
			case <-timer.C:
				gathering = false
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
		sending, cancel := context.WithTimeout(ctx, time.Second)
		// An error is that of a hint: polling finds what there is.
		_, _ = s.pool.Exec(sending, "SELECT pg_notify($1, p) FROM unnest($2::text[]) AS p", channel, payloads(all, s.node.Load()))
		cancel()
	}
}

// payloads packs ids into payloads of NOTIFY, which are shorter than 8,000 bytes.
func payloads(all []wake, node int32) []string {
	const room = 7000
	var out []string
	for _, free := range []bool{true, false} {
		from := "0"
		if !free {
			from = strconv.Itoa(int(node))
		}
		told := map[string]bool{}
		line := from
		for _, w := range all {
			if w.free != free && w.id != "" || told[w.id] {
				continue
			}
			if w.id == "" {
				if free { // once, from nobody
					out = append(out, "0")
					told[""] = true
				}
				continue
			}
			told[w.id] = true
			if len(line)+len(w.id) > room {
				out, line = append(out, line), from
			}
			line += " " + w.id
		}
		if line != from {
			out = append(out, line)
		}
	}
	return out
}

// A session is the connection that listens, and that holds the lock of the node. It
// connects again whenever it breaks.
type session struct {
	config *pgx.ConnConfig
	heard  func(payload string)

	mu     sync.Mutex
	node   int32              // whose lock is to be held, or 0
	held   int32              // whose lock is held
	change chan struct{}      // closed when held or the last error may have changed
	err    error              // why there is no connection
	nudge  context.CancelFunc // ends the wait for a notification
}

func newSession(config *pgx.ConnConfig, heard func(string)) *session {
	config.RuntimeParams["application_name"] = "runhooks listener"
	return &session{config: config, heard: heard, change: make(chan struct{})}
}

// hold makes the session hold the lock of a node, and no other; 0 is none.
func (s *session) hold(ctx context.Context, node int32) error {
	s.mu.Lock()
	s.node = node
	if s.nudge != nil {
		s.nudge()
	}
	for s.held != node {
		change, err := s.change, s.err
		s.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
		s.mu.Lock()
		if s.err != nil && s.held != node {
			err := s.err
			s.mu.Unlock()
			return err
		}
	}
	s.mu.Unlock()
	return nil
}

func (s *session) set(held int32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.err = held, err
	close(s.change)
	s.change = make(chan struct{})
}

func (s *session) run(ctx context.Context) {
	const longest = time.Second
	pause := 10 * time.Millisecond
	for {
		start := time.Now()
		err := s.connected(ctx)
		if ctx.Err() != nil {
			return
		}
		s.set(0, fmt.Errorf("the session that listens: %w", err))
		if time.Since(start) > longest {
			pause = 10 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// connected listens until the connection breaks.
func (s *session) connected(ctx context.Context) error {
	c, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(closing)
	}()
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	s.heard("") // of what happened meanwhile
	var held int32
	for {
		s.mu.Lock()
		want := s.node
		// A lost host's connection looks alive: ask it now and then.
		waiting, cancel := context.WithTimeout(ctx, 2*time.Second)
		s.nudge = cancel
		s.mu.Unlock()
		if held != want {
			cancel()
			asking, cancel := context.WithTimeout(ctx, 5*time.Second)
			if held != 0 {
				_, err = c.Exec(asking, "SELECT pg_advisory_unlock($1, $2)", nodeLocks, held)
			}
			if want != 0 && err == nil {
				_, err = c.Exec(asking, "SELECT pg_advisory_lock($1, $2)", nodeLocks, want)
			}
			cancel()
			if err != nil {
				return err
			}
			held = want
		}
		s.set(held, nil)
		n, err := c.WaitForNotification(waiting)
		over := waiting.Err() != nil
		cancel()
		switch {
		case err == nil:
			s.heard(n.Payload)
		case ctx.Err() != nil || !over:
			return err
		default:
			asking, cancel := context.WithTimeout(ctx, 2*time.Second)
			err := c.Ping(asking)
			cancel()
			if err != nil {
				return err
			}
		}
	}
}
