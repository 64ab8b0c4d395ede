package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
)

// A portal link is kept as a token that can't be used as a bearer token: its code doesn't
// have the prefix of tokens, and no operation asks for its role. ADR 24 says how links and
// their sessions work.

// PortalPath is where the pages open links: a link is the service's address, this, and the
// link's code.
const PortalPath = "/portal/"

const (
	maxRobotID    = 200 // as in the document
	linkPrefix    = "lnk_"
	sessionPrefix = "ses_"
	linkRole      = "portal-link" // followed by the role of the session, and how long it lasts
)

// newLink makes a portal link to a robot, and returns its code and what a store keeps.
func newLink(robotID string, role api.Role, session time.Duration, expires time.Time) (code string, t delivery.Token) {
	secret := make([]byte, 32)
	rand.Read(secret)
	code = base64.RawURLEncoding.EncodeToString(secret)
	return code, delivery.Token{
		ID: newID(linkPrefix), Name: "portal link", Role: strings.Join([]string{linkRole, string(role), session.String()}, " "),
		RobotID: robotID, Hash: sha256.Sum256([]byte(code)), CreatedAt: now(), ExpiresAt: expires,
	}
}

// opens returns the role of the session that a token opens, and how long that lasts. ok is
// false for what is not a portal link.
func opens(t delivery.Token) (role api.Role, session time.Duration, ok bool) {
	kind, rest, _ := strings.Cut(t.Role, " ")
	name, duration, _ := strings.Cut(rest, " ")
	session, err := time.ParseDuration(duration)
	return api.Role(name), session, kind == linkRole && err == nil
}

// IsReadOnly says whether the session that a portal link opens can change nothing.
func IsReadOnly(link delivery.Token) bool {
	role, _, _ := opens(link)
	return role == api.RoleReader
}

// IsPortalSession says whether a token is the session of a portal link.
func IsPortalSession(t delivery.Token) bool { return strings.HasPrefix(t.ID, sessionPrefix) }

// outlasts refuses a portal session what would outlast it.
func outlasts(bearer delivery.Token) error {
	if IsPortalSession(bearer) {
		return problemf(http.StatusForbidden, "a portal session can't give others access")
	}
	return nil
}

func (s *server) CreatePortalLink(ctx context.Context, r api.CreatePortalLinkRequestObject) (api.CreatePortalLinkResponseObject, error) {
	c := callOf(ctx)
	if err := outlasts(c.bearer); err != nil {
		return nil, err
	}
	switch {
	case !reaches(c.bearer, r.RobotID):
		return nil, outOfScope()
	case utf8.RuneCountInString(r.RobotID) > maxRobotID:
		return nil, problemf(http.StatusBadRequest, "the id of the robot is longer than %d characters", maxRobotID)
	}
	role := api.RoleAdmin
	if value(r.Body.ReadOnly) {
		role = api.RoleReader
	}
	expires := now().Add(time.Duration(or(r.Body.ExpiresIn, 300)) * time.Second)
	code, link := newLink(r.RobotID, role, time.Duration(or(r.Body.Session, 28800))*time.Second, expires)
	if err := s.store.CreateToken(ctx, link, tokenAudit(c.bearer.ID, "portal-link.create", link)); err != nil {
		return nil, err
	}
	return api.CreatePortalLink201JSONResponse{
		ID: link.ID, URL: s.Address(c.request) + PortalPath + code, RobotID: link.RobotID,
		ReadOnly: role == api.RoleReader, ExpiresAt: link.ExpiresAt,
	}, nil
}

// Address is where browsers reach the service: as it was configured, or else as a request did.
func (s *Service) Address(r *http.Request) string {
	switch {
	case s.public != "":
		return s.public
	case r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https":
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// PortalLink returns the link with a code, and doesn't use it up. The error is
// [delivery.ErrNotFound] if it was used or has expired, or never was.
func (s *Service) PortalLink(ctx context.Context, code string) (delivery.Token, error) {
	t, err := s.store.TokenByHash(ctx, sha256.Sum256([]byte(code)))
	if err != nil {
		return delivery.Token{}, err
	}
	if _, _, ok := opens(t); !ok { // the code is a token: its bearer has the API
		return delivery.Token{}, delivery.ErrNotFound
	}
	return t, nil
}

// OpenPortalLink uses a link up and begins its session: it returns the session's token as
// its bearer sends it, and as the store keeps it. The error is [delivery.ErrNotFound] as
// for [Service.PortalLink]; of several calls at once with one code, only one succeeds.
func (s *Service) OpenPortalLink(ctx context.Context, code string) (token string, t delivery.Token, err error) {
	link, err := s.PortalLink(ctx, code)
	if err != nil {
		return "", delivery.Token{}, err
	}
	// Only one can delete it. If the session can't be created after that, the link is lost:
	// the other order would leave sessions that nobody has.
	if err := s.store.DeleteToken(ctx, link.ID, tokenAudit(link.ID, "portal-link.open", link)); err != nil {
		return "", delivery.Token{}, err
	}
	role, duration, _ := opens(link)
	token, t = NewToken("portal session", role, link.RobotID, now().Add(duration))
	t.ID = sessionPrefix + strings.TrimPrefix(link.ID, linkPrefix) // by which whoever made the link can end it
	if err := s.store.CreateToken(ctx, t, tokenAudit(link.ID, "portal-session.create", t)); err != nil {
		return "", delivery.Token{}, err
	}
	return token, t, nil
}
