package pagestest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// hostile are texts that are made to be more than text.
var hostile = map[string]string{
	"a script":        `<script>alert("script")</script>`,
	"an attribute":    `"><img src=x onerror=alert('attribute')>`,
	"an end":          `</textarea></title></pre></script><b>end</b>`,
	"a template":      `{{.}} ${alert(1)}`,
	"a URL":           `javascript:alert('URL')`,
	"another host":    `https://other.example/track.png`,
	"colours":         "\x1b[31mred\x1b[0m",
	"the other way":   "\u202egnp.exe\u202c مرحبا بالعالم",
	"a long word":     strings.Repeat("W", 3000),
	"many lines":      strings.Repeat("line\n", 50),
	"__proto__":       "polluted",
	`<b>name</b>`:     "bold",
	"hx-get":          `<a hx-get="/sign-out" hx-trigger="load">x</a>`,
	"a stylesheet":    `<style>body{display:none}</style>`,
	"a meta redirect": `<meta http-equiv="refresh" content="0;url=https://other.example/">`,
}

// hostileRun publishes a run whose every text is hostile.
func (s *service) hostileRun(t *testing.T, robot string) {
	t.Helper()
	row := object{}
	for name, text := range hostile {
		row[name] = text
	}
	s.publish(t, robot, `run-<script>alert("run")</script>`, func(data object) {
		data["robot_name"] = `<script>alert("name")</script> ` + "\u202eegnahc\u202c"
		extracted := data["extracted_data"].(object)
		extracted["captured_texts"] = []object{row}
		extracted["captured_lists"] = object{`<img src=x onerror=alert("list")>`: []object{row, row}}
		data["metadata"] = object{"user_id": 1, "note": hostile["an attribute"]}
	})
}

// harmless fails if what was shown as text is anything else. That nothing ran or was
// fetched, the tab sees by itself.
func (p *tab) harmless() {
	p.t.Helper()
	for what, expression := range map[string]string{
		"links that run something": `[...document.querySelectorAll("a[href], [action], [src]")].filter(e => /^\s*(javascript|data|vbscript):/i.test(e.getAttribute("href") || e.getAttribute("action") || e.getAttribute("src"))).length`,
		"handlers in attributes":   `[...document.querySelectorAll("*")].filter(e => e.getAttributeNames().some(n => /^on/i.test(n))).length`,
		"scripts of others":        `[...document.scripts].filter(s => !["/static/", "/a/path/"].some(own => s.src.startsWith(location.origin + own))).length`,
		"elements out of text":     `document.querySelectorAll("main b, main img[src=x], main style, main meta").length`,
		"changes of prototypes":    `"polluted" in {} || Object.prototype.polluted !== undefined ? 1 : 0`,
		"pixels over the edge":     `document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth`,
	} {
		n, err := evaluate[int](p, expression)
		if err != nil {
			p.t.Fatal(err)
		}
		if n > 0 {
			p.t.Errorf("%s: %d %s", p.path(), n, what)
		}
	}
}

func TestHostileContent(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	receiver.header = http.Header{
		"Content-Type": {"text/html"}, "X-Evil": {hostile["a script"]}, "Refresh": {"0; url=https://other.example/"},
	}
	receiver.answer(http.StatusTeapot, hostile["a script"]+hostile["an end"]+hostile["colours"]+hostile["a meta redirect"])
	robot := `<script>alert("robot")</script>` + "\u202e/../x\u202c"
	id := s.endpoint(t, robot, receiver.URL+"/?"+url.QueryEscape(hostile["an attribute"]), object{
		"description": hostile["a script"] + hostile["an end"], "max_attempts": 1,
	})
	s.hostileRun(t, robot)
	eventually(t, "the receiver refuses it", func() bool { return receiver.received() > 0 })

	p := s.open(t)
	p.signIn(s.token)
	for _, page := range []struct {
		path  string
		shows string
	}{
		{"/robots", `<script>alert("robot")</script>`},
		{"/robots/" + url.PathEscape(robot), `<script>alert("robot")</script>`},
		{"/endpoints/" + id, hostile["a script"]},
		{"/endpoints/" + id + "/edit", "URL"},
		{"/endpoints/" + id + "/delete", receiver.URL},
		{"/deliveries", `<script>alert("run")</script>`},
		{"/deliveries/dlv_1", hostile["a script"]},
	} {
		p.visit(page.path)
		p.sees(page.shows)
		p.harmless()
		p.emulate(dark, 360)
		p.harmless()
		p.accessible()
	}
}

// A payload of 10 MB is shown as far as a person can read it.
func TestLargePayload(t *testing.T) {
	s := serve(t, "--max-body", "16MiB")
	receiver := newSink(t)
	s.endpoint(t, "shop", receiver.URL+"/", nil)
	s.publish(t, "shop", "run-1", func(data object) {
		rows := make([]object, 100_000)
		for i := range rows {
			rows[i] = object{"Product": fmt.Sprintf("Product %d", i), "Price": "$3,999.00", "Note": "forty characters of something that is so"}
		}
		extracted := data["extracted_data"].(object)
		extracted["captured_lists"] = object{"Best sellers": rows}
	})
	eventually(t, "it is delivered", func() bool { return receiver.received() > 0 })
	p := s.open(t)
	p.signIn(s.token)
	p.visit("/deliveries/dlv_1")
	p.sees("Best sellers", "Product 0")
	p.harmless()
	size, err := evaluate[int](p, "document.documentElement.outerHTML.length")
	if err != nil {
		t.Fatal(err)
	}
	if size > 2<<20 {
		t.Errorf("the page has %d bytes", size)
	}
}
