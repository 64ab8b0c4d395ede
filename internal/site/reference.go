package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/internal/reference"
	"github.com/runhooks/runhooks/openapi"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

//go:embed templates
var templates embed.FS

// A contractPage is what the template of contract.html shows: the contract in one
// file, which needs no other.
type contractPage struct {
	*reference.Contract
	*delivery
	Checker string              // where the page that checks payloads is, or ""
	Shared  []*reference.Ruling // those on both events as a whole
	Objects []comparedObject
	Files   []file

	Policy        template.HTML // the element, as policyOf reads it: in an attribute the template would escape it
	Style, Script template.HTML // inline, and allowed by their hashes
	Icon          template.URL

	ids   map[string]bool              // of members
	codes map[conformance.Code][]place // where servers differ so
}

// A comparedObject is an object of both events, side by side.
type comparedObject struct {
	ID, Path  string
	Sides     []side // of the events that have the object
	Rulings   []ruled
	Members   []comparedMember // that the contract names, in either event
	Additions []comparedMember // that it names in neither, and servers are known to send
}

// A side is an object as one event has it.
type side struct {
	Event string
	reference.Object
}

// A comparedMember is a member of both events, side by side. What holds in both is
// said once.
type comparedMember struct {
	Name        string // in the first event that has it
	Description string // or "", if the events differ in it
	Unit        string
	Rulings     []ruled
	Cells       []cell // one for each side of the object, also for one that lacks the member
}

// A ruled is a ruling on a member, in both events or in one.
type ruled struct {
	*reference.Ruling
	Only string // the one event, or ""
}

// A cell describes a member in one event.
type cell struct {
	Event    string
	Here     bool // whether the event has it
	Addition bool // whether the contract doesn't name it in this event
	reference.Member
}

// ID is that of links to the member.
func (c cell) ID() string { return c.Event + "." + c.Path }

// A place is what a ruling is about, or where servers differ.
type place struct{ Event, Path, ID string }

// A file is one of the documents for other tools, in the formats that it exists in.
type file struct {
	Name    string
	Formats []string // extensions, such as .json
}

// contractHTML returns the page of the contract. checker is where its links to the page
// that checks payloads lead; without one it has none.
func contractHTML(checkout fs.FS, checker string) ([]byte, error) {
	contract, err := reference.Read()
	if err != nil {
		return nil, err
	}
	p := newContractPage(contract)
	p.Checker = checker
	if p.delivery, err = readDelivery(); err != nil {
		return nil, err
	}
	if err := p.listFiles(); err != nil {
		return nil, err
	}
	if err := p.inline(checkout); err != nil {
		return nil, err
	}
	parsed, err := template.New("contract.html.tmpl").Funcs(template.FuncMap{
		"phrase":   phrase,
		"broken":   broken,
		"object":   objectID,
		"places":   p.places,
		"shared":   p.isShared,
		"seen":     func(code conformance.Code) []place { return p.codes[code] },
		"sample":   p.sample,
		"sampleOf": sampleOf,
	}).ParseFS(templates, "templates/contract.html.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, p)
	return out.Bytes(), err
}

// newContractPage puts the events side by side.
func newContractPage(contract *reference.Contract) *contractPage {
	p := &contractPage{Contract: contract, ids: map[string]bool{}, codes: map[conformance.Code][]place{}}
	for _, r := range p.Rulings {
		if p.isShared(r) {
			p.Shared = append(p.Shared, r)
		}
	}
	p.compare()
	return p
}

// Columns is how many columns the table of the object has.
func (o comparedObject) Columns() int { return 2 + len(o.Sides) }

// Label is the object's name in the index.
func (o comparedObject) Label() string {
	return cmp.Or(o.Path[strings.LastIndex(o.Path, ".")+1:], "payload")
}

// Depth is how deep the object is in the payload.
func (o comparedObject) Depth() int {
	if o.Path == "" {
		return 0
	}
	return strings.Count(o.Path, ".") + 1
}

// listFiles lists the documents of openapi/dist: OpenAPI before the schemas, which are
// in folders.
func (p *contractPage) listFiles() error {
	formats := map[string][]string{}
	err := fs.WalkDir(openapi.Dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if format := path.Ext(name); format == ".json" || format == ".yaml" {
			name = strings.TrimSuffix(strings.TrimPrefix(name, "dist/"), format)
			formats[name] = append(formats[name], format)
		}
		return err
	})
	for name, all := range formats {
		p.Files = append(p.Files, file{name, all})
	}
	slices.SortFunc(p.Files, func(a, b file) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Name, "/"), strings.Count(b.Name, "/")), cmp.Compare(a.Name, b.Name))
	})
	return err
}

