package service

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// inletPath is where inlets are: an inlet's URL is the service's address, this, and a secret.
const inletPath = "/in/"

// inletPrefix starts the secret in an inlet's URL, so that scanners for leaked secrets find it.
const inletPrefix = "rhi_"

// newInletSecret makes the secret of an inlet's URL, and the hash of it that a store keeps.
func newInletSecret() (secret string, hash [32]byte) {
	random := make([]byte, 32)
	rand.Read(random)
	secret = inletPrefix + base64.RawURLEncoding.EncodeToString(random)
	return secret, sha256.Sum256([]byte(secret))
}

// Direct returns a handler that serves inlets, and leaves all other requests to next, such
// as those to inspectors, whose URLs begin alike. An inlet takes what is sent to it
// however the path is written, as with a slash too many: [http.ServeMux] would answer
// that with a redirect, which servers follow by GET.
func (s *Service) Direct(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clean := path.Clean("/" + r.URL.Path)
		if !strings.HasPrefix(clean, inletPath+inletPrefix) {
			next.ServeHTTP(w, r)
			return
		}
		if clean != r.URL.Path {
			direct := *r
			direct.URL = &url.URL{Path: clean}
			r = &direct
		}
		s.ServeHTTP(w, r)
	})
}

// wrongInletMethod answers what isn't a POST. It must not be 2xx: a server that follows a
// redirect by an empty GET would take that for success.
func wrongInletMethod(w http.ResponseWriter) {
	w.Header().Set("Allow", http.MethodPost)
	problemf(http.StatusMethodNotAllowed, "this is an inlet of Runhooks: it takes events of a server by POST. Enter its URL as the webhook's URL in the settings of the server. "+
		"If an event was POSTed, a redirect on the way made another request of it: enter the URL that is redirected to").write(w)
}

// receiveEvent is the hot path of inlets. Whoever has the URL may send.
func (s *Service) receiveEvent(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	in, err := s.inletAt(ctx, r.PathValue("token"))
	if err != nil {
		w.Header().Set("Connection", "close") // what is still to come of the body isn't read
		if errors.Is(err, delivery.ErrNotFound) {
			err = problemf(http.StatusNotFound, "nothing takes events at this URL")
		}
		s.fail(w, r, err)
		return
	}
	payload, p := s.readReceived(w, r)
	if p != nil {
		s.logger.WarnContext(ctx, "an inlet refused a request", "inlet", in.ID, "status", p.status, "detail", p.detail)
		p.write(w)
		return
	}
	ctx, span := s.trace(r, "receive event")
	defer span.End()
	receipt, err := s.engine.Receive(ctx, &in, payload, traceParent(ctx))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer := api.Received{EventID: receipt.EventID, SetAside: receipt.SetAside, Reason: optional(receipt.Reason)}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // there is nothing in it that can't be encoded
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(text)
	if s.received.due(in.ID, time.Now()) {
		// The server has its answer before this is on disk.
		_ = http.NewResponseController(w).Flush()
		if err := s.store.NoteReceived(context.WithoutCancel(ctx), in.ID); err != nil && !errors.Is(err, delivery.ErrNotFound) {
			s.logger.WarnContext(ctx, "when an inlet last received something can't be noted", "inlet", in.ID, "error", err)
		}
	}
}

// inletAt finds the inlet with a secret. A server waits, so what was found just now isn't
// looked up again.
func (s *Service) inletAt(ctx context.Context, secret string) (delivery.Inlet, error) {
	hash, at := sha256.Sum256([]byte(secret)), time.Now()
	in, ok := s.inlets.get(hash, at)
	if ok {
		return in, nil
	}
	in, err := s.store.InletByHash(ctx, hash)
	if err == nil {
		s.inlets.put(hash, in, at)
	}
	return in, err
}

// A payload that is larger than freeBytes may be this many times as large as it was sent.
// Rows of text compress to a tenth or so, and a bomb to a thousandth. [receiver] has the
// same limits.
const (
	maxRatio  = 100
	freeBytes = 1 << 20
)

