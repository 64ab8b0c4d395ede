package pagestest

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The browser that all tests share: each test has its own cookies in it.
var (
	startBrowser = sync.OnceValues(newBrowser)
	closeBrowser = func() {}
)

// newBrowser starts Chromium, without what it would ask other hosts for by itself.
func newBrowser() (context.Context, error) {
	file, err := chromium()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(file),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("font-render-hinting", "none"), // so that screenshots don't depend on the machine's settings
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancelBrowser := chromedp.NewContext(allocator)
	closeBrowser = func() { cancelBrowser(); cancel() }
	return ctx, chromedp.Do(ctx)
}

// missingError says what is not installed.
type missingError string

func (e missingError) Error() string { return string(e) }

// chromium returns the path of the browser.
func chromium() (string, error) {
	if file := os.Getenv("CHROMIUM"); file != "" {
		return file, nil
	}
	file, err := exec.LookPath("chromium")
	if err != nil {
		return "", missingError("chromium is not installed; scripts/chromium.sh installs it on Debian")
	}
	return file, nil
}

// axeSource is the program that finds what is not accessible.
var axeSource = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", missingError("axe-core is not installed; make test-browser installs it")
	}
	return string(text), err
})

// need returns what value does. What is not installed is a skip, and with
// REQUIRE_ALL=1 a failure.
func need[T any](t *testing.T, value func() (T, error)) T {
	t.Helper()
	v, err := value()
	if missing := missingError(""); errors.As(err, &missing) && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip(missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A tab is a tab of the browser that shows a service. Whatever the browser has to
// complain about fails its test: messages on the console, violations of the Content
// Security Policy, answers that are errors, requests to other hosts, dialogs.
type tab struct {
	t    *testing.T
	ctx  context.Context
	home string // the service's URL

	mu       sync.Mutex
	hosts    map[string]bool              // that pages may ask for something
	asked    map[network.RequestID]string // the URLs of requests
	trouble  []string
	expected []string // once each
	ignored  string   // any number of times
}

// open opens a tab with cookies of its own.
func (s *service) open(t *testing.T) *tab {
	t.Helper()
	return s.tab(t, need(t, startBrowser), chromedp.WithNewBrowserContext())
}

// another opens a tab with the cookies of p.
func (p *tab) another() *tab {
	p.t.Helper()
	return (&service{url: p.home}).tab(p.t, p.ctx)
}

func (s *service) tab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	p := s.attach(t, parent, options...)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	p.emulate(light, 1280)
	return p
}

// attach attaches to a tab, or to a frame, with chromedp's options.
func (s *service) attach(t *testing.T, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	home, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	p := &tab{t: t, home: s.url, hosts: map[string]bool{home.Host: true}, asked: map[network.RequestID]string{}}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(p.listen))...)
	p.ctx = ctx
	t.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, trouble := range p.trouble {
			t.Errorf("the browser: %s", trouble)
		}
		for _, expected := range p.expected {
			t.Errorf("the browser does not say: %s", expected)
		}
	})
	// It lives as long as the context that something is first done with.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

// listen gets what the browser says of the tab.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event := event.(type) {
	case *log.EventEntryAdded:
		// Those of the network are below, and those that are verbose are advice. Tests fill in
		// forms faster than autofocus.
		if entry := event.Entry; entry.Source != log.EntrySourceNetwork && entry.Level != log.EntryLevelVerbose &&
			!strings.HasPrefix(entry.Text, "Autofocus processing was blocked") {
			p.complain("%s: %s", entry.Level, entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		var text []string
		for _, argument := range event.Args {
			text = append(text, string(argument.Value)+argument.Description)
		}
		p.complain("console.%s: %s", event.Type, strings.Join(text, " "))
	case *runtime.EventExceptionThrown:
		p.complain("exception: %s %s", event.ExceptionDetails.Text, describe(event.ExceptionDetails.Exception))
	case *network.EventRequestWillBeSent:
		p.asked[event.RequestID] = event.Request.Method + " " + event.Request.URL
		u, err := url.Parse(event.Request.URL)
		if err != nil || u.Host != "" && !p.hosts[u.Host] {
			p.complain("a request to another host: %s", event.Request.URL)
		}
	case *network.EventResponseReceived:
		if event.Response.Status >= 400 {
			u, _ := url.Parse(event.Response.URL) // the browser has asked for it
			p.complain("status %d of %s", event.Response.Status, u.Path)
		}
	case *network.EventLoadingFailed:
		// By leaving a page, requests end. Those from before a frame was attached to are not known.
		if p.asked[event.RequestID] != "" && !event.Canceled && event.ErrorText != "net::ERR_ABORTED" {
			p.complain("a request failed: %s %s %s", event.ErrorText, event.BlockedReason, p.asked[event.RequestID])
		}
	case *page.EventJavascriptDialogOpening:
		p.complain("a dialog: %s", event.Message)
		go func() { // a listener may not call the browser
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: false})
		}()
	}
}

