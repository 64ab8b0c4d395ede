package service

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// findingsOf makes the one finding about a place of a body.
func findingsOf(body []byte, pointer, message string) []conformance.Finding {
	return []conformance.Finding{finding(body, pointer, "schema.not-allowed", message)}
}

// settings returns what can be written of an endpoint, in the form in which it is
// written.
func settings(e *delivery.Endpoint, v *vault) api.EndpointCreate {
	active := e.State == delivery.Active
	timeout := int(e.Timeout / time.Second)
	c := api.EndpointCreate{
		RobotID: optional(e.RobotID), URL: e.URL, Events: eventTypes(e.Events), Description: &e.Description,
		Active: &active, MaxAttempts: &e.MaxAttempts, RetryDelays: seconds(e.Delays), Timeout: &timeout,
		RateLimit: &e.RateLimit, MaxInFlight: &e.MaxInFlight, Ordered: &e.Ordered, Form: formOf(e),
		Headers: v.Headers, Authorization: optional(v.Authorization), Basic: v.Basic,
	}
	if operator := e.RobotID == ""; operator {
		c.Operator = &operator
	}
	return c
}

// apply writes settings to an endpoint, and returns what is wrong with them beyond
// what the document says. body is what they came in.
func (s *Service) apply(c *api.EndpointCreate, body []byte, e *delivery.Endpoint, v *vault) []conformance.Finding {
	var findings []conformance.Finding
	refuse := func(pointer, format string, args ...any) {
		findings = append(findings, finding(body, pointer, "schema.not-allowed", fmt.Sprintf(format, args...)))
	}
	text := func(pointer, text string) string {
		if strings.ContainsRune(text, 0) {
			refuse(pointer, "the service can't store NUL characters")
		}
		return text
	}

	e.RobotID = text("/robot_id", value(c.RobotID))
	operator := value(c.Operator)
	if operator == (e.RobotID != "") {
		refuse("", "an endpoint has either robot_id or operator: true")
	}
	e.URL = c.URL
	if err := s.checkURL(c.URL); err != nil {
		refuse("/url", "%v", err)
	} else {
		e.URL = normalURL(c.URL)
	}
	e.Events = nil
	for i, t := range c.Events {
		if operational(string(t)) != operator {
			refuse(fmt.Sprintf("/events/%d", i), "an endpoint of a robot gets run_completed, run_failed and webhook_test, and one of the operator the operational events")
		}
		e.Events = append(e.Events, string(t))
	}
	e.Description = text("/description", value(c.Description))
	defaults := &s.document.defaults
	switch active := or(c.Active, *defaults.Active); {
	case active:
		e.State, e.DisabledReason, e.DisabledAt = delivery.Active, "", time.Time{}
	case e.State != delivery.Disabled:
		e.State = delivery.Paused
	}
	e.MaxAttempts = or(c.MaxAttempts, *defaults.MaxAttempts)
	e.Delays = nil
	delays := c.RetryDelays
	if delays == nil {
		delays = defaults.RetryDelays
	}
	for _, delay := range delays {
		e.Delays = append(e.Delays, time.Duration(delay)*time.Second)
	}
	e.Timeout = time.Duration(or(c.Timeout, *defaults.Timeout)) * time.Second
	e.RateLimit = or(c.RateLimit, *defaults.RateLimit)
	e.MaxInFlight = or(c.MaxInFlight, *defaults.MaxInFlight)
	e.Ordered = or(c.Ordered, *defaults.Ordered)
	if e.Form = form.Form(value(c.Form)); e.Form == form.Received {
		e.Form = ""
	}
	if operator && e.Form != "" {
		refuse("/form", "an endpoint of the operator gets operational events, as received")
	}

	v.Headers = nil
	for name, value := range c.Headers {
		at := "/headers/" + jsonpointer.Escape(name)
		key := textproto.CanonicalMIMEHeaderKey(name)
		if err := checkHeader(key, value); err != nil {
			refuse(at, "%v", err)
		} else if _, twice := v.Headers[key]; twice {
			refuse(at, "this header is there twice")
		}
		if v.Headers == nil {
			v.Headers = map[string]string{}
		}
		v.Headers[key] = value
	}
	v.Authorization, v.Basic = value(c.Authorization), c.Basic
	if v.Authorization != "" && v.Basic != nil {
		refuse("", "only one of authorization and basic can be there")
	}
	if err := checkValue("Authorization", v.Authorization); err != nil {
		refuse("/authorization", "%v", err)
	}
	slices.SortStableFunc(findings, func(a, b conformance.Finding) int { return a.Offset - b.Offset })
	return findings
}

