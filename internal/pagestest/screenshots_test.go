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
			long, err := evaluate[float64](p, "scrollTo(0, 0), document.scrollingElement.scrollHeight")
			if err != nil {
				p.t.Fatal(err)
			}
			var taken page.CaptureScreenshotResult
			p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) (err error) {
				beyond := true
				taken, err = cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
					CaptureBeyondViewport: &beyond,
					Clip:                  &page.Viewport{Width: float64(size.width), Height: min(max(long, 400), maxHeight), Scale: 1},
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

// TestScreenshots shows the pages with some data of each kind.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("make screenshots writes them")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--public-url", "https://runhooks.example.com", "--brand-name", "Acme Robots", "--brand-color", "#0a5c36")
	works, fails := newSink(t), newSink(t)
	works.header = http.Header{"Content-Type": {"application/json"}}
	works.answer(http.StatusOK, `{"stored": true}`)
	fails.header = works.header
	fails.answer(http.StatusInternalServerError, `{"error": "no space left on device"}`)
	s.endpoint(t, "harbour-bulletin", works.URL+"/bulletin", nil)
	s.endpoint(t, "flat-finder", works.URL+"/flats", nil)
	good := s.endpoint(t, "price-watch", works.URL+"/runs", object{"description": "The shop's price list"})
	bad := s.endpoint(t, "price-watch", fails.URL+"/webhooks", object{"events": []string{"run_failed"}, "max_attempts": 3, "retry_delays": []int{1, 600}})
	s.endpoint(t, "price-watch", works.URL+"/staging", object{"active": false, "description": "Until the new server is there"})
	for run := range 8 {
		s.publish(t, "price-watch", fmt.Sprintf("run-%d", 1041+run), nil)
		s.publish(t, "harbour-bulletin", fmt.Sprintf("run-%d", 311+run), nil)
	}
	s.fail(t, "flat-finder", "run-77", "Timeout exceeded while waiting for element")
	s.fail(t, "price-watch", "run-1049", "Timeout exceeded while waiting for element")

	p := s.open(t)
	p.visit("/sign-in")
	p.screenshot("sign-in")
	p.signIn(s.token)
	p.comesToShow("/robots", "%")
	p.screenshot("robots")
	p.comesToShow("/robots/price-watch", "Failing")
	p.screenshot("robot")
	p.visit("/robots/price-watch/endpoints/new")
	p.screenshot("endpoint-new")
	p.visit("/endpoints/" + bad)
	p.screenshot("endpoint")
	p.visit("/endpoints/" + bad + "/test")
	p.click("Send it")
	p.sees("What to do:")
	p.screenshot("endpoint-test")
	p.visit("/endpoints/" + good + "/rotate")
	p.click("Rotate")
	p.sees("never again")
	p.screenshot("endpoint-secret")
	p.visit("/endpoints/" + bad + "/delete")
	p.screenshot("endpoint-delete")
	p.visit("/robots/price-watch/preview?language=python")
	p.screenshot("preview")

	p.visit("/deliveries")
	p.sees("Pending")
	p.screenshot("deliveries")
	p.visit("/deliveries?endpoint_id=" + bad)
	p.click("dlv_")
	p.sees("Attempt 2")
	p.screenshot("delivery-failing")
	p.visit("/deliveries/dlv_1")
	p.sees("The endpoint accepted it")
	p.screenshot("delivery")
	p.visit("/endpoints/" + good + "/recover")
	p.screenshot("endpoint-recover")
	p.click("Recover")
	p.sees("There was nothing to recover")
	p.screenshot("job")

	p.visit("/inspector")
	p.screenshot("inspector-none")
	p.click("Make an inspector")
	p.sees("Nothing has arrived yet")
	at := p.path()
	for _, body := range []string{`{"event_type": "run_completed"}`, deviating} {
		answer, err := http.Post(s.url+strings.Replace(at, "/inspector/", "/in/", 1), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	p.sees("deviates")
	p.click("POST")
	p.sees(`"robot_id" should be "robotId"`)
	p.screenshot("inspector")
	p.visit("/contract")
	p.screenshot("contract")

	portal := s.open(t)
	link := strings.Replace(s.link(t, "price-watch", object{}), "https://runhooks.example.com", s.url, 1)
	portal.visit(link)
	portal.sees("Acme Robots", fails.URL)
	portal.screenshot("portal")
	portal.expect("status 410 of ")
	portal.visit(link)
	portal.sees("can’t be used any more")
	portal.screenshot("portal-over")
}
