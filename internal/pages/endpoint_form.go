package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/openapi"
)

// emptyRows is how many rows for further headers a form has. Who needs more saves, and
// comes back.
const emptyRows = 3

// An endpointForm is the form of an endpoint's settings, of a new endpoint or of one that there
// is.
type endpointForm struct {
	Robot string
	// Endpoint is the one that is changed, as it is stored; nil if it is new.
	Endpoint *api.Endpoint
	Findings []formFinding
	// Conflict has what differs between the form and what somebody else has saved
	// since the form was opened.
	Conflict []difference
	// Conflicted says that somebody else has saved since then.
	Conflicted bool
	// Retype says that something secret was typed, which is not sent back.
	Retype bool

	framed bool // the form is in another site's frame

	// values are the form's, by field: as they are stored, or as they were typed.
	values url.Values
	// better has what the form knows better than the API to say of a finding, by the
	// finding's pointer: of what only the form has, such as units.
	better map[string]string
}

// A formFinding is a finding at a field, or about the form as a whole, if Field is
// empty.
type formFinding struct{ Field, Label, Text string }

// A difference is a setting of which the form has another value than the service.
type difference struct{ Label, Typed, Stored string }

// secretFields are never sent back to the browser.
var secretFields = []string{"header_value", "old_header_value", "authorization", "password", "secret"}

// newEndpointForm returns the form of an endpoint, or of a new one if e is nil.
func newEndpointForm(robot string, e *api.Endpoint) (*endpointForm, error) {
	f := &endpointForm{Robot: robot, Endpoint: e}
	if e != nil {
		f.values = settingsOf(e)
		return f, nil
	}
	d, err := endpointDocument()
	if err != nil {
		return nil, err
	}
	f.values = settingsOf(&d.defaults)
	f.values.Set("auth", "none")
	return f, nil
}

// typedEndpointForm returns the form that a request has.
func typedEndpointForm(w http.ResponseWriter, r *http.Request, robot string, e *api.Endpoint) (*endpointForm, error) {
	if err := parseForm(w, r); err != nil {
		return nil, err
	}
	return &endpointForm{Robot: robot, Endpoint: e, values: r.PostForm, better: map[string]string{}}, nil
}

// settingsOf returns the settings of an endpoint as a form has them.
func settingsOf(e *api.Endpoint) url.Values {
	v := url.Values{}
	v.Set("version", strconv.FormatInt(e.Version, 10))
	v.Set("url", e.URL)
	v.Set("form", string(cmp.Or(e.Form, api.FormReceived)))
	v.Set("description", e.Description)
	for _, t := range e.Events {
		v.Add("events", string(t))
	}
	v.Set("max_attempts", strconv.Itoa(e.MaxAttempts))
	v.Set("retry_delays", pausesText(e.RetryDelays))
	v.Set("timeout", strconv.Itoa(e.Timeout))
	v.Set("rate_limit", strconv.FormatFloat(e.RateLimit, 'f', -1, 64))
	v.Set("max_in_flight", strconv.Itoa(e.MaxInFlight))
	if e.Ordered {
		v.Set("ordered", "true")
	}
	for _, name := range e.HeaderNames {
		v.Add("old_header", name)
		v.Add("old_header_value", "")
	}
	v.Set("auth", "keep")
	v.Set("signature", string(e.Signature))
	return v
}

// A jsonObject is a JSON object with its members in the order of the form, so that the
// API's findings come in it, and can have one that is there twice.
type jsonObject []jsonMember

type jsonMember struct {
	name  string
	value any
}

func (o jsonObject) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// body returns what the form asks of the API: a patch if there is an endpoint. What
// the form can't read goes as it was typed, or as false, so that the API refuses it with
// all else that is wrong.
func (f *endpointForm) body() jsonObject {
	patch := f.Endpoint != nil
	var o jsonObject
	add := func(name string, value any) {
		if value != nil || patch { // null stands for the default
			o = append(o, jsonMember{name, value})
		}
	}
	if !patch {
		add("robot_id", f.Robot)
	}
	add("url", strings.TrimSpace(f.values.Get("url")))
	add("events", append([]string{}, f.values["events"]...))
	if form := f.values.Get("form"); form != "" {
		add("form", form)
	}
	// A browser sends line breaks as CR LF.
	add("description", strings.ReplaceAll(f.values.Get("description"), "\r\n", "\n"))
	for _, name := range []string{"max_attempts", "timeout", "rate_limit", "max_in_flight"} {
		add(name, asTyped(f.values.Get(name)))
	}
	if pauses := parsePauses(f.values.Get("retry_delays")); pauses == nil {
		add("retry_delays", nil)
	} else {
		add("retry_delays", pauses)
		for i, pause := range pauses {
			if text, ok := pause.(string); ok {
				f.better[fmt.Sprintf("/retry_delays/%d", i)] = fmt.Sprintf("“%.40s” is not a pause such as 30s, 5m or 2h", text)
			}
		}
	}
	add("ordered", f.values.Get("ordered") == "true")
	if headers := f.headers(); len(headers) > 0 {
		add("headers", headers)
	}
	switch f.values.Get("auth") {
	case "none":
		add("authorization", nil)
		add("basic", nil)
	case "header":
		add("authorization", f.values.Get("authorization"))
		if patch {
			add("basic", nil)
		}
	case "basic":
		if patch {
			add("authorization", nil)
		}
		add("basic", jsonObject{{"username", f.values.Get("username")}, {"password", f.values.Get("password")}})
	}
	if !patch {
		add("active", f.values.Get("paused") != "true")
		if kind := f.values.Get("signature"); kind != "" {
			add("signature", kind)
		}
		if secret := strings.TrimSpace(f.values.Get("secret")); secret != "" {
			add("secret", secret)
		}
	}
	return o
}

