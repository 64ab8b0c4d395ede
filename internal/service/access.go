package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
)

// tokenPrefix starts every token, so that scanners for leaked secrets find it.
const tokenPrefix = "rh_"

// NewToken makes a token, and returns what its bearer sends and what a store keeps.
// robotID limits it to a robot, if not empty, and expires is zero for one that
// doesn't expire.
func NewToken(name string, role api.Role, robotID string, expires time.Time) (text string, t delivery.Token) {
	secret := make([]byte, 32)
	rand.Read(secret)
	text = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	return text, delivery.Token{
		ID: newID("tok_"), Name: name, Role: string(role), RobotID: robotID,
		Hash: sha256.Sum256([]byte(text)), CreatedAt: now(), ExpiresAt: expires,
	}
}

// FirstToken makes a token of role admin if the store has none that is for all robots and
// doesn't expire, and returns what its bearer sends; otherwise it returns "".
func FirstToken(ctx context.Context, store delivery.Store) (string, error) {
	return KeepFirstToken(ctx, store, func(string) error { return nil })
}

// KeepFirstToken is like [FirstToken], and hands the token to keep before it is
// stored. If that fails, nothing is stored: nobody would have the token, and no other
// would be made.
func KeepFirstToken(ctx context.Context, store delivery.Store, keep func(token string) error) (string, error) {
	tokens, err := store.Tokens(ctx)
	if err != nil || slices.ContainsFunc(tokens, mayAll) {
		return "", err
	}
	text, t := NewToken("first admin", api.RoleAdmin, "", time.Time{})
	if err := keep(text); err != nil {
		return "", err
	}
	return text, store.CreateToken(ctx, t, tokenAudit("service", "token.create", t))
}

// mayAll says whether a token may do everything, for all robots and for ever. The service
// always has one.
func mayAll(t delivery.Token) bool {
	return t.Role == string(api.RoleAdmin) && t.RobotID == "" && t.ExpiresAt.IsZero()
}

// tokenAudit records the creation or the end of a token, a portal link, or its session.
func tokenAudit(actor, action string, t delivery.Token) delivery.Audit {
	members := map[string]any{"name": t.Name, "role": t.Role}
	if role, session, ok := opens(t); ok {
		members["role"], members["session"] = role, int(session.Seconds())
	}
	if t.RobotID != "" {
		members["robot_id"] = t.RobotID
	}
	if !t.ExpiresAt.IsZero() {
		members["expires_at"] = t.ExpiresAt
	}
	changes := map[string][2]any{}
	for name, value := range members {
		if strings.HasSuffix(action, ".create") {
			changes[name] = [2]any{nil, value}
		} else {
			changes[name] = [2]any{value, nil}
		}
	}
	return audit(actor, action, t.ID, t.RobotID, changes)
}

// audit makes an entry of the audit log. Nothing in changes may be secret.
func audit(actor, action, subject, robotID string, changes map[string][2]any) delivery.Audit {
	text, err := json.Marshal(changes)
	if err != nil {
		panic(err) // they are texts, numbers and lists of them
	}
	return delivery.Audit{At: now(), Actor: actor, Action: action, Subject: subject, RobotID: robotID, Changes: text}
}

// auditOf makes an entry for what the call asks for.
func auditOf(ctx context.Context, action, subject, robotID string, changes map[string][2]any) delivery.Audit {
	return audit(callOf(ctx).bearer.ID, action, subject, robotID, changes)
}

// now is in milliseconds, as times of the stores are.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func newID(prefix string) string {
	random := make([]byte, 16)
	rand.Read(random)
	return prefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random)
}

// How long a token or an inlet is believed in without asking the store, and how many
// are.
const (
	cacheTTL  = 3 * time.Second
	maxCached = 10_000
)

// A cache has the tokens, or inlets, of the last requests, by the hash of their secrets.
// The lookup is by the hash of a secret of 256 bits, so how long it takes tells
// nothing of use about another one.
type cache[T any] struct {
	mu  sync.RWMutex
	all map[[32]byte]cached[T]
}

type cached[T any] struct {
	value T
	until time.Time
}

func (c *cache[T]) get(hash [32]byte, at time.Time) (T, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found, ok := c.all[hash]
	return found.value, ok && at.Before(found.until)
}

