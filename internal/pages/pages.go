// Package pages is the service in a browser: the integration settings of each
// robot, its deliveries as they happen, and what helps to write a receiver.
//
// It is a client of package service in the same process. Each page asks the API with
// the token of its session, so roles, scopes, checks, findings and the audit log are
// the API's own. Pages are whole documents that work without JavaScript; htmx takes
// parts out of the same documents. ADR 24 says how sessions work, and ADR 25 why pages
// are made like this.
package pages

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/internal/service"
)

//go:embed templates static
var files embed.FS

// Options are those of [New]. Service and Keyring are required.
type Options struct {
	Service *service.Service
	// Keyring seals the cookies of sessions.
	Keyring *keyring.Ring
	// Brand is what pages of portal sessions show of the platform.
	Brand Brand
	// FrameAncestors are the origins whose pages may frame pages of portal sessions; see
	// [ParseOrigin]. No other page can be framed.
	FrameAncestors []string
	// Logger is nil for none.
	Logger *slog.Logger
}

// Pages serves the pages, as an http.Handler.
type Pages struct {
	service   *service.Service
	ring      *keyring.Ring
	logger    *slog.Logger
	templates map[string]*template.Template
	// versions has a hash of each static file, by which browsers keep it for good.
	versions  map[string]string
	brand     *brand
	ancestors []string
	mux       *http.ServeMux
	handler   http.Handler
	live      hub
	stop      func() // ends the streams of live

	inspectors *inspectors
}

// New returns the pages of a service.
func New(o Options) (*Pages, error) {
	if o.Service == nil || o.Keyring == nil {
		return nil, errors.New("pages: Service and Keyring are required")
	}
	p := &Pages{
		service: o.Service, ring: o.Keyring, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		versions: map[string]string{}, ancestors: o.FrameAncestors, mux: http.NewServeMux(),
	}
	stopping := make(chan struct{})
	p.live.stopping = stopping
	p.stop = sync.OnceFunc(func() { close(stopping) })
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	var err error
	if p.inspectors, err = newInspectors(); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}

	p.mux.HandleFunc("GET /static/{name}", p.static)
	p.brand = p.brandOf(o.Brand)
	p.public("GET "+service.PortalPath+"{code}", p.showPortal)
	p.public("POST "+service.PortalPath+"{code}", p.openPortal)
	p.public("GET /sign-in", p.showSignIn)
	p.public("POST /sign-in", p.signIn)
	p.public("POST /sign-out", p.signOut)
	p.page("GET /{$}", func(w http.ResponseWriter, r *http.Request, _ *session) error {
		return p.redirect(w, r, "/robots", "")
	})
	p.page("GET /robots", p.showRobots)
	p.registerEndpoints()
	p.registerInlets()
	p.registerDeliveries()
	p.public("GET /contract", p.showContract)
	p.public("GET /contract/dist/{name...}", p.contractFile)
	p.registerInspector()
	p.public("/", func(http.ResponseWriter, *http.Request, *session) error {
		return &problem{Status: http.StatusNotFound, Detail: "There is no such page."}
	})

	// Cookies of a frame come along with requests of other sites.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(p.handle(func(http.ResponseWriter, *http.Request, *session) error {
		return &problem{Status: http.StatusForbidden, Detail: "This came from another site, so nothing was done. Open the page here, and try again."}
	}))
	protection.AddInsecureBypassPattern(capturePath) // anybody may send to inspectors
	p.handler = protection.Handler(p.mux)
	return p, nil
}

// Stop ends what pages stream, which would go on for as long as they are open. It is
// for [http.Server.RegisterOnShutdown].
func (p *Pages) Stop() { p.stop() }

// versionOf is a hash of a static file.
func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// load reads the templates and static files. A template without a block "main" is a
// part that all pages may use.
func (p *Pages) load() error {
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		p.versions[path.Base(name)] = versionOf(text)
	}
	names, err = fs.Glob(files, "templates/*.tmpl")
	if err != nil {
		return err
	}
	parts := template.New("").Funcs(p.functions())
	pages := map[string]string{}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), `{{define "main"}}`) {
			pages[strings.TrimSuffix(path.Base(name), ".tmpl")] = string(text)
		} else if _, err := parts.Parse(string(text)); err != nil {
			return err
		}
	}
	p.templates = map[string]*template.Template{}
	for name, text := range pages {
		t, err := template.Must(parts.Clone()).Parse(text)
		if err != nil {
			return fmt.Errorf("templates/%s: %w", name, err)
		}
		p.templates[name] = t
	}
	return nil
}

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy(nil))
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	p.handler.ServeHTTP(w, r)
}