// readReceived reads a payload. Whether it is gzip its first bytes say, whatever the headers
// do: no JSON starts like that.
func (s *Service) readReceived(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	switch coding := strings.ToLower(strings.Join(r.Header["Content-Encoding"], ",")); coding {
	case "", "identity", "gzip", "x-gzip":
	default:
		return nil, problemf(http.StatusUnsupportedMediaType, "the content encoding is %.100q; send gzip, once, or none", coding)
	}
	body, p := readWhole(w, r, s.maxBody)
	switch {
	case p != nil:
		return nil, p
	case len(body) == 0:
		return nil, problemf(http.StatusBadRequest, "the body is empty; send an event")
	case !bytes.HasPrefix(body, []byte("\x1f\x8b")):
		return body, nil
	}
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	var payload []byte
	limit := min(s.maxBody, max(freeBytes, maxRatio*int64(len(body))))
	if err == nil {
		payload, err = io.ReadAll(io.LimitReader(unzip, limit+1))
	}
	switch {
	case err != nil:
		return nil, problemf(http.StatusBadRequest, "the body starts like gzip, and can't be decompressed")
	case int64(len(payload)) > limit && limit < s.maxBody:
		return nil, problemf(http.StatusRequestEntityTooLarge, "the payload is more than %d times as large as it was sent; send it without compression", maxRatio)
	case int64(len(payload)) > limit:
		return nil, tooLarge(s.maxBody)
	}
	return payload, nil
}

// receivedEvery is how often at most this node notes that an inlet has received something.
const receivedEvery = 5 * time.Second

// received has when that was last noted, by inlet.
type received struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (n *received) due(inlet string, at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last, ok := n.at[inlet]; ok && at.Sub(last) < receivedEvery {
		return false
	}
	if n.at == nil || len(n.at) >= maxCached {
		n.at = map[string]time.Time{}
	}
	n.at[inlet] = at
	return true
}

func showInlet(i *delivery.Inlet) api.Inlet {
	return api.Inlet{
		ID: i.ID, Name: i.Name, RobotID: optional(i.RobotID), Zone: optional(i.Zone), Locale: optional(i.Locale),
		CreatedAt: i.CreatedAt, LastReceivedAt: optional(i.LastReceived),
	}
}

// inletURL is the URL of an inlet, for the one answer that has it.
func (s *Service) inletURL(c *call, secret string) *string {
	u := s.Address(c.request) + inletPath + secret
	return &u
}

// inlet reads an inlet that the token reaches.
func (s *Service) inlet(ctx context.Context, id string) (*delivery.Inlet, error) {
	i, err := s.store.Inlet(ctx, id)
	if err != nil {
		return nil, err
	}
	if !reaches(callOf(ctx).bearer, i.RobotID) {
		return nil, notFound()
	}
	return &i, nil
}

// applyInlet writes settings to an inlet, and returns what is wrong with them beyond what
// the document says. body is what they came in.
func applyInlet(c *api.InletCreate, body []byte, i *delivery.Inlet) []conformance.Finding {
	i.Name, i.RobotID, i.Zone, i.Locale = c.Name, value(c.RobotID), value(c.Zone), value(c.Locale)
	if strings.ContainsRune(i.Name+i.RobotID+i.Zone+i.Locale, 0) {
		return findingsOf(body, "", "the service can't store NUL characters")
	}
	switch {
	case i.Zone != "" && i.Locale == "":
		return findingsOf(body, "/zone", "a zone is of no use without how the server writes times in it: give the locale as well")
	case i.Zone == "" && i.Locale != "":
		return findingsOf(body, "/locale", "a locale is of no use without the server's time zone: give the zone as well")
	}
	if _, err := form.NewParser(i.Zone, i.Locale, nil); err != nil {
		place := "/locale"
		if _, bad := time.LoadLocation(i.Zone); bad != nil {
			place = "/zone"
		}
		return findingsOf(body, place, err.Error())
	}
	return nil
}

func inletMembers(i *delivery.Inlet) map[string]any {
	m := map[string]any{"name": i.Name}
	for name, value := range map[string]string{"robot_id": i.RobotID, "zone": i.Zone, "locale": i.Locale} {
		if value != "" {
			m[name] = value
		}
	}
	return m
}

// inletChanges says what changed, for the audit log; before or after is nil.
func inletChanges(before, after *delivery.Inlet) map[string][2]any {
	old, new := map[string]any{}, map[string]any{}
	if before != nil {
		old = inletMembers(before)
	}
	if after != nil {
		new = inletMembers(after)
	}
	found := map[string][2]any{}
	for _, name := range []string{"name", "robot_id", "zone", "locale"} {
		if old[name] != new[name] {
			found[name] = [2]any{old[name], new[name]}
		}
	}
	return found
}

