package corpus

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/vectors"
)

// wildEvents are how many events a wild corpus has: about 40 MB.
const wildEvents = 50_000

// Wild returns the recipe of events that are varied from seeds, which have to
// deviate: the structure of each seed is kept, and its ids, times, texts, cells, names
// of columns and numbers of rows differ from event to event. A seed that is no JSON
// text is an error.
func Wild(name, description string, seeds [][]byte) (Recipe, error) {
	values := make([]value, len(seeds))
	for i, seed := range seeds {
		var err error
		if values[i], err = read(seed); err != nil {
			return Recipe{}, fmt.Errorf("seed %d of %s: %w", i, name, err)
		}
	}
	if len(values) == 0 {
		return Recipe{}, fmt.Errorf("%s has no seeds", name)
	}
	return Recipe{
		Name:        name,
		Description: description,
		Deviates:    true,
		make: func(g *generator, share float64) [][]byte {
			payloads := make([][]byte, int(wildEvents*share))
			for i := range payloads {
				payloads[i] = g.style.write(g.variant(values[i%len(values)]))
			}
			return payloads
		},
	}, nil
}

// WildVectors returns the recipe of the vectors that deviate, each varied as [Wild]
// says.
func WildVectors() Recipe {
	var seeds [][]byte
	for _, v := range vectors.All() {
		if v.Verdict == "deviates" {
			seeds = append(seeds, v.Payload)
		}
	}
	r, err := Wild("wild-vectors", fmt.Sprintf("50,000 events as servers send them, varied from the %d vectors that deviate", len(seeds)), seeds)
	if err != nil {
		panic(err) // what deviates is strict JSON
	}
	return r
}

// A variation is one event made from a seed.
type variation struct {
	*generator
	shift time.Duration // of all times of the event, so that their order stays
	// texts are what stands for the texts of rows and the names of columns: what
	// was equal in the seed is equal in the variant.
	texts map[string]string
	rows  int // how many there are more than in the seed
}

func (g *generator) variant(seed value) value {
	v := &variation{
		generator: g,
		shift:     time.Duration(g.Int64N(5*365*24*60*60)) * -time.Second,
		texts:     make(map[string]string),
	}
	return v.count(v.vary(seed, ""))
}

// vary returns the variant of a value, which is the member of that name or an item of it.
func (v *variation) vary(x value, name string) value {
	switch x := x.(type) {
	case object:
		out := make(object, len(x))
		for i, m := range x {
			out[i] = member{m.name, v.vary(m.value, m.name)}
			if m.name == "captured_texts" || m.name == "captured_lists" {
				out[i].value = v.captured(m.value, m.name == "captured_lists")
			}
		}
		return out
	case array:
		out := make(array, len(x))
		for i, item := range x {
			out[i] = v.vary(item, name)
		}
		return out
	case string:
		return v.text(x, name)
	case literal:
		if strings.EqualFold(strings.ReplaceAll(name, "_", ""), "userid") {
			least := int64(1)
			if id, err := strconv.ParseInt(string(x), 10, 64); err == nil && id >= firstUnsafe {
				least = firstUnsafe // which is a finding of its own
			}
			return literal(strconv.FormatInt(least+v.Int64N(1_000_000), 10))
		}
	}
	return x
}

// firstUnsafe is the least integer that not every receiver can hold: RFC 7493, section 2.2.
const firstUnsafe = 1 << 53

// placeholders are names that servers give to robots they don't know, and to those of
// tests: no user chose them.
var placeholders = []string{"Unknown Robot", "Sample Robot", "Test Robot"}

// text varies the text of a member.
func (v *variation) text(s, name string) string {
	if t, ok := v.moved(s); ok {
		return t
	}
	switch {
	case uuids.MatchString(s):
		return uuid(v.Rand)
	case strings.EqualFold(strings.ReplaceAll(name, "_", ""), "robotname"):
		if slices.Contains(placeholders, s) {
			return s
		}
		return v.language.text(v.Rand, 4+v.IntN(30))
	case strings.HasSuffix(strings.ToLower(name), "at"): // a time of another layout
		return s
	case name == "markdown" || name == "html" || name == "text":
		return v.scramble(s, true)
	}
	return v.scramble(s, false)
}

