package pagestest

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// siteFolder writes the site, once, and returns where it is.
var siteFolder = sync.OnceValues(func() (string, error) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "bindings", "wasm", "runhooks.wasm")); errors.Is(err, fs.ErrNotExist) {
		return "", missingError("bindings/wasm/runhooks.wasm is not built; make test-browser builds it")
	}
	folder := filepath.Join(scratch, "site")
	write := exec.Command("go", "run", "./internal/site", "-out", folder)
	write.Dir = root
	if out, err := write.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go run ./internal/site: %w\n%s", err, out)
	}
	return folder, nil
})

// A site is the site on a server of static files, below a path.
type site struct {
	service
	mu    sync.Mutex
	asked []string
	odd   func(w http.ResponseWriter, path string) (answered bool) // of a server; may be nil
}

// serveSite serves the site, with the policy of each page as a header, and that of
// index.html as one of all other files.
func serveSite(t *testing.T) *site {
	t.Helper()
	folder := need(t, siteFolder)
	policies := map[string]string{}
	for _, name := range []string{"index.html", "contract.html"} {
		page, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]+)"`).FindSubmatch(page)
		if policy == nil || !strings.HasPrefix(string(policy[1]), "default-src 'none'; ") || strings.Contains(string(policy[1]), "unsafe-inline") {
			t.Fatalf("%s has the policy %q", name, policy)
		}
		policies["/a/path/"+name] = string(policy[1])
	}
	s := &site{}
	files := http.StripPrefix("/a/path", http.FileServer(http.Dir(folder)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.RequestURI)
		odd := s.odd
		s.mu.Unlock()
		policy, ok := policies[r.URL.Path]
		if !ok {
			policy = policies["/a/path/index.html"]
		}
		w.Header().Set("Content-Security-Policy", policy)
		if odd != nil && odd(w, r.URL.Path) {
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// start opens the page, and waits until it can judge.
func (s *site) start(t *testing.T) *tab {
	t.Helper()
	p := s.open(t)
	p.visit("/a/path/")
	p.wait("the module is loaded", func() bool {
		ready, err := evaluate[bool](p, `"ready" in document.documentElement.dataset`)
		return err == nil && ready
	})
	return p
}

// vector returns the payload of a vector.
func vector(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", "vectors", "*", name+".json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("vector %s: %q, %v", name, found, err)
	}
	payload, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// paste has a person paste a text into the empty text area.
func (p *tab) paste(text string) {
	p.t.Helper()
	p.js(fmt.Sprintf(`(() => {
		const data = new DataTransfer()
		data.setData("text/plain", %s)
		const area = document.getElementById("input")
		area.focus()
		area.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}))
	})()`, quote(text)))
}

// drop has a person drop files on the page: names and contents, by turns.
func (p *tab) drop(files ...string) {
	p.t.Helper()
	text, err := json.Marshal(files)
	if err != nil {
		p.t.Fatal(err)
	}
	p.js(fmt.Sprintf(`(() => {
		const data = new DataTransfer(), files = %s
		for (let i = 0; i < files.length; i += 2) data.items.add(new File([files[i + 1]], files[i]))
		for (const type of ["dragenter", "dragover", "drop"]) {
			document.getElementById("main").dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}))
		}
	})()`, text))
}

// js runs a script that returns nothing.
func (p *tab) js(script string) {
	p.t.Helper()
	if _, err := evaluate[any](p, script+", undefined"); err != nil {
		p.t.Fatal(err)
	}
}

// read evaluates an expression of the page.
func read[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := evaluate[T](p, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

type vectorExpectation struct {
	Verdict  string
	Findings []vectorFinding
}

type vectorFinding struct {
	Code, Severity, Pointer string
	Line, Column            int
}

// TestSiteVectors: what the page shows of a payload is what its vector says, and each
// place can be gone to.
func TestSiteVectors(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	for _, name := range []string{
		"page.run-completed", "page.run-failed", "page.run-completed-as-printed", "wild.ui-extract", "wild.extract-0.0.24-list-holes",
		"wild.failed-partial-data", "rule.everything-at-once", "column.cjk", "document.crlf-place", "truncated.in-row",
	} {
		payload := vector(t, name)
		var want vectorExpectation
		if err := json.Unmarshal([]byte(vector(t, name+".expect")), &want); err != nil {
			t.Fatal(err)
		}
		p.paste(payload)
		p.wait(name+" is judged", func() bool {
			return read[string](p, `document.getElementById("result").hidden ? "" : document.querySelector("#verdict-title .chip").textContent`) == want.Verdict
		})
		places := 0
		for i := range read[int](p, `document.querySelectorAll("#findings li").length`) {
			shown := read[string](p, fmt.Sprintf(`document.getElementById("finding-%d").innerText`, i))
			at := slices.IndexFunc(want.Findings, func(f vectorFinding) bool {
				return strings.Contains(shown, f.Severity) && strings.Contains(shown, fmt.Sprintf("\n%s · line %d, column %d", f.Code, f.Line, f.Column))
			})
			if at < 0 {
				t.Fatalf("%s: the vector has no finding %d:\n%s", name, i, shown)
			}
			f := want.Findings[at]
			places++
			var more int
			if _, err := fmt.Sscanf(shown[max(0, strings.LastIndex(shown, "\nand ")+1):], "and %d more like it", &more); err == nil {
				places += more
			}
			p.js(fmt.Sprintf(`document.querySelector("#finding-%d .place").click()`, i))
			// The row of the current mark, or one above it, has the number of the line.
			line := read[string](p, `(() => {
				const mark = document.querySelector("#text mark.current")
				if (!mark) return "no mark"
				const view = document.getElementById("text").getBoundingClientRect(), box = mark.getBoundingClientRect()
				if (box.top < view.top || box.bottom > view.bottom) return "not in view"
				let row = mark.closest(".line")
				while (row.firstChild.textContent === "" && row.previousSibling) row = row.previousSibling
				return row.firstChild.textContent
			})()`)
			if line != fmt.Sprint(f.Line) {
				t.Errorf("%s: finding %d at line %d is shown at %s", name, i, f.Line, line)
			}
		}
		if places != len(want.Findings) {
			t.Errorf("%s: %d findings are shown, want %d", name, places, len(want.Findings))
		}
		p.harmless()
		p.click("Start over")
		p.wait("the page is as it was", func() bool { return read[bool](p, `document.getElementById("result").hidden`) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	files := []string{"GET /a/path/"}
	for _, name := range []string{"create.js", "icon.svg", "layout.js", "local.js", "main.js", "page.css", "rows.js", "runhooks.wasm.gz", "samples.json", "site.css", "view.js", "worker.js"} {
		files = append(files, "GET /a/path/"+name)
	}
	for _, asked := range s.asked {
		if !slices.Contains(files, asked) {
			t.Errorf("the page asks for %s", asked)
		}
	}
}

// shows waits until the page shows a payload with a verdict, and something of it.
func (p *tab) shows(verdict string, texts ...string) {
	p.t.Helper()
	p.wait("the payload "+verdict, func() bool {
		at, err := evaluate[string](p, `document.getElementById("result").hidden ? "" : document.querySelector("#verdict-title .chip").textContent`)
		return err == nil && at == verdict
	})
	p.sees(texts...)
}

// saved returns the text of what the page offers as a download when a button is clicked.
func (p *tab) saved(button string) string {
	p.t.Helper()
	p.js(`window.blob = undefined, URL.createObjectURL = (blob) => (window.blob = blob, "#")`)
	p.click(button)
	p.wait("a download", func() bool { return read[bool](p, `window.blob !== undefined`) })
	return read[string](p, `window.blob.text()`)
}

// normalized returns what runhooks normalize writes for a payload.
func normalized(t *testing.T, payload string, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "payload.json")
	if err := os.WriteFile(file, []byte(payload), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, trouble strings.Builder
	normalize := exec.Command(need(t, program), append([]string{"normalize", file}, flags...)...)
	normalize.Stdout, normalize.Stderr = &out, &trouble
	if err := normalize.Run(); err != nil {
		t.Fatalf("%v\n%s", err, trouble.String())
	}
	return out.String()
}

// TestSiteEvent: of a payload that conforms or deviates there is the canonical event, and
// its rows, as the command has them.
func TestSiteEvent(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	for _, name := range []string{"wild.ui-extract", "wild.extract-0.0.15-null-cell", "number.any-in-unknown-member"} {
		p.paste(vector(t, name))
		p.sees("Canonical event")
		got := p.saved("Download JSON")
		// All digits of numbers are there, and all is in its order.
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(got)); err != nil {
			t.Fatal(err)
		}
		if want := normalized(t, vector(t, name)); compact.String() != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s: the canonical event is\n%s\nwant\n%s", name, compact.String(), want)
		}
		p.click("Start over")
	}

	// Formulas, names of columns that the lead has, and cells to quote.
	rows := `[{"Name":"=1+1","run_id":"x","Price":"-5,0 %"},{"Name":" +cmd|' /C calc'!A0","Price":"-12.5%"},{"Name":"＝A1","2":"two","1":"one;\"quoted\"\r\n"},{"Name":"@x","__proto__":" padded "}]`
	cells, err := json.Marshal([]string{
		"+1", "+1a", "-", "--1", "\t=1", "\r1", "\n1", "  =x", "＋1", "－", "-5%", "-5%%", "+1,5.%", "+1\n", "x;y", "x\ty", "x\"y", " x", "x ",
		"\u00a0x", "x\u3000", "\ufeffx", "\u0085x", "x\u2028", "\u200bx", "\v", "=", "@", "", "0", "%", "٣", "-٣",
	})
	if err != nil {
		t.Fatal(err)
	}
	odd := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(string(cells), `{"Cell":$0}`)
	rows = strings.TrimSuffix(rows, "]") + "," + strings.TrimPrefix(odd, "[")
	payload := strings.Replace(strings.Replace(vector(t, "page.run-completed"), `"test"`, `"success"`, 1), `"captured_lists": {`, `"captured_lists": {"odd": `+rows+`,`, 1)
	p.paste(payload)
	p.sees("Captured list odd", "-12.5%")
	got := p.saved("Download CSV")
	csv := filepath.Join(t.TempDir(), "rows.csv")
	normalized(t, payload, "--rows", csv)
	if text, err := os.ReadFile(csv); err != nil || got != string(text) {
		t.Errorf("the rows are\n%s\nwant (%v)\n%s", got, err, text)
	}
}

// TestSiteFiles: files are dropped, and NDJSON has many payloads.
func TestSiteFiles(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	line := func(name string) string {
		var v any
		if err := json.Unmarshal([]byte(vector(t, name)), &v); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	p.drop(
		"one.json", vector(t, "wild.ui-search"),
		"broken.json", vector(t, "page.run-completed-as-printed"),
		"many.ndjson", "\ufeff"+line("page.run-completed")+"\r\n\n"+strings.Repeat(line("wild.ui-extract")+"\n", 148),
	)
	p.sees("151 payloads: 1 conforms, 149 deviate, 1 invalid", "one.json", "many.ndjson:1", "Checked 151 payloads.")
	p.shows("deviates", "run_completed", "Search")
	p.accessible()
	p.click("Next")
	p.sees("101–151 of 151", "many.ndjson:150")
	p.choose("Show", "conforms")
	p.click("many.ndjson:1")
	p.shows("conforms")
	p.choose("Show", "invalid")
	p.click("broken.json")
	p.shows("invalid", "json.syntax", "not JSON")
	if events := strings.Count(p.saved("Events (NDJSON)"), "\n"); events != 150 {
		t.Errorf("there are %d events, want 150", events)
	}
	if rows := p.saved("Rows (CSV)"); strings.Count(rows, "Flesland") != 148 {
		t.Errorf("the rows are\n%.1000s", rows)
	}

	p.click("Start over")
	p.paste(line("page.run-failed") + "\n" + line("wild.test") + "\n")
	p.sees("2 payloads: 1 conforms, 1 deviates, 0 invalid", "line 2")
	p.js(`(() => {
		const data = new DataTransfer()
		const text = new Uint16Array(Array.from("\ufeff" + ` + quote(line("wild.test")+"\r\n"+line("page.run-failed")) + `, (c) => c.charCodeAt(0)))
		data.items.add(new File([text], "powershell.jsonl"))
		const packed = new Response(new Blob([` + quote(line("wild.test")) + `]).stream().pipeThrough(new CompressionStream("gzip")))
		packed.blob().then((blob) => {
			data.items.add(new File([blob], "one.json.gz"))
			document.getElementById("main").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}))
		})
	})()`)
	p.sees("3 payloads: 1 conforms, 2 deviate, 0 invalid", "powershell.jsonl:2", "one.json.gz")
	p.drop("pretty.ndjson", vector(t, "page.run-completed"))
	p.shows("conforms", "pretty.ndjson")
	p.drop("nothing.ndjson", "\n\n")
	p.sees("nothing.ndjson has no payload.")
}

// TestSiteFolder: a folder is dropped, as a person does.
func TestSiteFolder(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	folder := filepath.Join(t.TempDir(), "captures")
	for name, text := range map[string]string{
		"2026-11/a.json": vector(t, "wild.ui-extract"), "2026-11/b.json": vector(t, "page.run-failed"), "c.json": "{", "readme.txt": "captured in November", "x.har": "{}",
	} {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, input.DispatchDragEvent, input.DispatchDragEventParams{
				Type: kind, X: 300, Y: 300, Data: &input.DragData{Items: []*input.DragDataItem{}, Files: []string{folder}, DragOperationsMask: 1},
			})
			return err
		}))
	}
	p.sees("3 payloads: 1 conforms, 1 deviates, 1 invalid", "captures/2026-11/a.json", "2 files of the folders are left out")
}

// choose chooses an option by its value.
func (p *tab) choose(label, value string) {
	p.t.Helper()
	p.find("field", label)
	p.js(fmt.Sprintf(`(() => { const select = document.activeElement; select.value = %s; select.dispatchEvent(new Event("change")) })()`, quote(value)))
}

// TestSiteOptions: a server's zone and locale say when its runs were, and a wrong one is
// told.
func TestSiteOptions(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	p.choose("Sample", "samples/wild.locale-de.json")
	p.shows("deviates", "Canonical event", "parse it as local text")
	p.click("Options")
	p.fill("Time zone of the server", "Europe/Berlin")
	p.press("\r")
	p.fill("Its locale", "de-DE")
	p.press("\r")
	p.wait("the instant of the start", func() bool {
		return read[int](p, `(document.getElementById("event-text").innerText.match(/"instant"/g) ?? []).length`) == 3
	})
	p.lacks(`"provenance"`)
	p.tick("Say where in the payload", true)
	p.wait("where the id of the robot is from", func() bool {
		p.js(`document.getElementById("event-text").scrollTop = 1e9`)
		return strings.Contains(p.text(), `"/run/robot_id": "/data/robot_id"`)
	})
	p.choose("I am", "sender")
	p.wait("hints for senders", func() bool { return !strings.Contains(p.text(), "parse it as local text") })
	p.accessible()
	p.fill("Time zone of the server", "Europe/Nowhere")
	p.press("\r")
	p.sees("the option zone is")
}

// large makes a payload of 10 MB, in one line, in the page.
const large = `(() => {
	const row = (i) => '{"Product":"Product ' + i + '","Price":' + (i % 1000 ? '"$3,999.00"' : "null") + ',"Note":"forty characters of something that is so"}'
	const rows = Array.from({length: 100_000}, (_, i) => row(i)).join(",")
	return '{"event_type":"run_completed","timestamp":"2026-11-02T07:15:26.480Z","webhook_id":"w","data":{"robot_id":"r","run_id":"u","robot_name":"Shop","status":"success","started_at":"2026-11-02T07:15:20.480Z","finished_at":"2026-11-02T07:15:26.480Z","extracted_data":{"captured_texts":[],"captured_lists":{"Best sellers":[' + rows + ']},"total_rows":100000,"captured_texts_count":0,"captured_lists_count":100000,"screenshots_count":0},"metadata":{}}}'
})()`

// TestSiteLargePayload: while 10 MB are judged, the page answers; and it shows a part.
func TestSiteLargePayload(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	for _, how := range []string{
		`new DragEvent("drop", {dataTransfer: (data => (data.items.add(new File([window.large], "large.json")), data))(new DataTransfer()), bubbles: true, cancelable: true})`,
		`new ClipboardEvent("paste", {clipboardData: (data => (data.setData("text/plain", window.large), data))(new DataTransfer()), bubbles: true, cancelable: true})`,
	} {
		p.js(`window.large = ` + large + `, window.taken = ` + how)
		// What follows is timed in the page: an answer to a click before the verdict comes, and
		// the longest that the page did not answer.
		took := read[struct{ Clicked, Judged, Longest float64 }](p, `new Promise((resolve) => {
			const measured = {clicked: 0, judged: 0, longest: 0}
			const options = document.getElementById("options")
			options.open = false
			new PerformanceObserver((list) => {
				for (const {duration} of list.getEntries()) measured.longest = Math.max(measured.longest, duration)
			}).observe({type: "longtask"})
			const start = performance.now()
			options.addEventListener("toggle", () => { measured.clicked ||= performance.now() - start })
			new MutationObserver(() => {
				if (document.getElementById("result").hidden) return
				measured.judged ||= performance.now() - start
				setTimeout(() => resolve(measured), 200)
			}).observe(document.getElementById("result"), {attributes: true})
			document.getElementById("input").dispatchEvent(window.taken)
			setTimeout(() => options.querySelector("summary").click())
		})`)
		t.Logf("a click is answered after %.0f ms, the verdict is there after %.0f ms, and the longest task takes %.0f ms", took.Clicked, took.Judged, took.Longest)
		if took.Clicked == 0 || took.Clicked > took.Judged/2 {
			t.Errorf("a click is answered after %.0f ms, and the verdict is there after %.0f ms", took.Clicked, took.Judged)
		}
		if took.Longest > took.Judged/2 {
			t.Errorf("a task takes %.0f ms of the %.0f ms until the verdict", took.Longest, took.Judged)
		}
		p.shows("deviates", "Best sellers", "Product 199", "dialect.null-cell")
		if n := read[int](p, `document.querySelectorAll("*").length`); n > 8000 {
			t.Errorf("the page has %d elements", n)
		}
		// The last mark is far within the line.
		p.js(`[...document.querySelectorAll("#findings li")].find((li) => li.innerText.includes("dialect.null-cell")).querySelector(".place").click()`)
		if mark := read[string](p, `document.querySelector("#text mark.current").textContent`); mark != "null" {
			t.Errorf("the mark is at %q", mark)
		}
		// The end can be scrolled to.
		p.js(`document.getElementById("event-text").scrollTop = 1e9`)
		p.wait("the end of the event", func() bool {
			return strings.HasSuffix(strings.TrimSpace(read[string](p, `document.getElementById("event-text").innerText`)), "}")
		})
		p.harmless()
		p.click("Start over")
	}

	// What is no longer wanted is not shown.
	p.js(`document.getElementById("input").dispatchEvent(window.taken)`)
	p.click("Start over")
	p.lacks("Checking")
	p.paste(vector(t, "page.run-failed"))
	p.shows("conforms", "run_failed")
	p.lacks("Best sellers")
}

// TestSiteHostile: whatever a payload is, it is text, and there is only so much of it.
func TestSiteHostile(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	row, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	name, err := json.Marshal(hostile["a script"] + hostile["the other way"] + hostile["a long word"])
	if err != nil {
		t.Fatal(err)
	}
	evil := strings.Replace(vector(t, "page.run-completed"), `"captured_lists": {`, fmt.Sprintf(`%s: 1, "captured_lists": {%s: [%s],`, name, name, row), 1)
	p.paste(evil)
	p.shows("conforms", `<script>alert("script")</script>`, `\u202egnp.exe`, `\u001b[31mred`)
	p.harmless()
	p.emulate(dark, 360)
	p.settles()
	p.harmless()
	p.emulate(light, 1280)
	p.settles()

	for what, payload := range map[string]string{
		"deep":            strings.Repeat(`[`, 1_000_000),
		"deep and closed": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"control bytes":   strings.Repeat("\x00\x1b\u202e\u2066\r", 100_000),
		"lines":           strings.Repeat("\n", 3_000_000) + "x",
		"a long string":   `{"event_type":"` + strings.Repeat("x", 3_000_000),
		"zalgo":           `{"event_type":"` + strings.Repeat("x"+strings.Repeat("\u0301", 300), 2000) + `"}`,
		"many findings":   `{"event_type":"run_completed","data":{"extracted_data":{"captured_lists":{` + strings.Repeat(`"a":[{"x":1}],`, 20_000) + `"b":[]}}}}`,
		"unknown names":   `{"event_type":"run_completed"` + manyNames(20_000) + `}`,
		"nothing":         " ",
		"a null":          "null",
	} {
		p.js(`document.getElementById("clear").click()`)
		p.drop(what+".json", payload)
		p.shows("invalid", what)
		if n := read[int](p, `document.querySelectorAll("*").length`); n > 8000 {
			t.Errorf("%s: the page has %d elements", what, n)
		}
		p.js(`document.getElementById("text").scrollTop = 1e9`)
		p.harmless()
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"unknown %d":null`, i)
	}
	return b.String()
}

// TestSiteLink: a link has the payload, and no server sees it.
func TestSiteLink(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	p.js(`Object.defineProperty(navigator, "clipboard", {value: {writeText: async (text) => { window.copied = text }}})`)
	p.paste(vector(t, "wild.ui-failed"))
	p.shows("deviates")
	p.click("Copy a link")
	p.sees("Copied")
	link := read[string](p, `window.copied`)
	if !strings.HasPrefix(link, s.url+"/a/path/#payload=") {
		t.Fatalf("the link is %s", link)
	}
	other := s.open(t)
	other.visit(link)
	other.shows("deviates", "run_failed")
	if at := read[string](other, `location.href`); at != link {
		t.Errorf("the link has become %s", at)
	}
	for what, bad := range map[string]string{"no payload": "AAAA", "a bomb": bomb(t)} {
		other.js(fmt.Sprintf(`location.hash = "#payload=%s"`, bad))
		other.wait(what, func() bool { return strings.Contains(other.text(), "The link has no payload that can be read") })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		if strings.Contains(asked, "payload") {
			t.Errorf("the server is asked for %s", asked)
		}
	}
}

// bomb is a link's payload of a few bytes that are many when unpacked.
func bomb(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// TestSiteAsFile: a page that is opened as a file says what to do.
func TestSiteAsFile(t *testing.T) {
	folder, err := filepath.Abs(need(t, siteFolder))
	if err != nil {
		t.Fatal(err)
	}
	p := serveSite(t).open(t)
	p.ignore("main.js")
	p.visit("file://" + filepath.ToSlash(folder) + "/index.html")
	p.sees("This page was opened as a file", "go run ./internal/site -serve")
	if read[bool](p, `document.getElementById("intake").checkVisibility()`) {
		t.Error("the page takes payloads all the same")
	}
}

// TestSiteServers: some servers say that the module is packed, so that the browser unpacks
// it, and some don't have it.
func TestSiteServers(t *testing.T) {
	s := serveSite(t)
	s.odd = func(w http.ResponseWriter, path string) bool {
		if strings.HasSuffix(path, ".gz") {
			w.Header().Set("Content-Encoding", "gzip")
		}
		return false
	}
	p := s.start(t)
	p.paste(vector(t, "page.run-failed"))
	p.shows("conforms")

	s.mu.Lock()
	s.odd = func(w http.ResponseWriter, path string) bool {
		if !strings.HasSuffix(path, ".gz") {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	s.mu.Unlock()
	p = s.open(t)
	p.visit("/a/path/")
	p.sees("The module that judges payloads can't be loaded: runhooks.wasm.gz can't be fetched: status 404")
	p.accessible()
}

// TestSitePolicy: neither the page nor its worker can send anything elsewhere, or run what
// is not a file of the site.
func TestSitePolicy(t *testing.T) {
	s := serveSite(t)
	s.odd = func(w http.ResponseWriter, path string) bool {
		if !strings.HasSuffix(path, "/probe.js") {
			return false
		}
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `addEventListener("securitypolicyviolation", (event) => postMessage(event.effectiveDirective))
			fetch("http://127.0.0.1:1/").catch(() => {})`)
		return true
	}
	p := s.start(t)
	p.mu.Lock()
	p.hosts["127.0.0.1:1"] = true // it is asked nothing, as seen below
	p.mu.Unlock()
	p.ignore("olicy") // the browser says so once or twice: for the header, and for the page's own
	p.expect(" csp GET http://127.0.0.1:1/x.png")
	for _, tried := range []struct{ script, directive string }{
		{`fetch("http://127.0.0.1:1/").catch(() => {})`, "connect-src"},
		{`navigator.sendBeacon("http://127.0.0.1:1/", "x")`, "connect-src"},
		{`new Image().src = "http://127.0.0.1:1/x.png"`, "img-src"},
		{`document.body.append(Object.assign(document.createElement("script"), {textContent: "0"}))`, "script-src-elem"},
		{`document.body.append(Object.assign(document.createElement("iframe"), {src: "http://127.0.0.1:1/"}))`, "frame-src"},
		{`document.body.append(Object.assign(document.createElement("form"), {action: "http://127.0.0.1:1/"})), document.body.lastChild.submit()`, "form-action"},
		{`document.body.setAttribute("style", "color: red")`, "style-src-attr"},
	} {
		p.refuses(tried.script, tried.directive)
	}
	if refused := read[string](p, `new Promise((resolve) => { new Worker("probe.js").onmessage = ({data}) => resolve(data) })`); refused != "connect-src" {
		t.Errorf("a request of a worker is refused by %q", refused)
	}
}

// TestSiteKeyboard: all of it works without a mouse.
func TestSiteKeyboard(t *testing.T) {
	s := serveSite(t)
	p := s.start(t)
	p.accessible()
	p.fill("Payload", strings.ReplaceAll(vector(t, "page.run-completed-as-printed"), "\n", " "))
	p.press(kb.Tab)
	p.press(kb.Enter) // Check
	p.shows("invalid", "json.syntax")
	p.js(`document.querySelector("#findings .place").focus()`)
	p.press(kb.Enter)
	if at := read[string](p, `document.activeElement.id + " " + (document.querySelector("#text mark.current") !== null)`); at != "text true" {
		t.Errorf("the focus is at %s", at)
	}
	p.js(`document.getElementById("edit").focus()`)
	p.press(kb.Enter)
	if at := read[string](p, `document.activeElement.id`); at != "input" {
		t.Errorf("the focus is at %s", at)
	}
	p.js(`document.getElementById("input").value = ` + quote(vector(t, "page.run-failed")))
	p.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	p.shows("conforms", "run_failed")
	if said := read[string](p, `document.getElementById("status").textContent`); said != "The payload conforms: 0 findings." {
		t.Errorf("a screen reader says %q", said)
	}

	// What was dropped can be changed, too.
	p.drop("dropped.json", vector(t, "wild.ui-failed"))
	p.shows("deviates", "dropped.json")
	p.click("Edit")
	if text := read[string](p, `document.getElementById("input").value`); text != vector(t, "wild.ui-failed") {
		t.Errorf("the text to change is %q", text)
	}
}

// TestSiteContract: the page of the contract is one file, can be used by anybody, and
// the two pages lead to each other.
func TestSiteContract(t *testing.T) {
	s := serveSite(t)
	p := s.open(t)
	p.visit("/a/path/contract.html")
	p.sees("run_completed", "robotId", "How servers differ", "dialect.field-case", "Rulings on both events")
	p.js(`document.querySelectorAll("details").forEach((details) => { details.open = true })`)
	p.accessible()
	for _, colours := range []scheme{light, dark} {
		p.emulate(colours, 320)
		if over := read[int](p, "document.scrollingElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s: the page is %d px wider than a window of 320 px", colours, over)
		}
		bright := read[string](p, `getComputedStyle(document.body).backgroundColor`) == "rgb(246, 245, 242)"
		if bright != (colours == light) {
			t.Errorf("%s: the page is bright: %t", colours, bright)
		}
	}
	p.emulate(light, 1280)

	p.click("Copy the payload of run_failed")
	p.sees("Copied")

	p.click("Check")
	p.reaches("/a/path/")
	s.mu.Lock()
	if s.asked[0] != "GET /a/path/contract.html" || s.asked[1] != "GET /a/path/" {
		t.Errorf("the page asks for %q", s.asked[:2])
	}
	s.mu.Unlock()
	p.click("Contract")
	p.reaches("/a/path/contract.html")

	// A finding leads to what its code means.
	p = s.start(t)
	p.paste(vector(t, "wild.locale-de"))
	p.shows("deviates")
	to := read[string](p, `[...document.querySelectorAll("#findings a")].find((a) => a.textContent === "dialect.local-time").href`)
	if !strings.HasSuffix(to, "/a/path/contract.html#dialect.local-time") {
		t.Errorf("a finding leads to %s", to)
	}
}

// TestSiteContractLinks: a link to a part of the contract shows that part, under nothing
// else, and also where it was hidden.
func TestSiteContractLinks(t *testing.T) {
	p := serveSite(t).open(t)
	shown := func(id string) {
		t.Helper()
		p.wait(id+" is shown", func() bool {
			return read[bool](p, fmt.Sprintf(`(() => {
				const target = document.getElementById(%s), {top, left} = target.getBoundingClientRect()
				return document.querySelector(":target") === target && top >= 0 && top < innerHeight / 4 &&
					target.contains(document.elementFromPoint(left + 20, top + 8))
			})()`, quote(id)))
		})
	}
	for _, width := range []int64{1280, 320} {
		p.emulate(light, width)
		for _, id := range []string{
			"run_completed.data.finished_at", "run_failed.data.robotId", "run_failed.data.error.stack", "run_completed.data.extracted_data.total_rows",
			"object-data.metadata", "ruling-count-rows", "dialect.local-time", "run_failed",
		} {
			p.visit("/a/path/contract.html?" + id + "#" + id) // another page each time, which is loaded
			shown(id)
		}
	}
	p.emulate(light, 1280)
	p.visit("/a/path/contract.html")
	p.click(`"webhook_id"`) // in a payload
	shown("run_completed.webhook_id")

	p.fill("Filter members, rulings and codes", "user_id quotes")
	p.sees("dialect.user-id-string")
	if found := read[string](p, `document.getElementById("filtered").textContent`); !regexp.MustCompile(`^[1-9]\d* of \d+$`).MatchString(found) {
		t.Errorf("the filter says %q", found)
	}
	p.lacks("captured_texts_count", "strict JSON", "Standard Webhooks")
	for _, violation := range p.violations() {
		t.Errorf("filtered: %s", violation)
	}
	p.click("captured_texts[]")
	shown("object-data.extracted_data.captured_texts")
	p.sees("strict JSON", "Standard Webhooks")
}

// TestSiteContractByItself: the page works as a file, by the keyboard, and without
// scripts; and its policy holds.
func TestSiteContractByItself(t *testing.T) {
	folder, err := filepath.Abs(need(t, siteFolder))
	if err != nil {
		t.Fatal(err)
	}
	s := serveSite(t)
	p := s.open(t)
	p.visit("file://" + filepath.ToSlash(folder) + "/contract.html")
	p.sees("Rulings on both events")
	p.press(kb.Tab)
	p.press(kb.Enter) // Skip to the contract
	if at := read[string](p, `location.hash + " " + document.activeElement.id`); at != "#main main" {
		t.Errorf("the first link leads to %s", at)
	}

	p.scripts(false)
	p.visit("/a/path/contract.html")
	p.sees("Rulings on both events")
	p.lacks("Copy")
	p.scripts(true)

	p = s.open(t)
	p.visit("/a/path/contract.html")
	p.mu.Lock()
	p.hosts["127.0.0.1:1"] = true // it is asked nothing, as seen below
	p.mu.Unlock()
	p.ignore("olicy")
	p.expect(" csp GET http://127.0.0.1:1/x.png")
	for _, tried := range []struct{ script, directive string }{
		{`fetch("http://127.0.0.1:1/").catch(() => {})`, "connect-src"},
		{`new Image().src = "http://127.0.0.1:1/x.png"`, "img-src"},
		{`document.body.append(Object.assign(document.createElement("script"), {textContent: "0"}))`, "script-src-elem"},
		{`document.head.append(Object.assign(document.createElement("style"), {textContent: "p {}"}))`, "style-src-elem"},
	} {
		p.refuses(tried.script, tried.directive)
	}
}

// refuses fails unless a directive of the page's policy refuses what a script does.
func (p *tab) refuses(script, directive string) {
	p.t.Helper()
	refused := read[string](p, `new Promise((resolve) => {
		document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), {once: true})
		`+script+`
	})`)
	if refused != directive {
		p.t.Errorf("%s is refused by %q, want %q", script, refused, directive)
	}
}