// headers returns what the form asks of further headers: those that are new, changed,
// or, with null, removed.
func (f *endpointForm) headers() jsonObject {
	var o jsonObject
	removed := f.values["remove_header"]
	for i, name := range f.values["old_header"] {
		switch value := nth(f.values["old_header_value"], i); {
		case slices.Contains(removed, name):
			o = append(o, jsonMember{name, nil})
		case value != "":
			o = append(o, jsonMember{name, value})
		}
	}
	for i, name := range f.values["header_name"] {
		name, value := strings.TrimSpace(name), nth(f.values["header_value"], i)
		switch {
		case name == "" && value == "":
		case value == "":
			f.better["/headers/"+jsonpointer.Escape(name)] = "this header has no value"
			o = append(o, jsonMember{name, false})
		case name == "":
			f.better["/headers/"] = "this header has no name"
			fallthrough
		default:
			o = append(o, jsonMember{name, value})
		}
	}
	return o
}

func headerID(i int) string { return "header-" + strconv.Itoa(i) }

func oldHeaderID(i int) string { return "old-header-" + strconv.Itoa(i) }

// nth returns an element, or nothing if there is none: a request may have any fields.
func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// asTyped returns a number as it was typed. What is none goes as text, so that the API
// says what is wrong with it.
func asTyped(text string) any {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	var n json.Number
	if json.Unmarshal([]byte(text), &n) != nil || text[0] == '"' {
		return text
	}
	return n
}

// pauseUnits are the units of pauses, in seconds.
var pauseUnits = []struct {
	name    string
	seconds int64
}{{"h", 3600}, {"m", 60}, {"s", 1}, {"d", 86400}}

// parsePauses reads pauses such as "5s, 5m, 2h", each as a number of seconds, or as
// text if it is none. A number without a unit is in seconds.
func parsePauses(text string) []any {
	var pauses []any
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		digits, unit := part, int64(1)
		for _, u := range pauseUnits {
			if before, ok := strings.CutSuffix(part, u.name); ok {
				digits, unit = before, u.seconds
			}
		}
		if n, err := strconv.ParseInt(digits, 10, 32); err != nil {
			pauses = append(pauses, part)
		} else {
			pauses = append(pauses, n*unit)
		}
	}
	return pauses
}

// pausesText writes pauses as parsePauses reads them.
func pausesText(seconds []int) string {
	parts := make([]string, len(seconds))
	for i, n := range seconds {
		parts[i] = pauseText(int64(n))
	}
	return strings.Join(parts, ", ")
}

func pauseText(n int64) string {
	for _, u := range pauseUnits {
		if n%u.seconds == 0 {
			return strconv.FormatInt(n/u.seconds, 10) + u.name
		}
	}
	panic("unreachable: any number is one of seconds")
}

// refuse adds a finding at a field.
func (f *endpointForm) refuse(field, text string) {
	f.Findings = append(f.Findings, formFinding{field, f.label(field), text})
}

// take puts what the API found wrong at the fields, and reports whether the form can
// show it. What is secret is forgotten: it is not sent back.
func (f *endpointForm) take(p *problem) bool {
	switch {
	case p.Status == http.StatusConflict: // the URL is there already
		f.refuse("url", p.Detail)
	case p.Status == http.StatusUnprocessableEntity:
		for _, found := range p.Findings {
			field, prefix := f.fieldOf(found.Pointer)
			text := prefix + found.Message
			if better, ok := f.better[found.Pointer]; ok {
				text = better
			}
			f.refuse(field, text)
		}
		if len(p.Findings) == 0 {
			f.refuse("", p.Detail)
		}
	case p.Status == http.StatusServiceUnavailable: // what was typed is kept
		f.refuse("", p.Detail)
	default:
		return false
	}
	return true
}

