package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
)

// An endpoint is one as it is stored.
type endpoint struct {
	delivery.Endpoint
	num     int64
	deleted bool
}

func (e *endpoint) active() bool { return !e.deleted && e.State == delivery.Active }

// A cache has endpoints as they are in the database. It is filled by the writer, and
// emptied with each change of settings.
type cache struct {
	byID    map[string]*endpoint
	byRobot map[string][]*endpoint
}

// cached bounds the robots and the endpoints in the cache.
const cached = 20_000

func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache = cache{map[string]*endpoint{}, map[string][]*endpoint{}}
}

// routes returns the endpoints of a robot, in the order of their creation. The caller
// is the writer.
func (s *Store) routes(ctx context.Context, robot string) ([]*endpoint, error) {
	if es, ok := s.cache.byRobot[robot]; ok { // nobody else writes to it
		return es, nil
	}
	var es []*endpoint
	err := s.w.query(ctx, func(r row) error {
		e, err := r.endpoint()
		es = append(es, e)
		return err
	}, "SELECT "+endpointColumns+" FROM endpoints WHERE robot = ? AND deleted = 0 ORDER BY id", robot)
	if err != nil {
		return nil, err
	}
	if len(s.cache.byRobot) >= cached || s.cache.byRobot == nil {
		s.forget()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache.byRobot[robot] = es
	for _, e := range es {
		s.cache.byID[e.ID] = e
	}
	return es, nil
}

// lookup returns an endpoint, which may be deleted, or ErrNotFound. The caller is the
// writer.
func (s *Store) lookup(ctx context.Context, id string) (*endpoint, error) {
	if e, ok := s.cache.byID[id]; ok {
		return e, nil
	}
	r, err := s.w.one(ctx, "SELECT "+endpointColumns+" FROM endpoints WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, delivery.ErrNotFound
	}
	e, err := r.endpoint()
	if err != nil {
		return nil, err
	}
	if len(s.cache.byID) >= cached || s.cache.byID == nil {
		s.forget()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache.byID[id] = e
	return e, nil
}

// look is lookup for those who aren't the writer.
func (s *Store) look(ctx context.Context, id string) (e *endpoint, err error) {
	s.mu.RLock()
	e = s.cache.byID[id]
	s.mu.RUnlock()
	if e != nil {
		return e, nil
	}
	err = s.write(ctx, func(*conn) error {
		e, err = s.lookup(ctx, id)
		return err
	})
	return e, err
}

// settings are what no query asks for.
type settings struct {
	Events         []string        `json:"events,omitempty"`
	Description    string          `json:"description,omitempty"`
	DisabledReason string          `json:"disabled_reason,omitempty"`
	DisabledAt     int64           `json:"disabled_at,omitempty"`
	MaxAttempts    int             `json:"max_attempts"`
	Delays         []time.Duration `json:"delays"`
	Timeout        time.Duration   `json:"timeout"`
	RateLimit      float64         `json:"rate_limit,omitempty"`
	MaxInFlight    int             `json:"max_in_flight"`
	Ordered        bool            `json:"ordered,omitempty"`
	Form           form.Form       `json:"form,omitempty"`
}

func settingsOf(e *delivery.Endpoint) (string, error) {
	b, err := json.Marshal(settings{
		e.Events, e.Description, e.DisabledReason, milli(e.DisabledAt),
		e.MaxAttempts, e.Delays, e.Timeout, e.RateLimit, e.MaxInFlight, e.Ordered, e.Form,
	})
	return string(b), err
}

const endpointColumns = "num, id, robot, url, state, settings, sealed, version, created, updated, deleted"

func (r row) endpoint() (*endpoint, error) {
	var s settings
	if err := json.Unmarshal([]byte(r.text(5)), &s); err != nil {
		return nil, err
	}
	return &endpoint{
		num: r.int(0),
		Endpoint: delivery.Endpoint{
			ID: r.text(1), RobotID: r.text(2), URL: r.text(3), State: delivery.EndpointState(r.text(4)),
			Events: s.Events, Description: s.Description,
			DisabledReason: s.DisabledReason, DisabledAt: fromMilli(s.DisabledAt),
			MaxAttempts: s.MaxAttempts, Delays: s.Delays, Timeout: s.Timeout,
			RateLimit: s.RateLimit, MaxInFlight: s.MaxInFlight, Ordered: s.Ordered, Form: s.Form,
			Sealed: r.blob(6), Version: r.int(7), CreatedAt: r.milli(8), UpdatedAt: r.milli(9),
		},
		deleted: r.int(10) != 0,
	}, nil
}
