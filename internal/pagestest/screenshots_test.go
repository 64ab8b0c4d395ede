package pagestest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "write screenshots of all pages to this `folder`")

// maxHeight is that of a screenshot: of a long page, the beginning is enough.
const maxHeight = 1500

// screenshot writes pictures of the page: light and dark, wide and narrow.
func (p *tab) screenshot(name string) {
	p.t.Helper()
	for _, colours := range []scheme{light, dark} {
		for _, size := range []struct {
			name  string
			width int64
		}{{"wide", 1280}, {"narrow", 360}} {
			p.emulate(colours, size.width)
			p.settles()
			long, err := evaluate[float64](p, "scrollTo(0, 0), Math.ceil(document.body.getBoundingClientRect().height)")
			if err != nil {
				p.t.Fatal(err)
			}
			var taken page.CaptureScreenshotResult
			p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) (err error) {
				beyond := true
				taken, err = cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
					CaptureBeyondViewport: &beyond,
					Clip:                  &page.Viewport{Width: float64(size.width), Height: min(max(long, 240), maxHeight), Scale: 1},
				})
				return err
			}))
			small, err := shrink(taken.Data)
			if err != nil {
				p.t.Fatal(err)
			}
			file := filepath.Join(*screenshots, fmt.Sprintf("%s-%s-%s.png", name, colours, size.name))
			if err := os.WriteFile(file, small, 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.emulate(light, 1280)
}

// settles waits until the page has what it makes anew for its width.
func (p *tab) settles() {
	p.t.Helper()
	p.wait("the page has settled", func() bool {
		return read[bool](p, `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(!document.querySelector("main [aria-busy=true]")))))`)
	})
}

