package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/runhooks/runhooks"
	"github.com/runhooks/runhooks/docs"
	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/jsonschema"
)

// A guide is what a person does to receive events in a language: the code of the guide
// for it.
type guide struct {
	// ID names the guide in URLs.
	ID, Language string
	// Page is where the whole guide can be read.
	Page  string
	Steps []guideStep
}

// A guideStep is a section of a guide.
type guideStep struct {
	Heading string
	Blocks  []guideBlock
}

// A guideBlock is a file, or else commands.
type guideBlock struct {
	ID   string
	File string
	Code string
	// Program says that it is the receiver itself.
	Program bool
}

const repository = "https://github.com/runhooks/runhooks/blob/main/"

// guides are read once, from the guides themselves.
var guides = sync.OnceValues(func() ([]guide, error) {
	_, text, _ := strings.Cut(runhooks.Readme, "\n### Receive events\n")
	text, _, _ = strings.Cut(text, "\n### ")
	program := readGuide("## Write the receiver\n" + text)
	if len(program) == 0 {
		return nil, errors.New("the README has no program that receives events")
	}
	program[0].Blocks[0].File = "main.go"
	list := []guide{{ID: "go", Language: "Go", Page: repository + "README.md#receive-events", Steps: program}}
	for _, g := range []guide{
		{ID: "typescript", Language: "TypeScript"}, {ID: "python", Language: "Python"}, {ID: "java", Language: "Java"},
		{ID: "kotlin", Language: "Kotlin"}, {ID: "rust", Language: "Rust"},
	} {
		file := "languages/" + g.ID + ".md"
		text, err := docs.Languages.ReadFile(file)
		if err != nil {
			return nil, err
		}
		g.Page = repository + "docs/" + file
		if g.Steps = readGuide(string(text)); len(g.Steps) == 0 {
			return nil, errors.New(file + " has no code")
		}
		list = append(list, g)
	}
	for _, g := range list {
		mark(g)
	}
	return list, nil
})

// mark numbers the blocks of a guide, and finds the receiver: the last of its files, as
// what comes after that is how to try it.
func mark(g guide) {
	var last *guideBlock
	for i := range g.Steps {
		for j := range g.Steps[i].Blocks {
			b := &g.Steps[i].Blocks[j]
			b.ID = "code-" + string(rune('a'+i)) + string(rune('a'+j))
			if b.File != "" {
				last = b
			}
		}
	}
	if last != nil {
		last.Program = true
	}
}

// readGuide returns the sections of a guide that have code, up to the one that tries
// the receiver.
func readGuide(markdown string) []guideStep {
	var steps []guideStep
	heading, file := "", ""
	var code *strings.Builder
	for line := range strings.Lines(markdown) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case code != nil && line == "```":
			if n := len(steps); n == 0 || steps[n-1].Heading != heading {
				steps = append(steps, guideStep{Heading: heading})
			}
			last := &steps[len(steps)-1]
			last.Blocks = append(last.Blocks, guideBlock{File: file, Code: code.String()})
			code, file = nil, ""
		case code != nil:
			code.WriteString(line)
			code.WriteByte('\n')
		case strings.HasPrefix(line, "```"):
			code = &strings.Builder{}
		case strings.HasPrefix(line, "<!-- file: "):
			// Of interop/LANGUAGE/receiver/PATH, what a receiver of one's own has is PATH.
			name := strings.TrimSuffix(strings.TrimPrefix(line, "<!-- file: "), " -->")
			if parts := strings.SplitN(name, "/", 4); len(parts) == 4 {
				name = parts[3]
			}
			file = path.Clean(name)
		case strings.HasPrefix(line, "## "):
			if strings.HasSuffix(heading, "Try it") {
				return steps
			}
			// Some guides number their sections.
			heading = strings.TrimLeft(strings.TrimPrefix(line, "## "), "0123456789. ")
		}
	}
	return steps
}

// A previewView is the page that shows what a receiver gets, and how to receive it.
type previewView struct {
	Robot   string
	Events  []previewTab
	Payload string
	Guides  []previewTab
	Guide   guide
}

// A previewTab is a link to another form of the page.
type previewTab struct {
	Label, Path string
	Here        bool
}

func (p *Pages) showPreview(w http.ResponseWriter, r *http.Request, s *session) error {
	robot := r.PathValue("robot")
	// Whether the session reaches the robot, is for the API to say.
	if err := s.do(r.Context(), http.MethodGet, "/v1/robots?"+url.Values{"robot_id": {robot}}.Encode(), nil, nil); err != nil {
		return err
	}
	list, err := guides()
	if err != nil {
		return err
	}
	event, language := r.URL.Query().Get("event"), r.URL.Query().Get("language")
	if !slices.ContainsFunc(list, func(g guide) bool { return g.ID == language }) {
		language = list[0].ID
	}
	if event != string(robotEvents[1]) {
		event = string(robotEvents[0])
	}
	at := func(event, language, part string) string {
		return joinPath("robots", robot, "preview") + "?" + url.Values{"event": {event}, "language": {language}}.Encode() + "#" + part
	}
	data := previewView{Robot: robot}
	for _, t := range robotEvents {
		data.Events = append(data.Events, previewTab{eventChip(t).Text, at(string(t), language, "payload"), string(t) == event})
	}
	for _, g := range list {
		data.Guides = append(data.Guides, previewTab{g.Language, at(event, g.ID, "code"), g.ID == language})
		if g.ID == language {
			data.Guide = g
		}
	}
	if data.Payload, err = samplePayload(event, robot); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "preview", view{Title: "What a receiver gets", Here: "robots", Robot: robot, Data: data})
}

// samplePayload returns the documented sample of an event, as one of the robot's.
func samplePayload(event, robot string) (string, error) {
	text, err := jsonschema.FS.ReadFile("v1/run-event.json")
	if err != nil {
		return "", err
	}
	var schema struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return "", err
	}
	for _, example := range schema.Examples {
		var envelope struct {
			EventType string                     `json:"event_type"`
			Data      map[string]json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(example, &envelope); err != nil {
			return "", err
		}
		if envelope.EventType != event {
			continue
		}
		id, err := json.Marshal(robot)
		if err != nil {
			return "", err
		}
		member := "data.robot_id"
		if _, ok := envelope.Data["robotId"]; ok {
			member = "data.robotId"
		}
		made, err := sample.Set(example, member, string(id))
		if err != nil {
			return "", err
		}
		var b bytes.Buffer
		err = json.Indent(&b, made, "", "  ")
		return b.String(), err
	}
	return "", errors.New("there is no sample of " + event)
}
