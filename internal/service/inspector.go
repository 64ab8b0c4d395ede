package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// The bounds of inspectors.
const (
	InspectorLife = 24 * time.Hour
	// MaxInspectors is how many there are at once for one robot, or for all robots.
	MaxInspectors   = 20
	maxInspectors   = 100 // of single robots together
	maxCaptures     = 50  // of one inspector
	maxCaptureBytes = DefaultMaxBody
)

// An inspector is kept as a token that no request can bear, as a portal link is. Its
// code is the token's id, too, so that those who may see it can be shown the way.
const (
	inspectorPrefix = "ins_"
	inspectorRole   = "inspector"
)

// ErrTooManyInspectors says that another inspector can't be made before one is deleted.
var ErrTooManyInspectors = errors.New("there are too many inspectors")

// An Inspector keeps the requests that are sent to it, for people to look at.
type Inspector struct {
	// Code is in its URL. Who has it can send requests; to see them takes a session.
	Code string
	// RobotID is the robot of those who may see it, or empty for those of all robots.
	RobotID   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

func inspectorOf(t delivery.Token) Inspector {
	return Inspector{Code: t.ID, RobotID: t.RobotID, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
}

// CreateInspector makes an inspector for a robot, or for all. Its error may be
// [ErrTooManyInspectors].
func (s *Service) CreateInspector(ctx context.Context, actor, robotID string) (Inspector, error) {
	s.inspectors.Lock() // so that not all who ask at once find room
	defer s.inspectors.Unlock()
	all, err := s.allInspectors(ctx)
	if err != nil {
		return Inspector{}, err
	}
	same, single := 0, 0
	for _, t := range all {
		if t.RobotID == robotID {
			same++
		}
		if t.RobotID != "" {
			single++
		}
	}
	if same >= MaxInspectors || robotID != "" && single >= maxInspectors {
		return Inspector{}, ErrTooManyInspectors
	}
	code := newID(inspectorPrefix)
	t := delivery.Token{
		ID: code, Name: "inspector", Role: inspectorRole, RobotID: robotID,
		Hash: sha256.Sum256([]byte(code)), CreatedAt: now(), ExpiresAt: now().Add(InspectorLife),
	}
	return inspectorOf(t), s.store.CreateToken(ctx, t, tokenAudit(actor, "inspector.create", t))
}

// allInspectors returns those that have not expired, the newest first.
func (s *Service) allInspectors(ctx context.Context) ([]delivery.Token, error) {
	tokens, err := s.store.Tokens(ctx)
	at := time.Now()
	tokens = slices.DeleteFunc(tokens, func(t delivery.Token) bool { return t.Role != inspectorRole || expired(t.ExpiresAt, at) })
	slices.Reverse(tokens)
	return tokens, err
}

// Inspectors returns the inspectors of a robot, or all if robotID is empty, the newest
// first.
func (s *Service) Inspectors(ctx context.Context, robotID string) ([]Inspector, error) {
	all, err := s.allInspectors(ctx)
	var found []Inspector
	for _, t := range all {
		if robotID == "" || t.RobotID == robotID {
			found = append(found, inspectorOf(t))
		}
	}
	return found, err
}

// Inspector returns the inspector with a code. The error is [delivery.ErrNotFound] if
// there is none, or no longer.
func (s *Service) Inspector(ctx context.Context, code string) (Inspector, error) {
	if !strings.HasPrefix(code, inspectorPrefix) || len(code) != len(inspectorPrefix)+26 {
		return Inspector{}, delivery.ErrNotFound
	}
	t, err := s.lookUp(ctx, code)
	if err == nil && t.Role != inspectorRole {
		err = delivery.ErrNotFound
	}
	if err != nil {
		return Inspector{}, err
	}
	return inspectorOf(t), nil
}

// DeleteInspector deletes an inspector with all that it has. Its error may be
// [delivery.ErrNotFound].
func (s *Service) DeleteInspector(ctx context.Context, actor string, i Inspector) error {
	t := delivery.Token{ID: i.Code, Name: "inspector", Role: inspectorRole, RobotID: i.RobotID, ExpiresAt: i.ExpiresAt}
	if err := s.store.DeleteToken(ctx, i.Code, tokenAudit(actor, "inspector.delete", t)); err != nil {
		return err
	}
	s.tokens.drop()
	return s.store.ClearCaptures(ctx, i.Code)
}

// MaxBody is the most bytes of an event's body.
func (s *Service) MaxBody() int64 { return s.maxBody }

// A Capture is a request that an inspector was sent.
type Capture struct {
	ID int64     `json:"-"`
	At time.Time `json:"-"`

	Method string `json:"method"`
	// Path is what follows the inspector's own path, with the query.
	Path string `json:"path"`
	Host string `json:"host"`
	// From is the address that the request came from.
	From   string      `json:"from"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"-"`
}

// Capture keeps a request. What is secret in its header and its path is struck out first,
// and so on no disk.
func (s *Service) Capture(ctx context.Context, i Inspector, c Capture) error {
	c.Path = redact.URL(c.Path)
	c.Header = c.Header.Clone()
	for name, values := range c.Header {
		for i := range values {
			if redact.Authenticates(name) {
				values[i] = redact.Hidden
			} else {
				values[i] = redact.Text(values[i])
			}
		}
	}
	head, err := json.Marshal(&c)
	if err != nil {
		return err
	}
	return s.store.AddCapture(ctx, delivery.Capture{Inspector: i.Code, Request: slices.Concat(head, []byte{'\n'}, c.Body)}, maxCaptures, maxCaptureBytes)
}

// Captures returns the ids of what an inspector was sent, and when, the newest first.
func (s *Service) Captures(ctx context.Context, i Inspector) ([]Capture, error) {
	stored, err := s.store.Captures(ctx, i.Code, delivery.Page{Limit: maxCaptures})
	var found []Capture
	for _, c := range stored {
		found = append(found, Capture{ID: c.ID, At: c.At})
	}
	return found, err
}

// FindCapture returns a request that an inspector was sent. Its error may be
// [delivery.ErrNotFound].
func (s *Service) FindCapture(ctx context.Context, i Inspector, id int64) (Capture, error) {
	stored, err := s.store.Capture(ctx, i.Code, id)
	if err != nil {
		return Capture{}, err
	}
	head, body, _ := bytes.Cut(stored.Request, []byte{'\n'})
	c := Capture{ID: stored.ID, At: stored.At, Body: body}
	if err := json.Unmarshal(head, &c); err != nil {
		return Capture{}, fmt.Errorf("the capture %d: %w", id, err)
	}
	return c, nil
}

// ClearCaptures removes all that an inspector was sent.
func (s *Service) ClearCaptures(ctx context.Context, i Inspector) error {
	return s.store.ClearCaptures(ctx, i.Code)
}

// replayTimeout is how long a replay may take: as long as senders wait.
const replayTimeout = 30 * time.Second

// A ReplayError says why a request can't be sent again, in a sentence for who asked.
type ReplayError struct {
	// Field is what to change: "url" or "secret".
	Field  string
	Reason string
}

func (e *ReplayError) Error() string { return e.Reason }

// Replay sends the body of a captured request to a URL, as the engine sends events: to
// public addresses only, or to those that the operator allows. It has the webhook-id and
// the form that it came with, if they can be such, and is signed if there is a secret. Its other headers
// are not sent. The error is a *[ReplayError] if nothing could be sent.
func (s *Service) Replay(ctx context.Context, c *Capture, url, secret string) (api.TestResult, error) {
	e := &delivery.Endpoint{ID: newID("replay_"), URL: url, Timeout: replayTimeout}
	v := vault{}
	if secret != "" {
		text, err := newSecret(nil, &secret, api.SignatureKindV1)
		if err != nil {
			return api.TestResult{}, &ReplayError{"secret", err.Error()}
		}
		v.Secrets = []sealedSecret{{Text: text}}
	}
	e.Sealed = v.seal(s.ring, e.ID)
	id := c.Header.Get(signature.HeaderID)
	if _, err := signature.Sign(id, time.Now(), nil, signature.NewSecret()); err != nil {
		id = delivery.NewEventID(now())
	}
	as, err := form.Parse(c.Header.Get(form.Header))
	if err != nil {
		as = form.Received
	}
	attempt, detail, err := s.engine.Try(ctx, *e, id, delivery.Rendered{Payload: c.Body, Form: as})
	if problem := (*emitter.EndpointError)(nil); errors.As(err, &problem) {
		return api.TestResult{}, &ReplayError{"url", problem.Reason}
	}
	if err != nil {
		return api.TestResult{}, err
	}
	return tried(e, id, &attempt, detail), nil
}
