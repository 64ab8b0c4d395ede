package pages

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Brand is what pages of portal sessions show of the platform that gave the link. All of
// it is optional.
type Brand struct {
	Name  string
	Logo  *Logo
	Color Color
}

// ParseName checks the name of a brand.
func ParseName(text string) (string, error) {
	switch {
	case utf8.RuneCountInString(text) > 60:
		return "", errors.New("it is longer than 60 characters, for which pages have no room")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return "", errors.New("it has control characters, or is not UTF-8")
	}
	return strings.TrimSpace(text), nil
}

// A Color is #rrggbb, or empty for none.
type Color string

var color = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// ParseColor reads a colour such as #0a7cff.
func ParseColor(text string) (Color, error) {
	c := strings.ToLower(strings.TrimSpace(text))
	if !color.MatchString(c) {
		return "", errors.New("it is not a colour such as #0a7cff")
	}
	return Color(c), nil
}

// On returns the colour of text on c: black or white, whichever has the higher contrast. It
// is at least 4.58, and WCAG 2.2 AA asks for 4.5.
func (c Color) On() Color {
	// The relative luminance of WCAG 2.2.
	luminance := 0.0
	for i, share := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(string(c[1+2*i:3+2*i]), 16, 8) // ParseColor has seen that it is one
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		luminance += share * v
	}
	if (luminance+0.05)/0.05 >= 1.05/(luminance+0.05) {
		return "#000000"
	}
	return "#ffffff"
}

// css is the style sheet of the colour. Pages can't have it in an attribute, by their policy.
func (c Color) css() string {
	return fmt.Sprintf(`:root { --brand: %s; --on-brand: %s; }
.portal .top { background: var(--brand); border-color: transparent; }
.portal .top :is(a, span) { color: var(--on-brand); }
.portal .top nav a:is(:hover, [aria-current]) { color: var(--on-brand); background: none; text-decoration: underline; text-decoration-thickness: .12em; text-underline-offset: .35em; }
.portal .top :focus-visible { outline-color: var(--on-brand); }
.portal .primary { border-color: var(--edge); }
.portal .primary:hover { filter: none; text-decoration: underline; }
`, c, c.On())
}

// MaxLogo is the most bytes of a logo.
const MaxLogo = 256 << 10

// A Logo is an image, in SVG or PNG.
type Logo struct {
	data      []byte
	mediaType string
}

// ParseLogo finds out whether data is an image that pages can show.
func ParseLogo(data []byte) (*Logo, error) {
	if len(data) > MaxLogo {
		return nil, fmt.Errorf("it is larger than %d KiB", MaxLogo>>10)
	}
	if _, err := png.DecodeConfig(bytes.NewReader(data)); err == nil {
		return &Logo{data, "image/png"}, nil
	}
	if isSVG(data) {
		return &Logo{data, "image/svg+xml"}, nil
	}
	return nil, errors.New(`it is neither PNG nor SVG (which starts with <svg xmlns="http://www.w3.org/2000/svg">)`)
}

// isSVG says whether a browser shows data as an SVG image: the root element decides.
func isSVG(data []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if root, ok := token.(xml.StartElement); ok {
			return root.Name == xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}
		}
	}
}

// logoPolicy is for a logo that somebody opens by itself: an SVG can hold scripts and refer to
// other hosts, and neither comes to anything. Its own styles are part of its looks. (In a
// page's <img>, browsers run no scripts of an SVG at all.)
const logoPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

// A brand is a Brand as templates use it.
type brand struct {
	Name string
	// Logo and CSS are URLs, or empty.
	Logo string
	CSS  string
}

// brandOf registers what pages of a brand load, and returns what they show.
func (p *Pages) brandOf(b Brand) *brand {
	shown := &brand{Name: b.Name}
	if b.Logo != nil {
		shown.Logo = p.serve("brand", b.Logo.mediaType, logoPolicy, b.Logo.data)
	}
	if b.Color != "" {
		shown.CSS = p.serve("brand.css", "text/css; charset=utf-8", policy(nil), []byte(b.Color.css()))
	}
	if shown.Name == "" && shown.Logo == "" {
		shown.Name = "Runhooks"
	}
	return shown
}

// serve registers a static file of content, and returns its URL. As it has a hash of the
// content, browsers keep the file for good.
func (p *Pages) serve(name, mediaType, policy string, content []byte) string {
	version := versionOf(content)
	p.mux.HandleFunc("GET /static/"+name, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", mediaType)
		h.Set("Content-Security-Policy", policy)
		if r.URL.Query().Get("v") == version {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		_, _ = w.Write(content)
	})
	return "/static/" + name + "?v=" + version
}