func describe(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

// complain takes a complaint down, unless it is expected. The caller has locked mu.
func (p *tab) complain(format string, args ...any) {
	complaint := fmt.Sprintf(format, args...)
	for i, expected := range p.expected {
		if strings.Contains(complaint, expected) {
			p.expected = append(p.expected[:i], p.expected[i+1:]...)
			return
		}
	}
	if p.ignored == "" || !strings.Contains(complaint, p.ignored) {
		p.trouble = append(p.trouble, complaint)
	}
}

// expect says that the browser will complain once, with this in its words.
func (p *tab) expect(complaint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, complaint)
}

// ignore says that the browser may complain with this in its words from now on.
func (p *tab) ignore(complaint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ignored = complaint
}

// do runs actions, with patience.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := p.try(actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) try(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// evaluate evaluates an expression in the page. Its promises are awaited.
func evaluate[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// visit goes to a path of the service.
func (p *tab) visit(path string) {
	p.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = p.home + path
	}
	if err := p.try(chromedp.Navigate(target)); err != nil {
		p.t.Fatalf("visit %s: %v", path, err)
	}
}

// path returns the path that the tab shows, with its query.
func (p *tab) path() string {
	at, err := evaluate[string](p, "location.pathname + location.search")
	if err != nil {
		return err.Error()
	}
	return at
}

// reaches waits until the tab shows a path that starts with prefix, and has loaded it:
// what is typed before that is lost.
func (p *tab) reaches(prefix string) {
	p.t.Helper()
	p.wait("the page "+prefix, func() bool {
		at, err := evaluate[string](p, `document.readyState === "complete" ? location.pathname + location.search : ""`)
		return err == nil && strings.HasPrefix(at, prefix)
	})
}

// text returns the text that the page shows.
func (p *tab) text() string {
	text, err := evaluate[string](p, "document.body.innerText")
	if err != nil {
		return "" // it is being left
	}
	return text
}

// sees waits until the page shows each text.
func (p *tab) sees(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.wait(fmt.Sprintf("the page shows %q", text), func() bool { return strings.Contains(p.text(), text) })
	}
}

// comesToShow visits a path until the page shows a text: what is not live takes that.
func (p *tab) comesToShow(path, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%s shows %q", path, text), func() bool {
		p.visit(path)
		return strings.Contains(p.text(), text)
	})
}

// lacks fails if the page shows a text.
func (p *tab) lacks(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text(), text) {
			p.t.Errorf("%s shows %q", p.path(), text)
		}
	}
}

// cannot fails if the page has a button or a link with that name.
func (p *tab) cannot(names ...string) {
	p.t.Helper()
	for _, name := range names {
		if p.locate("control", name, true) != nil {
			p.t.Errorf("%s offers %q", p.path(), name)
		}
	}
}

// wait waits until a condition holds, and shows the page if it never does.
func (p *tab) wait(what string, holds func() bool) {
	p.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: it did not happen within %v. At %s:\n%s", what, patience, p.path(), p.text())
		}
		<-ticker.C
	}
}

//go:embed locate.js
var locateJS string

// A place is where something is on the page that can be pointed at.
type place struct {
	X, Y      float64
	Tag, Type string
	Checked   bool
}

// locate finds a control (a button or a link) or a field by its name, which may be
// longer unless it is exactly this one, and scrolls to it. It is nil if there is none
// that a person could use now.
func (p *tab) locate(kind, name string, exactly bool) *place {
	found, err := evaluate[*place](p, fmt.Sprintf("(%s)(%s, %s, %t)", locateJS, quote(kind), quote(name), exactly))
	if err != nil {
		return nil // the page is being left
	}
	return found
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // of a string there is none
	}
	return string(quoted)
}