var uuids = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// layouts are those of times that servers write, but for those of languages that
// don't write digits and "AM" as English does: these stay as they are.
var layouts = []string{
	"2006-01-02T15:04:05.000Z07:00",
	time.RFC3339,
	"1/2/2006, 3:04:05 PM",
	"1/2/2006, 3:04:05\u202fPM",
	"2.1.2006, 15:04:05",
	"02/01/2006, 15:04:05",
	"02/01/2006 15:04:05",
	time.DateTime,
	"2006/1/2 15:04:05",
}

// moved returns the time that s is by another time, in the layout of s.
func (v *variation) moved(s string) (string, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.Format(layout) == s {
			return t.Add(v.shift).Format(layout), true
		}
	}
	return "", false
}

// scramble returns s with other digits and, if letters is set, other letters. What a
// URL begins with stays.
func (v *variation) scramble(s string, letters bool) string {
	b := []byte(s)
	for i := len(origins.FindString(s)); i < len(b); i++ {
		switch c := b[i]; {
		case '1' <= c && c <= '9':
			b[i] = '1' + byte(v.IntN(9))
		case letters && 'a' <= c && c <= 'z':
			b[i] = 'a' + byte(v.IntN(26))
		case letters && 'A' <= c && c <= 'Z':
			b[i] = 'A' + byte(v.IntN(26))
		}
	}
	return string(b)
}

var origins = regexp.MustCompile(`^(https?://[^/]*/|data:[^,]*,)`)

// captured varies what a robot captured: all names in it are the user's. Lists
// may get more rows. They don't get fewer: it may be the last that deviates.
func (v *variation) captured(x value, list bool) value {
	switch x := x.(type) {
	case object:
		out := make(object, len(x))
		for i, m := range x {
			out[i] = member{v.name(m.name), v.captured(m.value, list)}
		}
		return out
	case array:
		return v.rowsOf(x, list)
	case string:
		return v.cell(x)
	case literal:
		return literal(v.scramble(string(x), false))
	}
	return x
}

// rowsOf varies rows, or lists of rows.
func (v *variation) rowsOf(x array, list bool) array {
	out := make(array, len(x))
	for i, item := range x {
		out[i] = v.captured(item, list)
	}
	if !list || !slices.ContainsFunc(x, func(item value) bool { _, ok := item.(object); return ok }) {
		return out
	}
	rows := len(x)
	switch n := v.IntN(1000); {
	case n < 2:
		rows = 50 + v.IntN(150)
	case n < 30:
		rows = 8 + v.IntN(20)
	case n < 300:
		rows = 1 + v.IntN(6)
	}
	// A row more has the columns of one that is there, and cells of its own.
	names := maps.Clone(v.texts)
	for len(out) < rows {
		row := x[len(out)%len(x)]
		fresh := object{}
		if columns, ok := row.(object); ok {
			for _, m := range columns {
				clear(v.texts)
				fresh = append(fresh, member{names["name "+m.name], v.captured(m.value, list)})
			}
			row = fresh
		}
		out = append(out, row)
	}
	v.texts = names
	v.rows += len(out) - len(x)
	return out
}

// name varies the name of a column or of a list: now and then it stays.
func (v *variation) name(s string) string {
	return v.once("name "+s, func() string {
		name := v.language.columns[v.IntN(len(v.language.columns))]
		if v.IntN(4) == 0 {
			name = s
		}
		for text, other := range v.texts {
			if other == name && strings.HasPrefix(text, "name ") {
				return name + " " + letters(v.Rand, 6) // another column already has this name
			}
		}
		return name
	})
}

// cell varies the text of a cell: one that is empty stays so.
func (v *variation) cell(s string) string {
	return v.once("cell "+s, func() string {
		switch n := v.IntN(10); {
		case s == "":
			return s
		case n < 4 || origins.MatchString(s):
			return v.scramble(s, true)
		}
		for {
			if text := v.language.cell(v.Rand); text != "" {
				return text
			}
		}
	})
}

func (v *variation) once(key string, vary func() string) string {
	text, ok := v.texts[key]
	if !ok {
		text = vary()
		v.texts[key] = text
	}
	return text
}

// count adds the rows that there are more to the members that count them.
func (v *variation) count(x value) value {
	if items, ok := x.(object); ok {
		for i, m := range items {
			items[i].value = v.count(m.value)
			if n, ok := m.value.(literal); ok && (m.name == "captured_lists_count" || m.name == "total_rows") {
				if rows, err := strconv.Atoi(string(n)); err == nil {
					items[i].value = literal(strconv.Itoa(rows + v.rows))
				}
			}
		}
	}
	return x
}