func (c *cache[T]) put(hash [32]byte, v T, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) >= maxCached {
		c.all = map[[32]byte]cached[T]{}
	}
	c.all[hash] = cached[T]{v, at.Add(cacheTTL)}
}

func (c *cache[T]) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = nil
}

// authenticate finds the token of a request, and sees that it has the role that an
// operation needs.
func (s *Service) authenticate(r *http.Request, op *operation) (delivery.Token, *problem) {
	header := r.Header["Authorization"]
	if len(header) == 0 {
		return delivery.Token{}, problemf(http.StatusUnauthorized, "there is no token; send the header Authorization: Bearer rh_…")
	}
	scheme, text, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(text, tokenPrefix) {
		return delivery.Token{}, problemf(http.StatusUnauthorized, "the header Authorization is not of the form Bearer rh_…")
	}
	t, err := s.Bearer(r.Context(), text)
	switch {
	case errors.Is(err, ErrToken):
		return delivery.Token{}, problemf(http.StatusUnauthorized, "%v; an admin can create another one", ErrToken)
	case err != nil:
		s.logger.ErrorContext(r.Context(), "the token can't be looked up", "operation", op.id, "error", err)
		return delivery.Token{}, problemOf(err)
	}
	if t.Role != op.role && t.Role != string(api.RoleAdmin) {
		return t, problemf(http.StatusForbidden, "this needs a token of role %s; this one is of role %s", op.role, t.Role)
	}
	return t, nil
}

// ErrToken says that nobody is known by a token.
var ErrToken = errors.New("the token is unknown, or has expired")

// Bearer finds who a token is of. Its error is [ErrToken], or one of the store.
func (s *Service) Bearer(ctx context.Context, token string) (delivery.Token, error) {
	if !strings.HasPrefix(token, tokenPrefix) {
		return delivery.Token{}, ErrToken // a portal link, maybe
	}
	t, err := s.lookUp(ctx, token)
	if errors.Is(err, delivery.ErrNotFound) {
		return delivery.Token{}, ErrToken
	}
	return t, err
}

// lookUp finds the token with a text, of whatever kind it is. The error is
// [delivery.ErrNotFound] if there is none, or if it has expired.
func (s *Service) lookUp(ctx context.Context, text string) (delivery.Token, error) {
	hash := sha256.Sum256([]byte(text))
	at := time.Now()
	t, ok := s.tokens.get(hash, at)
	if !ok {
		var err error
		if t, err = s.store.TokenByHash(ctx, hash); err != nil {
			return delivery.Token{}, err
		}
		s.tokens.put(hash, t, at)
	}
	if expired(t.ExpiresAt, at) {
		return delivery.Token{}, delivery.ErrNotFound
	}
	return t, nil
}

// A token that is limited to a robot reaches what is of that robot. What is of
// others is, for it, not there.

// reaches says whether the token reaches what belongs to a robot. Of the operator's
// things the robot is "".
func reaches(t delivery.Token, robotID string) bool {
	return t.RobotID == "" || t.RobotID == robotID
}

// scope returns the robot to which a list is limited, by its filter and the token.
func scope(t delivery.Token, filter *string) (string, error) {
	asked := cmp.Or(value(filter), t.RobotID)
	if !reaches(t, asked) {
		return "", outOfScope()
	}
	return asked, nil
}

// outOfScope is the answer where the request names a robot, so that it tells
// nothing that the bearer doesn't know.
func outOfScope() *problem {
	return problemf(http.StatusForbidden, "the token is limited to another robot")
}

// unscoped refuses tokens that are limited to a robot, for what belongs to none.
func unscoped(t delivery.Token) error {
	if t.RobotID != "" {
		return problemf(http.StatusForbidden, "this needs a token that is not limited to a robot")
	}
	return nil
}

// isTime says whether a time can be written in UTC (RFC 3339), or is none.
func isTime(t time.Time) bool { return t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 }

// value is what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// optional points to v, or is nil if v is the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// A server has the operations that the generated server calls.
type server struct{ *Service }

func tokenOf(t delivery.Token) api.Token {
	role := api.Role(t.Role)
	if r, _, ok := opens(t); ok {
		role = r
	}
	return api.Token{
		ID: t.ID, Name: t.Name, Role: role, RobotID: optional(t.RobotID),
		CreatedAt: t.CreatedAt, ExpiresAt: optional(t.ExpiresAt),
	}
}