// checkURL says why no attempt could be made to a URL.
func (s *Service) checkURL(raw string) error {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("the URL has a space, a control character, or one that is not ASCII; write a host in its ASCII form (xn--…), and other characters as %20, for example")
	}
	err := s.guard.CheckURL(raw)
	if e := (*emitter.EndpointError)(nil); errors.As(err, &e) {
		return errors.New(e.Reason)
	}
	if _, ok := errors.AsType[*emitter.BlockedError](err); ok {
		return fmt.Errorf("%w; whoever runs the service can allow it, with runhooks serve --allow", err)
	}
	return err
}

// normalURL writes a URL as RFC 3986, section 6.2, normalizes it, so that a robot can't
// have one twice.
func normalURL(raw string) string {
	u, err := url.Parse(raw) // which makes the scheme lower case
	if err != nil {
		return raw
	}
	usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), usual)
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// checkHeader says why an endpoint can't have a header of its own, or returns nil. The
// document lists those that are refused.
func checkHeader(name, value string) error {
	switch name {
	case "Authorization":
		return errors.New("the authorization has a member of its own")
	case "Traceparent", "Tracestate", form.Header:
		return errors.New("attempts set this header themselves; leave it out")
	}
	return checkValue(name, value)
}

// checkValue is like checkHeader, but of a name that may be one of the service's.
func checkValue(name, value string) error {
	if strings.Trim(value, " \t") != value {
		return errors.New("the value of a header can't have spaces around it")
	}
	err := emitter.CheckHeader(name, value)
	if e := (*emitter.EndpointError)(nil); errors.As(err, &e) {
		return errors.New(e.Reason)
	}
	return err
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func formOf(e *delivery.Endpoint) *api.Form {
	f := api.Form(e.Form.String())
	return &f
}

func eventTypes(events []string) []api.EventType {
	list := make([]api.EventType, len(events))
	for i, t := range events {
		list[i] = api.EventType(t)
	}
	return list
}

func seconds(delays []time.Duration) []int {
	list := make([]int, len(delays))
	for i, d := range delays {
		list[i] = int(d / time.Second)
	}
	return list
}

// show returns an endpoint as the API shows it. Nothing in it is secret.
func show(e *delivery.Endpoint, v *vault) (api.Endpoint, error) {
	secrets, err := v.shown(time.Now())
	if err != nil {
		return api.Endpoint{}, err
	}
	return api.Endpoint{
		ID: e.ID, RobotID: optional(e.RobotID), Operator: e.RobotID == "",
		URL: e.URL, Events: eventTypes(e.Events), Description: e.Description,
		Active: e.State == delivery.Active, State: api.EndpointState(e.State),
		DisabledReason: optional(e.DisabledReason), DisabledAt: optional(e.DisabledAt),
		MaxAttempts: e.MaxAttempts, RetryDelays: seconds(e.Delays), Timeout: int(e.Timeout / time.Second),
		RateLimit: e.RateLimit, MaxInFlight: e.MaxInFlight, Ordered: e.Ordered, Form: *formOf(e),
		HeaderNames: v.headerNames(), HasAuthorization: v.Authorization != "" || v.Basic != nil,
		Signature: kindOf(v.Secrets[0].Text), Secrets: secrets,
		Version: e.Version, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}, nil
}

// shownSecret is what the answers that make a secret show of it: that of v1. Of
// v1a, the receiver needs the public key, which every answer has.
func shownSecret(text string) *string {
	if kindOf(text) == api.SignatureKindV1A {
		return nil
	}
	return &text
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// endpoint reads an endpoint that the token reaches, with what is secret of it.
func (s *Service) endpoint(ctx context.Context, id string) (*delivery.Endpoint, *vault, error) {
	e, err := s.store.Endpoint(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if !reaches(callOf(ctx).bearer, e.RobotID) {
		return nil, nil, notFound()
	}
	v, err := openVault(s.ring, &e)
	if err != nil {
		return nil, nil, undecryptable(err)
	}
	return &e, v, nil
}

func undecryptable(err error) *problem {
	p := problemf(http.StatusInternalServerError, "the secrets of an endpoint can't be decrypted; the service's log says why")
	p.cause = err
	return p
}

// newUUID makes a UUID of version 7 (RFC 9562), which sorts by time.
func newUUID() string {
	var u [16]byte
	rand.Read(u[6:])
	binary.BigEndian.PutUint64(u[:8], uint64(time.Now().UnixMilli())<<16|uint64(binary.BigEndian.Uint16(u[6:8])))
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func (s *server) ListEndpoints(ctx context.Context, r api.ListEndpointsRequestObject) (api.ListEndpointsResponseObject, error) {
	robot, err := scope(callOf(ctx).bearer, r.Params.RobotID)
	if err != nil {
		return nil, err
	}
	after, err := cursorText(r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	limit := or(r.Params.Limit, defaultLimit)
	endpoints, err := s.store.Endpoints(ctx, delivery.EndpointFilter{
		RobotID: robot, Operator: value(r.Params.Operator), State: delivery.EndpointState(value(r.Params.State)),
		After: after, Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	list := api.ListEndpoints200JSONResponse{Items: []api.Endpoint{}}
	if len(endpoints) > limit {
		endpoints = endpoints[:limit]
		list.Next = cursorOf(endpoints[limit-1].ID)
	}
	ids := make([]string, len(endpoints))
	for i := range endpoints {
		ids[i] = endpoints[i].ID
	}
	activity, err := s.store.Activity(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range endpoints {
		v, err := openVault(s.ring, &endpoints[i])
		if err != nil {
			return nil, undecryptable(err)
		}
		shown, err := show(&endpoints[i], v)
		if err != nil {
			return nil, undecryptable(err)
		}
		shown.Activity = activityOf(activity, shown.ID)
		if a, ok := activity[shown.ID]; ok {
			shown.Health = healthOf(&a.Health)
		}
		list.Items = append(list.Items, shown)
	}
	return list, nil
}

func (s *server) CreateEndpoint(ctx context.Context, r api.CreateEndpointRequestObject) (api.CreateEndpointResponseObject, error) {
	c := callOf(ctx)
	if !reaches(c.bearer, value(r.Body.RobotID)) {
		return nil, outOfScope()
	}
	e := &delivery.Endpoint{ID: newUUID(), CreatedAt: now()}
	e.UpdatedAt = e.CreatedAt
	v := &vault{}
	findings := s.apply(r.Body, c.body, e, v)
	secret, err := newSecret(r.Body.Signature, r.Body.Secret, api.SignatureKindV1)
	if err != nil {
		findings = append(findings, findingsOf(c.body, "/secret", err.Error())...)
	}
	if findings != nil {
		return nil, invalid("the endpoint can't be created like this", findings)
	}
	v.Secrets = []sealedSecret{{Text: secret}}
	e.Sealed = v.seal(s.ring, e.ID)
	created, err := s.store.CreateEndpoint(ctx, *e,
		audit(c.bearer.ID, "endpoint.create", e.ID, e.RobotID, changes(nil, nil, e, v)))
	if err != nil {
		return nil, err
	}
	s.engine.Changed(created.ID)
	shown, err := show(&created, v)
	if err != nil {
		return nil, err
	}
	shown.Secret = shownSecret(secret)
	return api.CreateEndpoint201JSONResponse{Body: shown, Headers: api.CreateEndpoint201ResponseHeaders{
		ETag: etag(created.Version), Location: "/v1/endpoints/" + created.ID,
	}}, nil
}

func (s *server) GetEndpoint(ctx context.Context, r api.GetEndpointRequestObject) (api.GetEndpointResponseObject, error) {
	e, v, err := s.endpoint(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	shown, err := show(e, v)
	if err != nil {
		return nil, undecryptable(err)
	}
	health, err := s.store.Health(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	shown.Health = healthOf(&health)
	activity, err := s.store.Activity(ctx, []string{e.ID})
	if err != nil {
		return nil, err
	}
	shown.Activity = activityOf(activity, e.ID)
	return api.GetEndpoint200JSONResponse{Body: shown, Headers: api.GetEndpoint200ResponseHeaders{ETag: etag(e.Version)}}, nil
}

func healthOf(h *delivery.Health) *api.EndpointHealth {
	return &api.EndpointHealth{
		Failures: int64(h.Failures), FailingSince: optional(h.FailingSince), NotBefore: optional(h.NotBefore),
	}
}

// ifMatch holds an endpoint to the version that the client has read.
func ifMatch(header *string, version int64) error {
	switch {
	case header == nil:
		return problemf(http.StatusPreconditionRequired, "the header If-Match is missing; send the ETag that came with the endpoint")
	case *header == "*":
		return nil
	}
	for tag := range strings.SplitSeq(*header, ",") {
		if strings.TrimSpace(tag) == etag(version) {
			return nil
		}
	}
	return delivery.ErrVersion
}

func (s *server) UpdateEndpoint(ctx context.Context, r api.UpdateEndpointRequestObject) (api.UpdateEndpointResponseObject, error) {
	c := callOf(ctx)
	e, v, err := s.endpoint(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	if err := ifMatch(r.Params.IfMatch, e.Version); err != nil {
		return nil, err
	}
	patched, findings := s.patch(settings(e, v), c.body)
	changed, vaultChanged := *e, *v
	if findings == nil {
		findings = s.apply(&patched, c.body, &changed, &vaultChanged)
	}
	if findings != nil {
		return nil, invalid("the endpoint can't be changed like this", findings)
	}
	changed.UpdatedAt = now()
	changed.Sealed = vaultChanged.seal(s.ring, e.ID)
	updated, err := s.store.UpdateEndpoint(ctx, changed,
		audit(c.bearer.ID, "endpoint.update", e.ID, e.RobotID, changes(e, v, &changed, &vaultChanged)))
	if err != nil {
		return nil, err
	}
	s.engine.Changed(e.ID)
	shown, err := show(&updated, &vaultChanged)
	if err != nil {
		return nil, undecryptable(err)
	}
	if e.State != delivery.Active && updated.State == delivery.Active {
		activity, err := s.store.Activity(ctx, []string{e.ID})
		if err == nil { // the change is made anyway
			held := activity[e.ID].Held
			shown.Held = &held
		}
	}
	return api.UpdateEndpoint200JSONResponse{Body: shown, Headers: api.UpdateEndpoint200ResponseHeaders{ETag: etag(updated.Version)}}, nil
}

// patch merges a patch into settings (RFC 7396).
func (s *Service) patch(current api.EndpointCreate, body []byte) (api.EndpointCreate, []conformance.Finding) {
	patch, findings := parseJSON(body)
	if findings != nil {
		return current, findings
	}
	members := patch.(map[string]any) // the document says so
	for _, fixed := range []string{"robot_id", "operator"} {
		if _, ok := members[fixed]; ok {
			findings = append(findings, findingsOf(body, "/"+fixed, "this can't be changed; create another endpoint")...)
		}
	}
	for _, secret := range []string{"signature", "secret"} {
		if _, ok := members[secret]; ok {
			findings = append(findings, findingsOf(body, "/"+secret, "this is changed by rotating the secret")...)
		}
	}
	if headers, ok := members["headers"].(map[string]any); ok {
		members["headers"] = canonicalNames(headers)
	}
	if findings != nil {
		return current, findings
	}
	text, err := json.Marshal(current)
	if err != nil {
		panic(err) // it was made of JSON
	}
	target, _ := parseJSON(text)
	merged := merge(target, patch)
	if findings := violations(s.document.endpoint, merged, body); findings != nil {
		return current, findings
	}
	var patched api.EndpointCreate
	text, err = json.Marshal(merged)
	if err == nil {
		err = json.Unmarshal(text, &patched)
	}
	if err != nil { // such as 1e3 where the schema takes it for a whole number
		return current, findingsOf(body, "", "a number has to be written without a fraction or an exponent")
	}
	return patched, nil
}

// canonicalNames makes names of headers the ones that are stored, so that a patch
// finds them.
func canonicalNames(headers map[string]any) map[string]any {
	canonical := make(map[string]any, len(headers))
	for name, value := range headers {
		key := textproto.CanonicalMIMEHeaderKey(name)
		if _, twice := canonical[key]; twice {
			key = name // which apply refuses
		}
		canonical[key] = value
	}
	return canonical
}

// merge is the function MergePatch of RFC 7396, section 2.
func merge(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = merge(merged[name], value)
		}
	}
	return merged
}

// changes says what changed, for the audit log. Of what is secret it says only that
// it was or is there, and that it changed.
func changes(before *delivery.Endpoint, beforeVault *vault, after *delivery.Endpoint, afterVault *vault) map[string][2]any {
	old, new := map[string]any{}, members(after, afterVault)
	if before != nil {
		old = members(before, beforeVault)
	}
	found := map[string][2]any{}
	for name, value := range new {
		if !reflect.DeepEqual(old[name], value) {
			found[name] = [2]any{struckOut(old[name]), struckOut(value)}
		}
	}
	for name, value := range old {
		if _, ok := new[name]; !ok {
			found[name] = [2]any{struckOut(value), nil}
		}
	}
	return found
}

// A secretText is compared as it is, and shown struck out.
type secretText string

func struckOut(v any) any {
	if _, ok := v.(secretText); ok {
		return "***"
	}
	return v
}

func members(e *delivery.Endpoint, v *vault) map[string]any {
	m := map[string]any{
		"url": e.URL, "events": append([]string{}, e.Events...), "description": e.Description, "state": string(e.State),
		"max_attempts": e.MaxAttempts, "retry_delays": seconds(e.Delays), "timeout": int(e.Timeout / time.Second),
		"rate_limit": e.RateLimit, "max_in_flight": e.MaxInFlight, "ordered": e.Ordered, "form": e.Form.String(),
	}
	if e.RobotID != "" {
		m["robot_id"] = e.RobotID
	}
	for name, value := range v.Headers {
		m["headers."+name] = secretText(value)
	}
	if authorization := v.header().Get("Authorization"); authorization != "" {
		m["authorization"] = secretText(authorization)
	}
	for i, s := range v.Secrets[:min(1, len(v.Secrets))] {
		m["secret"] = secretText(s.Text)
		m["signature"] = string(kindOf(v.Secrets[i].Text))
	}
	return m
}

func (s *server) DeleteEndpoint(ctx context.Context, r api.DeleteEndpointRequestObject) (api.DeleteEndpointResponseObject, error) {
	e, v, err := s.endpoint(ctx, r.EndpointID)
	if p := (*problem)(nil); errors.As(err, &p) && p.status == http.StatusInternalServerError {
		// What can't be decrypted can be deleted anyway.
		stored, err := s.store.Endpoint(ctx, r.EndpointID)
		if err != nil {
			return nil, err
		}
		e, v = &stored, &vault{}
	} else if err != nil {
		return nil, err
	}
	if err := ifMatch(r.Params.IfMatch, e.Version); err != nil {
		return nil, err
	}
	removed := map[string][2]any{}
	for name, value := range members(e, v) {
		removed[name] = [2]any{struckOut(value), nil}
	}
	err = s.store.DeleteEndpoint(ctx, e.ID, e.Version, audit(callOf(ctx).bearer.ID, "endpoint.delete", e.ID, e.RobotID, removed))
	if err != nil {
		return nil, err
	}
	s.engine.Changed(e.ID)
	return api.DeleteEndpoint204Response{}, nil
}

func (s *server) RotateSecret(ctx context.Context, r api.RotateSecretRequestObject) (api.RotateSecretResponseObject, error) {
	c := callOf(ctx)
	e, v, err := s.endpoint(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	secret, err := newSecret(r.Body.Signature, r.Body.Secret, kindOf(v.Secrets[0].Text))
	if err != nil {
		return nil, invalid("the secret can't be rotated like this", findingsOf(c.body, "/secret", err.Error()))
	}
	at := now()
	until := at.Add(time.Duration(or(r.Body.Overlap, 86400)) * time.Second)
	rotated := *v
	rotated.Secrets = []sealedSecret{{Text: secret}}
	for _, old := range v.Secrets {
		if old.Text == secret {
			return nil, invalid("the secret can't be rotated like this", findingsOf(c.body, "/secret", "this is already a secret of the endpoint"))
		}
		if old.Until.IsZero() || old.Until.After(until) {
			old.Until = until
		}
		if !expired(old.Until, at) {
			rotated.Secrets = append(rotated.Secrets, old)
		}
	}
	if len(rotated.Secrets) > maxSecrets {
		return nil, problemf(http.StatusConflict, "the endpoint has %d secrets in force; wait until one expires, or rotate with an overlap of 0", maxSecrets)
	}
	changed := *e
	changed.UpdatedAt = at
	changed.Sealed = rotated.seal(s.ring, e.ID)
	record := changes(e, v, &changed, &rotated)
	record["overlap"] = [2]any{nil, or(r.Body.Overlap, 86400)}
	updated, err := s.store.UpdateEndpoint(ctx, changed, audit(c.bearer.ID, "endpoint.rotate-secret", e.ID, e.RobotID, record))
	if errors.Is(err, delivery.ErrVersion) {
		return nil, problemf(http.StatusConflict, "the endpoint was changed meanwhile; try again")
	}
	if err != nil {
		return nil, err
	}
	s.engine.Changed(e.ID)
	shown, err := show(&updated, &rotated)
	if err != nil {
		return nil, undecryptable(err)
	}
	shown.Secret = shownSecret(secret)
	return api.RotateSecret200JSONResponse{Body: shown, Headers: api.RotateSecret200ResponseHeaders{ETag: etag(updated.Version)}}, nil
}
