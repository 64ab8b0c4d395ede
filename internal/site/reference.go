package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/internal/reference"
	"github.com/runhooks/runhooks/openapi"
)

//go:embed templates
var templates embed.FS

// A contractPage is what the template of contract.html shows: the contract in one
// file, which needs no other.
type contractPage struct {
	*reference.Contract
	*delivery
	Home     string // where the page that checks payloads is
	Objects  []comparedObject
	Payloads []example
	Files    []string // of openapi/dist

	Policy        template.HTML // the element, as policyOf reads it: in an attribute the template would escape it
	Style, Script template.HTML // inline, and allowed by their hashes
	Icon          template.URL
}

// A comparedObject is an object of both events, side by side.
type comparedObject struct {
	ID, Path string
	Sides    []reference.Object // by event; one without an ID if the event has no such object
	Rows     []comparedMember
	Examples []example
}

// A comparedMember is a member of both events, side by side.
type comparedMember struct {
	Name  string // in the first event that has it
	Cells []cell // by event
}

// A cell describes a member in one event.
type cell struct {
	Event    string
	Here     bool // whether the event has it
	Addition bool // whether only servers send it, and the contract doesn't name it
	reference.Member
}

// ID is that of links to the member.
func (c cell) ID() string { return c.Event + "." + c.Path }

// An example is JSON of an event, in colours.
type example struct {
	Event string
	JSON  template.HTML
}

// contractHTML returns the page of the contract. home is where links to the page that
// checks payloads lead.
func contractHTML(checkout fs.FS, home string) ([]byte, error) {
	contract, err := reference.Read()
	if err != nil {
		return nil, err
	}
	p := &contractPage{Contract: contract, Home: home}
	if p.delivery, err = readDelivery(); err != nil {
		return nil, err
	}
	if err := p.compare(); err != nil {
		return nil, err
	}
	err = fs.WalkDir(openapi.Dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			p.Files = append(p.Files, strings.TrimPrefix(name, "dist/"))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := p.inline(checkout); err != nil {
		return nil, err
	}
	parsed, err := template.New("contract.html.tmpl").Funcs(template.FuncMap{
		"phrase": phrase,
		"local":  func(id string) string { return "object-" + id[strings.Index(id, ".")+1:] },
	}).ParseFS(templates, "templates/contract.html.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, p)
	return out.Bytes(), err
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
func (p *contractPage) compare() error {
	ids, objects := map[string]bool{}, map[string]bool{}
	for e, event := range p.Events {
		for _, object := range event.Objects {
			at := slices.IndexFunc(p.Objects, func(o comparedObject) bool { return o.Path == object.Path })
			if at < 0 {
				at = len(p.Objects)
				p.Objects = append(p.Objects, comparedObject{
					ID: "object-" + strings.TrimSuffix(object.Path, "[]"), Path: object.Path, Sides: make([]reference.Object, len(p.Events)),
				})
			}
			compared := &p.Objects[at]
			compared.Sides[e] = object
			objects[strings.TrimSuffix(object.Path, "[]")] = true
			for i, member := range slices.Concat(object.Members, object.Additions) {
				name := member.Name
				if member.Elsewhere != "" {
					name = member.Elsewhere
				}
				row := slices.IndexFunc(compared.Rows, func(r comparedMember) bool { return r.Name == name })
				if row < 0 {
					row = len(compared.Rows)
					cells := make([]cell, len(p.Events))
					for i := range cells {
						cells[i].Event = p.Events[i].Name
					}
					compared.Rows = append(compared.Rows, comparedMember{name, cells})
				}
				c := cell{Event: event.Name, Here: true, Addition: i >= len(object.Members), Member: member}
				compared.Rows[row].Cells[e] = c
				ids[c.ID()] = true
			}
		}
	}
	for i := range p.Objects { // what the contract names comes first
		slices.SortStableFunc(p.Objects[i].Rows, func(a, b comparedMember) int { return a.additions() - b.additions() })
	}
	for _, event := range p.Events {
		c := p.colourist(event.Name, ids, func(string) string { return "" })
		if err := c.write(json.RawMessage(event.Example), "", ""); err != nil {
			return err
		}
		p.Payloads = append(p.Payloads, example{event.Name, template.HTML(c.out.String())}) //nolint:gosec // the colourist escapes
		for i := range p.Objects {
			o := &p.Objects[i]
			part, err := within(json.RawMessage(event.Example), strings.TrimSuffix(o.Path, "[]"))
			if err != nil {
				return err
			}
			if part == nil {
				continue
			}
			c := p.colourist(event.Name, ids, func(path string) string {
				if path != strings.TrimSuffix(o.Path, "[]") && objects[path] {
					return "object-" + path
				}
				return ""
			})
			if err := c.write(part, strings.TrimSuffix(o.Path, "[]"), ""); err != nil {
				return err
			}
			o.Examples = append(o.Examples, example{event.Name, template.HTML(c.out.String())}) //nolint:gosec // as above
		}
	}
	return nil
}

// additions is 1 for what the contract names in no event.
func (m comparedMember) additions() int {
	for _, c := range m.Cells {
		if c.Here && !c.Addition {
			return 0
		}
	}
	return 1
}

func (p *contractPage) colourist(event string, ids map[string]bool, fold func(string) string) *colourist {
	return &colourist{fold: fold, link: func(path string) string {
		if id := event + "." + path; ids[id] {
			return id
		}
		return ""
	}}
}

// within returns what is at a path of a payload, or nil.
func within(text json.RawMessage, path string) (json.RawMessage, error) {
	for path != "" {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			return nil, err
		}
		var name string
		name, path, _ = strings.Cut(path, ".")
		if text = members[name]; text == nil {
			return nil, nil
		}
	}
	return text, nil
}