// inline takes the style, the script and the icon into the page, and allows nothing else.
func (p *contractPage) inline(checkout fs.FS) error {
	shared, err := fs.ReadFile(checkout, "internal/pages/static/page.css")
	if err != nil {
		return err
	}
	own, err := templates.ReadFile("templates/contract.css")
	if err != nil {
		return err
	}
	script, err := templates.ReadFile("templates/contract.js")
	if err != nil {
		return err
	}
	icon, err := fs.ReadFile(checkout, "internal/pages/static/icon.svg")
	if err != nil {
		return err
	}
	style := append(shared, own...)
	hash := func(text []byte) string {
		sum := sha256.Sum256(text)
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	p.Policy = template.HTML(fmt.Sprintf(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src %s; script-src %s; img-src data:; base-uri 'none'; form-action 'none'">`, hash(style), hash(script))) //nolint:gosec // hashes
	p.Style = template.HTML("<style>" + string(style) + "</style>")
	p.Script = template.HTML("<script>" + string(script) + "</script>")
	p.Icon = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(icon))
	return nil
}

// compare puts the objects and members of the events side by side.
func (p *contractPage) compare() {
	for _, event := range p.Events {
		for _, object := range event.Objects {
			at := slices.IndexFunc(p.Objects, func(o comparedObject) bool { return o.Path == object.Path })
			if at < 0 {
				at = len(p.Objects)
				p.Objects = append(p.Objects, comparedObject{ID: objectID(event.Name + "." + object.Path), Path: object.Path})
			}
			p.Objects[at].Sides = append(p.Objects[at].Sides, side{event.Name, object})
			for _, m := range slices.Concat(object.Members, object.Additions) {
				here := p.place(reference.Place{Event: event.Name, Path: m.Path})
				here.ID = event.Name + "." + m.Path
				p.ids[here.ID] = true
				p.differ(here, m.Differences)
			}
			p.differ(p.place(reference.Place{Event: event.Name, Path: object.Path}), object.Differences)
		}
	}
	for i := range p.Objects {
		p.Objects[i].compare()
	}
}

// differ takes down where servers differ.
func (p *contractPage) differ(at place, differences []reference.Difference) {
	for _, d := range differences {
		if !slices.Contains(p.codes[d.Code], at) {
			p.codes[d.Code] = append(p.codes[d.Code], at)
		}
	}
}

// compare puts the members of an object side by side: those that the contract names
// in any event first.
func (o *comparedObject) compare() {
	var rows []comparedMember
	rulings := map[string][]*reference.Ruling{}
	for i, side := range o.Sides {
		rulings[side.Event] = side.Rulings
		for n, member := range slices.Concat(side.Members, side.Additions) {
			name := cmp.Or(member.Elsewhere, member.Name)
			row := slices.IndexFunc(rows, func(r comparedMember) bool { return r.Name == name })
			if row < 0 {
				row = len(rows)
				rows = append(rows, comparedMember{Name: name, Cells: make([]cell, len(o.Sides))})
				for i, side := range o.Sides {
					rows[row].Cells[i].Event = side.Event
				}
			}
			rows[row].Cells[i] = cell{Event: side.Event, Here: true, Addition: n >= len(side.Members), Member: member}
		}
	}
	o.Rulings = rule(rulings)
	for _, row := range rows {
		row.share()
		if slices.ContainsFunc(row.Cells, func(c cell) bool { return c.Here && !c.Addition }) {
			o.Members = append(o.Members, row)
		} else {
			o.Additions = append(o.Additions, row)
		}
	}
}

// share takes what holds in both events out of the cells.
func (m *comparedMember) share() {
	here := slices.DeleteFunc(slices.Clone(m.Cells), func(c cell) bool { return !c.Here })
	m.Unit = here[0].Unit // a unit goes with the member, not with the event
	if !slices.ContainsFunc(here, func(c cell) bool { return c.Description != here[0].Description }) {
		m.Description = here[0].Description
	}
	rulings := map[string][]*reference.Ruling{}
	for _, c := range here {
		rulings[c.Event] = c.Rulings
	}
	m.Rulings = rule(rulings)
}

// rule puts the rulings of the events together, each once.
func rule(byEvent map[string][]*reference.Ruling) (all []ruled) {
	for _, event := range slices.Sorted(maps.Keys(byEvent)) {
		for _, r := range byEvent[event] {
			if i := slices.IndexFunc(all, func(other ruled) bool { return other.Ruling == r }); i >= 0 {
				all[i].Only = ""
				continue
			}
			next := ruled{Ruling: r}
			if len(byEvent) > 1 {
				next.Only = event
			}
			all = append(all, next)
		}
	}
	return all
}

// Starts returns where a link to the member leads: to the first event that has it.
func (m comparedMember) Starts() string {
	return m.Cells[slices.IndexFunc(m.Cells, func(c cell) bool { return c.Here })].ID()
}

// broken lets a name be broken after its underscores.
func broken(name string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(name), "_", "_<wbr>")) //nolint:gosec // it is escaped
}

// objectID returns the ID of an object on the page, where it is that of both events,
// from the one that the reference gives it.
func objectID(id string) string {
	_, at, _ := strings.Cut(strings.TrimSuffix(id, "[]"), ".")
	return "object-" + cmp.Or(at, "payload")
}

// place returns where on the page something is described: a member, an object or an
// event.
func (p *contractPage) place(at reference.Place) place {
	to := place{at.Event, at.Path, at.Event + "." + at.Path}
	switch {
	case at.Path == "":
		to.ID = at.Event
	case !p.ids[to.ID]:
		to.ID = objectID(to.ID)
	}
	return to
}

// places returns the places that a ruling is about.
func (p *contractPage) places(all []reference.Place) (to []place) {
	for _, at := range all {
		to = append(to, p.place(at))
	}
	return to
}

// isShared reports whether a ruling is on both events as a whole.
func (p *contractPage) isShared(r *reference.Ruling) bool {
	for _, event := range p.Events {
		if !slices.Contains(event.Rulings, r) {
			return false
		}
	}
	return true
}

// sample returns the sample of an event, in colours.
func (p *contractPage) sample(event reference.Event) (template.HTML, error) {
	c := colourist{link: func(path string) string {
		if id := event.Name + "." + path; p.ids[id] {
			return id
		}
		return ""
	}}
	err := c.write(json.RawMessage(event.Example), "", "")
	return template.HTML(c.out.String()), err //nolint:gosec // the colourist escapes
}

// sampleOf returns where a payload that breaks the rule of a code is shown, and how it is
// fixed, or "".
func sampleOf(code conformance.Code) string {
	if _, _, ok := vectors.Sample(string(code)); !ok {
		return ""
	}
	return "https://github.com/runhooks/runhooks/blob/main/docs/findings.md#" + strings.ReplaceAll(string(code), ".", "")
}
