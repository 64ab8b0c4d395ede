package pages

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/report"
)

// functions are those of templates.
func (p *Pages) functions() template.FuncMap {
	return template.FuncMap{
		"asset":     func(name string) string { return "/static/" + name + "?v=" + p.versions[name] },
		"when":      when,
		"countdown": countdown,
		"visible":   func(text string) string { return report.Visible(text, 200) },
		"stateChip": stateChip,
		"eventChip": eventChip,
		"formText":  formText,
		"size":      size,
		"duration":  duration,
		"path":      joinPath,
		"count":     count,
		"hours":     hoursChart,
		"rate":      successRate,
		"phrase":    phrase,
	}
}

// phrase shows a text whose code stands between backticks, as Markdown has it.
func phrase(text string) template.HTML {
	parts := strings.Split(template.HTMLEscapeString(text), "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "<code>" + parts[i] + "</code>"
	}
	return template.HTML(strings.Join(parts, "")) //nolint:gosec // it is escaped
}

// when shows a time as far as it is away, with the exact one on hover. page.js keeps it
// right, in the reader's own zone.
func when(t any) template.HTML {
	at, ok := timeOf(t)
	if !ok {
		return "—"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, //nolint:gosec // times and our own words
		at.UTC().Format(time.RFC3339Nano), at.UTC().Format("2006-01-02 15:04:05 MST"), ago(time.Since(at))))
}

// countdown shows in how long something is due. page.js counts down.
func countdown(t any) template.HTML {
	return template.HTML(strings.Replace(string(when(t)), "<time ", "<time data-countdown ", 1)) //nolint:gosec // as above
}

func timeOf(t any) (time.Time, bool) {
	switch t := t.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, !t.IsZero()
		}
	}
	return time.Time{}, false
}

// ago says how long ago something was, or in how long it is.
func ago(d time.Duration) string {
	form := "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	switch {
	case d < 5*time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf(form, fmt.Sprintf("%d s", d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d min", d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d h", d/time.Hour))
	default:
		return fmt.Sprintf(form, fmt.Sprintf("%d days", d/(24*time.Hour)))
	}
}

// A chip is a word with a colour.
type chip struct{ Kind, Text string }

// stateChip is that of an endpoint's or a delivery's state.
func stateChip(state any) chip {
	name := fmt.Sprint(state)
	kind := map[string]string{
		"active": "good", "delivered": "good", "succeeded": "good",
		"paused": "quiet", "held": "quiet", "cancelled": "quiet", "expired": "quiet",
		"pending": "info", "slowed": "warn", "failing": "warn",
		"disabled": "bad", "exhausted": "bad", "failed": "bad",
	}[name]
	if kind == "" {
		kind = "quiet"
	}
	return chip{kind, capital(name)}
}

// eventChip is that of an event's type, in the words of the platform's own page.
func eventChip(event any) chip {
	switch name := fmt.Sprint(event); name {
	case "run_completed":
		return chip{"good", "Run finished"}
	case "run_failed":
		return chip{"bad", "Run failed"}
	default:
		return chip{"quiet", capital(strings.NewReplacer("_", " ", ".", " ").Replace(name))}
	}
}

func capital(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[n:]
}

// sentence makes a sentence of an error's text.
func sentence(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return strings.TrimSuffix(capital(text), ".") + "."
}

// size writes a number of bytes.
func size(bytes any) string {
	switch n := number(bytes); {
	case n < 1000:
		return fmt.Sprintf("%.0f B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f KB", n/1e3)
	default:
		return fmt.Sprintf("%.1f MB", n/1e6)
	}
}

func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// count writes a number that is counted up to a bound: of 1,000, there may be more.
func count(n any) string {
	if number(n) >= 1000 {
		return "1,000 or more"
	}
	return fmt.Sprint(n)
}

// number is an int, an int64 or a float64; templates have all of them.
func number(n any) float64 {
	switch n := n.(type) {
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// joinPath makes the path of a page from segments that may hold anything: texts, or
// pointers to them.
func joinPath(segments ...any) string {
	var b strings.Builder
	for _, s := range segments {
		if p, ok := s.(*string); ok {
			s = text(p)
		}
		b.WriteByte('/')
		b.WriteString(url.PathEscape(fmt.Sprint(s)))
	}
	return b.String()
}