// shrink encodes a picture with at most 256 colours: the most frequent ones, and for
// each other the nearest of them.
func shrink(text []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	counts := map[color.RGBA]int{}
	bounds := from.Bounds()
	at := func(x, y int) color.RGBA {
		return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	colours := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	var palette color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	to := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			to.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}

// TestScreenshots shows each page, with some data of each kind.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("make screenshots writes them")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--brand-name", "Acme Robots", "--brand-color", "#0a5c36")
	good, failing := newSink(t), newSink(t)
	failing.answer(http.StatusInternalServerError, "the database is down")
	working := s.endpoint(t, "price-watch", good.URL+"/runs", object{"description": "Prices for the warehouse"})
	broken := s.endpoint(t, "price-watch", failing.URL+"/hooks/prices", object{"events": []string{"run_completed"}, "retry_delays": []int{1, 600}})
	s.endpoint(t, "news", good.URL+"/news", object{"active": false})
	for i := range 9 {
		s.publish(t, "price-watch", fmt.Sprintf("run-%d", i), nil)
	}
	s.fail(t, "price-watch", "run-9", "The page took too long to load.")
	s.publish(t, "news", "run-1", nil)
	eventually(t, "what is good has arrived, and the rest was tried", func() bool { return good.received() >= 10 && failing.received() >= 2 })
	var tried struct{ Items []struct{ ID string } }
	s.call(t, http.MethodGet, "/v1/deliveries?endpoint_id="+broken, nil, &tried)

	p := s.open(t)
	p.visit("/sign-in")
	p.screenshot("sign-in")
	p.signIn(s.token)
	for _, page := range []struct{ name, path string }{
		{"robots", "/robots"},
		{"robot", "/robots/price-watch"},
		{"robot-empty", "/robots/new"},
		{"endpoint", "/endpoints/" + broken},
		{"endpoint-new", "/robots/price-watch/endpoints/new"},
		{"endpoint-edit", "/endpoints/" + working + "/edit"},
		{"endpoint-delete", "/endpoints/" + working + "/delete"},
		{"preview", "/robots/price-watch/preview"},
		{"deliveries", "/deliveries"},
		{"deliveries-none", "/deliveries?state=expired"},
		{"delivery", "/deliveries/" + tried.Items[len(tried.Items)-1].ID}, // the first one
		{"contract", "/contract"},
	} {
		p.visit(page.path)
		p.screenshot(page.name)
	}
	var inlet struct{ ID, URL string }
	s.endpoint(t, "shop", good.URL+"/shop", object{"form": "canonical", "description": "Rows for the warehouse"})
	s.call(t, http.MethodPost, "/v1/inlets", object{"name": "Our scrapers in Berlin", "robot_id": "shop", "zone": "Europe/Berlin", "locale": "de-DE"}, &inlet)
	s.call(t, http.MethodPost, "/v1/inlets", object{"name": "The old server"}, nil)
	taken, err := http.Post(inlet.URL, "application/json", strings.NewReader(localTimes))
	if err != nil {
		t.Fatal(err)
	}
	taken.Body.Close()
	var typed struct{ Items []struct{ ID string } }
	eventually(t, "the inlet's event is delivered", func() bool {
		s.call(t, http.MethodGet, "/v1/deliveries?robot_id=shop&state=delivered", nil, &typed)
		return len(typed.Items) == 1
	})
	for _, page := range []struct{ name, path string }{
		{"robot-inlet", "/robots/shop"},
		{"inlets", "/inlets"},
		{"inlet", "/inlets/" + inlet.ID},
		{"inlet-new", "/robots/shop/inlets/new"},
		{"inlet-rotate", "/inlets/" + inlet.ID + "/rotate"},
		{"inlet-delete", "/inlets/" + inlet.ID + "/delete"},
		{"delivery-canonical", "/deliveries/" + typed.Items[0].ID},
	} {
		p.visit(page.path)
		p.screenshot(page.name)
	}
	p.visit("/inlets/" + inlet.ID + "/rotate")
	p.click("Make another URL")
	p.sees("It is shown now, and never again.")
	p.screenshot("inlet-url")

	p.expect("status 404 of /nothing")
	p.visit("/nothing")
	p.screenshot("problem")

	p.visit("/endpoints/" + broken)
	p.click("Send a test event")
	p.sees("500 (Internal Server Error)")
	p.screenshot("endpoint-test")
	p.visit("/endpoints/" + working)
	p.click("Rotate the secret")
	p.screenshot("endpoint-rotate")
	p.click("Rotate")
	p.sees("It is shown now, and never again.")
	p.screenshot("endpoint-secret")
	p.visit("/endpoints/" + working + "/recover")
	p.screenshot("endpoint-recover")
	p.click("Recover")
	p.sees("Finished")
	p.screenshot("job")

	p.visit("/robots/price-watch/portal-link")
	p.screenshot("portal-link")

	p.visit("/inspector")
	p.click("Make an inspector")
	p.sees("Nothing has arrived yet")
	address := regexp.MustCompile(`http://127\S+/in/\S+`).FindString(p.text())
	p.screenshot("inspector-empty")
	answer, err := http.Post(address, "application/json", strings.NewReader(deviating))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	p.sees("deviates")
	p.click("POST")
	p.sees(`"robot_id" should be "robotId"`)
	p.screenshot("inspector")

	portal, link := s.open(t), s.link(t, "price-watch", object{})
	portal.visit(link)
	portal.reaches("/robots/price-watch")
	portal.screenshot("portal")
	portal.expect("status 410 of ")
	portal.visit(link)
	portal.sees("This link can’t be used any more")
	portal.screenshot("portal-over")
}

// TestScreenshotsOfSite shows the page that checks payloads, and a part of the contract.
func TestScreenshotsOfSite(t *testing.T) {
	if *screenshots == "" {
		t.Skip("make screenshots writes them")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	s := serveSite(t)
	p := s.start(t)
	p.screenshot("check-start")
	p.paste(vector(t, "wild.ui-extract"))
	p.shows("deviates")
	p.screenshot("check-deviates")
	p.click("Start over")
	p.paste(vector(t, "page.run-completed-as-printed"))
	p.shows("invalid")
	p.js(`document.querySelector("#findings .place").click()`)
	p.screenshot("check-invalid")
	p.click("Start over")
	p.drop(
		"captures.ndjson", vector(t, "wild.ui-extract")+"\n"+vector(t, "wild.0.0.43-search")+"\n"+vector(t, "wild.0.0.43-crawl")+"\n",
		"documented.json", vector(t, "page.run-completed"),
		"cut-off.json", vector(t, "truncated.in-row"),
	)
	p.sees("Checked 5 payloads.")
	p.click("captures.ndjson:3")
	p.shows("deviates", "captures.ndjson:3 · ", "Ferry")
	p.screenshot("check-many")

	p.visit("/a/path/contract.html")
	p.fill("Filter members, rulings and codes", "run time")
	p.sees(" of ")
	p.screenshot("reference")
}