// A handler answers a request of a session, which is nil if nobody is signed in. If it
// has not written an answer, it returns an error, which is shown as a page.
type handler func(w http.ResponseWriter, r *http.Request, s *session) error

// page registers a handler that needs a session.
func (p *Pages) page(pattern string, h handler) {
	p.public(pattern, func(w http.ResponseWriter, r *http.Request, s *session) error {
		if s == nil {
			return &problem{Status: http.StatusUnauthorized}
		}
		return h(w, r, s)
	})
}

// public registers a handler that needs no session.
func (p *Pages) public(pattern string, h handler) { p.mux.Handle(pattern, p.handle(h)) }

// sessionKey is that of the session in a request's context.
type sessionKey struct{}

func (p *Pages) handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v != http.ErrAbortHandler {
					p.logger.ErrorContext(r.Context(), "panic", "page", r.Pattern, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				}
				panic(http.ErrAbortHandler) // part of the page may be out
			}
		}()
		s, err := p.session(r)
		if err == nil {
			r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, s))
			err = h(w, r, s)
		}
		if err != nil {
			p.fail(w, r, err)
		}
	})
}

// fail shows an error as a page, or the way to sign in.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for it
	}
	var shown *problem
	if !errors.As(err, &shown) {
		p.logger.ErrorContext(r.Context(), "a page failed", "page", r.Pattern, "error", err)
		shown = &problem{Status: http.StatusInternalServerError, Detail: "The page could not be made. The service's log says why."}
	}
	if isStream(r) {
		failStream(w, shown)
		return
	}
	if shown.Status == http.StatusUnauthorized && p.wasPortal(r) {
		if err := p.portalOver(w, r); err != nil {
			p.logger.ErrorContext(r.Context(), "the end of a session can't be shown", "page", r.Pattern, "error", err)
		}
		return
	}
	if shown.Status == http.StatusUnauthorized {
		p.forget(w, r)
		to := "/"
		if r.Method == http.MethodGet {
			to = r.URL.RequestURI()
		}
		http.Redirect(w, r, signInPath(to), http.StatusSeeOther)
		return
	}
	if err := p.render(w, r, shown.Status, "problem", view{Title: shown.title(), Data: shown}); err != nil {
		p.logger.ErrorContext(r.Context(), "an error can't be shown", "page", r.Pattern, "error", err)
		http.Error(w, shown.Error(), shown.Status)
	}
}

// A view is what a page shows.
type view struct {
	// Title names the page, in its heading and in the browser's tabs.
	Title string
	// Here is the entry of the navigation that the page belongs to.
	Here string
	// Robot is the robot whose page it is, if it is one's.
	Robot string
	// Data is what the page's own template shows.
	Data any

	// What render adds for the frame around the page.
	Session *session
	Notice  *notice
	Path    string
	// Framed says that the page is in a frame of another site, where browsers refuse
	// autofocus.
	Framed bool
	// Brand is that of the platform, on pages of a portal.
	Brand *brand

	portal bool // it is a page of a portal, even if there is no session
}

// render answers with a page: the template of that name.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	t := p.templates[name]
	if t == nil {
		return fmt.Errorf("there is no template %s", name)
	}
	v.Session, _ = r.Context().Value(sessionKey{}).(*session)
	switch {
	case v.Session.Portal() && name == "sign-in":
		v.Session = nil // an operator, who signs in instead
	case v.Session.Portal() || v.portal:
		p.inPortal(w, &v)
	}
	v.Path, v.Framed = r.URL.RequestURI(), p.framed(r)
	v.Notice = p.takeNotice(w, r)
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
	return nil
}

// part returns a block of a page's template, for what is streamed.
func (p *Pages) part(name, block string, data any) ([]byte, error) {
	t := p.templates[name]
	if t == nil {
		return nil, fmt.Errorf("there is no template %s", name)
	}
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, block, data)
	return b.Bytes(), err
}

// redirect answers with the way to another page, after a form was taken. That page
// shows the notice, if there is one.
func (p *Pages) redirect(w http.ResponseWriter, r *http.Request, path, text string) error {
	if text != "" {
		p.leaveNotice(w, r, notice{Kind: "good", Text: text})
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

func (p *Pages) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	version, ok := p.versions[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("v") == version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, files, "static/"+name)
}
