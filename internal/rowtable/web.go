package rowtable

import (
	"strconv"

	"github.com/runhooks/runhooks/pkg/event"
)

// crawls returns the pages of crawls as rows. What is long and not text, HTML and links,
// is left to the event.
func crawls(e *event.Event) (groups []event.Group) {
	for _, c := range e.Content.Crawl {
		g := event.Group{Name: c.Name}
		for i := range c.Pages {
			p := &c.Pages[i]
			g.Rows = append(g.Rows, said(
				event.Cell{Name: "url", Text: p.URL},
				event.Cell{Name: "status_code", Text: number(p.StatusCode)},
				event.Cell{Name: "depth", Text: number(p.Depth)},
				event.Cell{Name: "title", Text: p.Title},
				event.Cell{Name: "description", Text: p.Description},
				event.Cell{Name: "language", Text: p.Language},
				event.Cell{Name: "scraped_at", Text: p.ScrapedAt.Raw},
				event.Cell{Name: "word_count", Text: number(p.WordCount)},
				event.Cell{Name: "text", Text: p.Text},
				event.Cell{Name: "markdown", Text: p.Markdown},
			))
		}
		groups = append(groups, g)
	}
	return groups
}

// searches returns the results of searches as rows.
func searches(e *event.Event) (groups []event.Group) {
	for _, s := range e.Content.Search {
		g := event.Group{Name: s.Name}
		for i := range s.Results {
			r := &s.Results[i]
			g.Rows = append(g.Rows, said(
				event.Cell{Name: "query", Text: s.Query},
				event.Cell{Name: "provider", Text: s.Provider},
				event.Cell{Name: "position", Text: number(r.Position)},
				event.Cell{Name: "title", Text: r.Title},
				event.Cell{Name: "url", Text: r.URL},
				event.Cell{Name: "description", Text: r.Description},
			))
		}
		groups = append(groups, g)
	}
	return groups
}

// said returns the cells that have text: of what no row has, there is no column.
func said(cells ...event.Cell) (row event.Row) {
	for _, c := range cells {
		if c.Text != "" {
			row = append(row, c)
		}
	}
	return row
}

func number(c event.Count) string {
	if !c.Known {
		return ""
	}
	return strconv.FormatInt(c.Value, 10)
}