// forget removes what is secret from what was typed.
func (f *endpointForm) forget() {
	for _, name := range secretFields {
		for i, value := range f.values[name] {
			f.Retype = f.Retype || value != ""
			f.values[name][i] = ""
		}
	}
}

// fieldOf returns the field of what a pointer into the body leads to, and what has to
// be said before the finding there.
func (f *endpointForm) fieldOf(pointer string) (field, prefix string) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	rest = jsonpointer.Unescape(rest)
	switch name {
	case "basic":
		if rest == "password" {
			return "password", ""
		}
		return "username", ""
	case "retry_delays":
		if n, err := strconv.Atoi(rest); err == nil {
			prefix = fmt.Sprintf("pause %d: ", n+1)
		}
		return name, prefix
	case "headers":
		for i, header := range f.values["header_name"] {
			blank := header == "" && nth(f.values["header_value"], i) == ""
			if !blank && strings.EqualFold(strings.TrimSpace(header), rest) {
				return headerID(i), ""
			}
		}
		for i, header := range f.values["old_header"] {
			if strings.EqualFold(header, rest) {
				return oldHeaderID(i), ""
			}
		}
		return headerID(0), ""
	}
	if _, ok := fieldWords[name]; ok {
		return name, ""
	}
	return "", ""
}

func (f *endpointForm) label(field string) string {
	switch {
	case strings.HasPrefix(field, "old-header-"):
		i, _ := strconv.Atoi(strings.TrimPrefix(field, "old-header-"))
		return "Header " + nth(f.values["old_header"], i)
	case strings.HasPrefix(field, "header-"):
		i, _ := strconv.Atoi(strings.TrimPrefix(field, "header-"))
		return strings.TrimSpace("Header " + nth(f.values["header_name"], i))
	}
	return fieldWords[field].label
}

// compare fills in what differs between the form and what is stored, after somebody
// else has changed it.
func (f *endpointForm) compare(stored *api.Endpoint) {
	f.forget()
	now := settingsOf(stored)
	for _, name := range comparedFields {
		typed, kept := shownValue(name, f.values), shownValue(name, now)
		if typed != kept {
			f.Conflict = append(f.Conflict, difference{fieldWords[name].label, typed, kept})
		}
	}
	f.Endpoint, f.Conflicted = stored, true
	f.values["old_header"], f.values["old_header_value"] = now["old_header"], now["old_header_value"]
	f.values.Set("version", now.Get("version"))
}

// comparedFields are those that are shown in a conflict. What is secret can't be
// compared.
var comparedFields = []string{"url", "events", "form", "description", "max_attempts", "retry_delays", "timeout", "rate_limit", "max_in_flight", "ordered"}

func shownValue(name string, values url.Values) string {
	switch name {
	case "events":
		return eventsText(values["events"])
	case "ordered":
		if values.Get(name) == "true" {
			return "yes"
		}
		return "no"
	case "retry_delays":
		parts := []string{}
		for _, pause := range parsePauses(values.Get(name)) {
			if n, ok := pause.(int64); ok {
				pause = pauseText(n)
			}
			parts = append(parts, fmt.Sprint(pause))
		}
		return strings.Join(parts, ", ")
	}
	return strings.TrimSpace(strings.ReplaceAll(values.Get(name), "\r\n", "\n"))
}

// A formField is an input of a form.
type formField struct {
	Name, Label, Hint, Type string
	Value                   string
	Min, Max                string
	MaxLength               int
	Errors                  []string
	Focus                   bool
}

// Described names the elements that describe the input.
func (f formField) Described() string {
	ids := f.Name + "-hint"
	if len(f.Errors) > 0 {
		ids = f.Name + "-error " + ids
	}
	return ids
}

// Field returns a field as the form has it.
func (f *endpointForm) Field(name string) (formField, error) {
	d, err := endpointDocument()
	if err != nil {
		return formField{}, err
	}
	words, rules := fieldWords[name], d.settings[name]
	made := formField{
		Name: name, Label: words.label, Hint: words.hint, Type: "text", Value: f.values.Get(name),
		Min: rules.Minimum.String(), Max: rules.Maximum.String(), MaxLength: rules.MaxLength,
		Errors: f.Errors(name), Focus: f.Focus(name),
	}
	switch {
	case slices.Contains(secretFields, name):
		made.Type = "password"
	case made.Max != "":
		made.Type = "number"
		made.Hint += fmt.Sprintf(" From %s to %s. Default: %s.", made.Min, made.Max, settingsOf(&d.defaults).Get(name))
	case name == "retry_delays":
		made.Hint += fmt.Sprintf(" Default: %s.", pausesText(d.defaults.RetryDelays))
	}
	return made, nil
}