func (s *server) ListTokens(ctx context.Context, _ api.ListTokensRequestObject) (api.ListTokensResponseObject, error) {
	bearer := callOf(ctx).bearer
	tokens, err := s.store.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	list := api.ListTokens200JSONResponse{Items: []api.Token{}}
	at := time.Now()
	for _, t := range tokens {
		if t.Role != inspectorRole && reaches(bearer, t.RobotID) && !expired(t.ExpiresAt, at) {
			list.Items = append(list.Items, tokenOf(t))
		}
	}
	return list, nil
}

func (s *server) CreateToken(ctx context.Context, r api.CreateTokenRequestObject) (api.CreateTokenResponseObject, error) {
	c := callOf(ctx)
	if err := outlasts(c.bearer); err != nil {
		return nil, err
	}
	robot := value(r.Body.RobotID)
	if !reaches(c.bearer, robot) {
		return nil, problemf(http.StatusForbidden, "this token is limited to a robot, so it can only create tokens with the same robot_id")
	}
	expires := value(r.Body.ExpiresAt)
	if r.Body.ExpiresAt != nil && !expires.After(time.Now()) { // year 1, too, which the store takes for never
		return nil, invalid("the token would already have expired", findingsOf(c.body, "/expires_at", "this is not in the future"))
	}
	if !isTime(expires) {
		return nil, invalid("the token can't be created like this", findingsOf(c.body, "/expires_at", "this is not in the years 1 to 9999 in UTC"))
	}
	if strings.ContainsRune(r.Body.Name+robot, 0) {
		return nil, invalid("a text has a NUL character", findingsOf(c.body, "", "the service can't store NUL characters"))
	}
	text, t := NewToken(r.Body.Name, r.Body.Role, robot, expires.UTC().Truncate(time.Millisecond))
	if err := s.store.CreateToken(ctx, t, tokenAudit(c.bearer.ID, "token.create", t)); err != nil {
		return nil, err
	}
	created := tokenOf(t)
	created.Token = &text
	return api.CreateToken201JSONResponse(created), nil
}

func (s *server) DeleteToken(ctx context.Context, r api.DeleteTokenRequestObject) (api.DeleteTokenResponseObject, error) {
	bearer := callOf(ctx).bearer
	tokens, err := s.store.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	var found *delivery.Token
	others := 0 // who may still do everything
	for i, t := range tokens {
		switch {
		case t.ID == r.TokenID && reaches(bearer, t.RobotID):
			found = &tokens[i]
		case mayAll(t):
			others++
		}
	}
	switch {
	case found == nil:
		return nil, notFound()
	case others == 0 && found.Role == string(api.RoleAdmin) && found.RobotID == "":
		return nil, problemf(http.StatusConflict, "this is the last token of role admin that is for all robots and doesn't expire; create another one first")
	}
	if err := s.store.DeleteToken(ctx, found.ID, tokenAudit(bearer.ID, "token.delete", *found)); err != nil {
		return nil, err
	}
	s.tokens.drop()
	return api.DeleteToken204Response{}, nil
}

func (s *server) ListAudit(ctx context.Context, r api.ListAuditRequestObject) (api.ListAuditResponseObject, error) {
	robot, err := scope(callOf(ctx).bearer, r.Params.RobotID)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(r.Params.Cursor, r.Params.Limit)
	if err != nil {
		return nil, err
	}
	entries, err := s.store.Audits(ctx, delivery.AuditFilter{
		RobotID: robot, Subject: value(r.Params.Subject), Actor: value(r.Params.Actor),
	}, page.query())
	if err != nil {
		return nil, err
	}
	list := api.ListAudit200JSONResponse{Items: []api.AuditEntry{}}
	entries, list.Next = cut(page, entries, func(a delivery.Audit) int64 { return a.Seq })
	for _, a := range entries {
		list.Items = append(list.Items, api.AuditEntry{
			At: a.At, Actor: a.Actor, Action: a.Action, Subject: a.Subject, RobotID: optional(a.RobotID), Changes: a.Changes,
		})
	}
	return list, nil
}