// find waits for a control or a field.
func (p *tab) find(kind, name string) (found *place) {
	p.t.Helper()
	p.wait(fmt.Sprintf("a %s %q", kind, name), func() bool {
		found = p.locate(kind, name, false)
		return found != nil
	})
	return found
}

// click clicks on the button or link with a name: a button before a link, and what is
// named so before what has this in its name.
func (p *tab) click(name string) {
	p.t.Helper()
	at := p.find("control", name)
	p.do(chromedp.MouseClickXY(at.X, at.Y))
}

// fill fills in the field with a label. Chromium answers before the text is there, so
// it waits for it.
func (p *tab) fill(label, text string) {
	p.t.Helper()
	p.find("field", label)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
	p.wait(label+" is filled in", func() bool { return read[string](p, `document.activeElement.value ?? ""`) == text })
}

// tick makes the box with a label be checked, or not.
func (p *tab) tick(label string, checked bool) {
	p.t.Helper()
	if at := p.find("field", label); at.Checked != checked {
		p.do(chromedp.MouseClickXY(at.X, at.Y))
	}
}

// press presses a key, such as kb.Enter.
func (p *tab) press(key string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(key))
}

// scripts says whether pages may run scripts.
func (p *tab) scripts(allowed bool) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !allowed})
		return err
	}))
}

// hide makes the page one that nobody looks at, as when another tab is in front.
func (p *tab) hide() {
	p.t.Helper()
	if _, err := evaluate[chromedp.Void](p, `Object.defineProperty(document, "hidden", {value: true}), document.dispatchEvent(new Event("visibilitychange"))`); err != nil {
		p.t.Fatal(err)
	}
}

// A scheme is a person's preference of colours.
type scheme string

const (
	light scheme = "light"
	dark  scheme = "dark"
)

// height is that of the window.
const height = 900

// emulate makes the tab one of a person with a preference and a window of a width, who
// wants no motion.
func (p *tab) emulate(colours scheme, width int64) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: string(colours)}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
		return err
	}))
}

// accessible fails for what axe-core finds on the page, in light and dark, wide and
// narrow, and for a page that is wider than its window.
func (p *tab) accessible() {
	p.t.Helper()
	at := p.path()
	for _, colours := range []scheme{light, dark} {
		for _, width := range []int64{360, 1920} {
			p.emulate(colours, width)
			for _, violation := range p.violations() {
				p.t.Errorf("%s, %s, %d px: %s", at, colours, width, violation)
			}
			over, err := evaluate[int](p, "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
			if err != nil {
				p.t.Fatal(err)
			}
			if over > 0 {
				p.t.Errorf("%s, %d px: the page is %d px wider than its window", at, width, over)
			}
		}
	}
	p.emulate(light, 1280)
}

// violations returns what axe-core finds on the page as it is: rules of WCAG 2.2, at
// levels A and AA.
func (p *tab) violations() []string {
	p.t.Helper()
	source := need(p.t, axeSource)
	if _, err := evaluate[chromedp.Void](p, "if (!window.axe) {"+source+"}"); err != nil {
		p.t.Fatal(err)
	}
	found, err := evaluate[[]struct {
		ID, Help string
		Nodes    []struct {
			Target         []any
			FailureSummary string
		}
	}](p, `axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"], iframes: false,
	}).then(r => r.violations)`)
	if err != nil {
		p.t.Fatalf("axe-core on %s: %v", p.path(), err)
	}
	var violations []string
	for _, v := range found {
		for _, node := range v.Nodes {
			violations = append(violations, fmt.Sprintf("%s (%s) at %v: %s", v.Help, v.ID, node.Target, node.FailureSummary))
		}
	}
	return violations
}

// remember makes isTheSame tell this document from another one.
func (p *tab) remember() {
	p.t.Helper()
	if _, err := evaluate[chromedp.Void](p, "window.remembered = true"); err != nil {
		p.t.Fatal(err)
	}
}

// isTheSame fails if the document was loaded anew since it was to be remembered.
func (p *tab) isTheSame() {
	p.t.Helper()
	if same, err := evaluate[bool](p, "window.remembered === true"); err != nil || !same {
		p.t.Errorf("%s was loaded anew (%v)", p.path(), err)
	}
}

// signIn signs in with a token.
func (p *tab) signIn(token string) {
	p.t.Helper()
	p.visit("/sign-in")
	p.fill("Token", token)
	p.click("Sign in")
	p.reaches("/robots")
}