// Version is that of the endpoint which the form was opened with.
func (f *endpointForm) Version() string { return f.values.Get("version") }

// Errors returns what is wrong at a field.
func (f *endpointForm) Errors(name string) []string {
	var texts []string
	for _, found := range f.Findings {
		if found.Field == name {
			texts = append(texts, sentence(found.Text))
		}
	}
	return texts
}

// Focus says that a field is the first that has to be looked at. In a frame none takes the focus
// by itself: browsers refuse it.
func (f *endpointForm) Focus(name string) bool {
	if f.framed {
		return false
	}
	for _, found := range f.Findings {
		if found.Field != "" {
			return found.Field == name
		}
	}
	return f.Endpoint == nil && name == "url"
}

// Open says that one of some fields has to be seen: those of headers for "headers".
func (f *endpointForm) Open(names ...string) bool {
	return slices.ContainsFunc(f.Findings, func(found formFinding) bool {
		return slices.Contains(names, found.Field) ||
			slices.Contains(names, "headers") && (strings.HasPrefix(found.Field, "header-") || strings.HasPrefix(found.Field, "old-header-"))
	})
}

// Forms returns the forms of events to choose from. The operator's events have one form.
func (f *endpointForm) Forms() []choice {
	if f.Endpoint != nil && f.Endpoint.Operator {
		return nil
	}
	var list []choice
	for _, form := range []api.Form{api.FormReceived, api.FormCanonical, api.FormDocumented} {
		list = append(list, choice{string(form), formText(form), f.Is("form", string(form))})
	}
	return list
}

// Events returns the events to choose from: those of a robot, or of the operator.
func (f *endpointForm) Events() []choice {
	types := robotEvents
	if f.Endpoint != nil && f.Endpoint.Operator {
		types = operatorEvents
	}
	list := make([]choice, len(types))
	for i, t := range types {
		list[i] = choice{string(t), eventChip(t).Text, slices.Contains(f.values["events"], string(t))}
	}
	return list
}

// A choice is a checkbox, a radio button or an option.
type choice struct {
	Value, Label string
	Chosen       bool
}

// An option is a choice of an amount.
type option struct {
	value int
	label string
}

func choices(options []option, chosen string) []choice {
	list := make([]choice, len(options))
	for i, o := range options {
		value := strconv.Itoa(o.value)
		list[i] = choice{value, o.label, value == chosen}
	}
	return list
}

// Is says that a field has a value.
func (f *endpointForm) Is(name, value string) bool { return f.values.Get(name) == value }

// A headerRow is a row for a header.
type headerRow struct {
	ID, Name string
	Errors   []string
	Focus    bool
	Removed  bool
	// Number counts the rows, from 1.
	Number int
}

// OldHeaders returns the rows of headers that the endpoint has.
func (f *endpointForm) OldHeaders() []headerRow {
	rows := make([]headerRow, len(f.values["old_header"]))
	for i, name := range f.values["old_header"] {
		id := oldHeaderID(i)
		rows[i] = headerRow{id, name, f.Errors(id), f.Focus(id), slices.Contains(f.values["remove_header"], name), i + 1}
	}
	return rows
}

// NewHeaders returns the rows for headers that it hasn't.
func (f *endpointForm) NewHeaders() []headerRow {
	names := f.values["header_name"]
	rows := make([]headerRow, max(emptyRows, min(len(names), 20)))
	for i := range rows {
		id := headerID(i)
		rows[i] = headerRow{id, nth(names, i), f.Errors(id), f.Focus(id), false, i + 1}
	}
	return rows
}

// A settingsDocument is what the API's document says of settings of endpoints.
type settingsDocument struct {
	settings map[string]settingRules
	// defaults has the default of each setting.
	defaults api.Endpoint
}

type settingRules struct {
	Default   json.RawMessage `json:"default"`
	Minimum   json.Number     `json:"minimum"`
	Maximum   json.Number     `json:"maximum"`
	MaxLength int             `json:"maxLength"`
}

// endpointDocument reads the document.
var endpointDocument = sync.OnceValues(func() (*settingsDocument, error) {
	text, err := openapi.Dist.ReadFile("dist/service.json")
	if err != nil {
		return nil, err
	}
	var doc struct {
		Components struct {
			Schemas struct {
				EndpointCreate struct {
					Properties map[string]settingRules `json:"properties"`
				}
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	d := &settingsDocument{settings: doc.Components.Schemas.EndpointCreate.Properties}
	defaults := map[string]json.RawMessage{}
	for name, r := range d.settings {
		if r.Default != nil {
			defaults[name] = r.Default
		}
	}
	if text, err = json.Marshal(defaults); err != nil {
		return nil, err
	}
	return d, json.Unmarshal(text, &d.defaults)
})