func (s *server) ListInlets(ctx context.Context, r api.ListInletsRequestObject) (api.ListInletsResponseObject, error) {
	robot, err := scope(callOf(ctx).bearer, r.Params.RobotID)
	if err != nil {
		return nil, err
	}
	after, err := cursorText(r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	limit := or(r.Params.Limit, defaultLimit)
	inlets, err := s.store.Inlets(ctx, delivery.InletFilter{RobotID: robot, After: after, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	list := api.ListInlets200JSONResponse{Items: []api.Inlet{}}
	if len(inlets) > limit {
		inlets = inlets[:limit]
		list.Next = cursorOf(inlets[limit-1].ID)
	}
	for i := range inlets {
		list.Items = append(list.Items, showInlet(&inlets[i]))
	}
	return list, nil
}

func (s *server) CreateInlet(ctx context.Context, r api.CreateInletRequestObject) (api.CreateInletResponseObject, error) {
	c := callOf(ctx)
	if err := outlasts(c.bearer); err != nil {
		return nil, err
	}
	if !reaches(c.bearer, value(r.Body.RobotID)) {
		return nil, problemf(http.StatusForbidden, "this token is limited to a robot, so it can only create inlets with the same robot_id")
	}
	at := now()
	i := &delivery.Inlet{ID: delivery.NewInletID(at), CreatedAt: at}
	if findings := applyInlet(r.Body, c.body, i); findings != nil {
		return nil, invalid("the inlet can't be created like this", findings)
	}
	secret, hash := newInletSecret()
	i.Hash = hash
	if err := s.store.CreateInlet(ctx, *i, audit(c.bearer.ID, "inlet.create", i.ID, i.RobotID, inletChanges(nil, i))); err != nil {
		return nil, err
	}
	shown := showInlet(i)
	shown.URL = s.inletURL(c, secret)
	return api.CreateInlet201JSONResponse{Body: shown, Headers: api.CreateInlet201ResponseHeaders{Location: "/v1/inlets/" + i.ID}}, nil
}

func (s *server) GetInlet(ctx context.Context, r api.GetInletRequestObject) (api.GetInletResponseObject, error) {
	i, err := s.inlet(ctx, r.InletID)
	if err != nil {
		return nil, err
	}
	return api.GetInlet200JSONResponse(showInlet(i)), nil
}

func (s *server) UpdateInlet(ctx context.Context, r api.UpdateInletRequestObject) (api.UpdateInletResponseObject, error) {
	c := callOf(ctx)
	i, err := s.inlet(ctx, r.InletID)
	if err != nil {
		return nil, err
	}
	changed := *i
	if findings := s.patchInlet(&changed, c.body); findings != nil {
		return nil, invalid("the inlet can't be changed like this", findings)
	}
	updated, err := s.store.UpdateInlet(ctx, changed, audit(c.bearer.ID, "inlet.update", i.ID, i.RobotID, inletChanges(i, &changed)))
	if err != nil {
		return nil, err
	}
	s.inlets.drop()
	return api.UpdateInlet200JSONResponse(showInlet(&updated)), nil
}

// patchInlet merges a patch into the settings of an inlet (RFC 7396).
func (s *Service) patchInlet(i *delivery.Inlet, body []byte) []conformance.Finding {
	patch, findings := parseJSON(body)
	if findings != nil {
		return findings
	}
	if _, ok := patch.(map[string]any)["robot_id"]; ok { // it is an object, as the document says
		return findingsOf(body, "/robot_id", "this can't be changed; create another inlet")
	}
	merged := merge(inletMembers(i), patch)
	if findings := violations(s.document.inlet, merged, body); findings != nil {
		return findings
	}
	text, err := json.Marshal(merged)
	var settings api.InletCreate
	if err == nil {
		err = json.Unmarshal(text, &settings)
	}
	if err != nil {
		panic(err) // they are texts
	}
	return applyInlet(&settings, body, i)
}

func (s *server) DeleteInlet(ctx context.Context, r api.DeleteInletRequestObject) (api.DeleteInletResponseObject, error) {
	i, err := s.inlet(ctx, r.InletID)
	if err != nil {
		return nil, err
	}
	if err := s.store.DeleteInlet(ctx, i.ID, auditOf(ctx, "inlet.delete", i.ID, i.RobotID, inletChanges(i, nil))); err != nil {
		return nil, err
	}
	s.inlets.drop()
	return api.DeleteInlet204Response{}, nil
}

func (s *server) RotateInlet(ctx context.Context, r api.RotateInletRequestObject) (api.RotateInletResponseObject, error) {
	c := callOf(ctx)
	if err := outlasts(c.bearer); err != nil {
		return nil, err
	}
	i, err := s.inlet(ctx, r.InletID)
	if err != nil {
		return nil, err
	}
	secret, hash := newInletSecret()
	rotated, err := s.store.RotateInlet(ctx, i.ID, hash, audit(c.bearer.ID, "inlet.rotate", i.ID, i.RobotID, map[string][2]any{"url": {"***", "***"}}))
	if err != nil {
		return nil, err
	}
	s.inlets.drop()
	shown := showInlet(&rotated)
	shown.URL = s.inletURL(c, secret)
	return api.RotateInlet200JSONResponse(shown), nil
}
