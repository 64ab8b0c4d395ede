package pages

import (
	"net/http"
	"net/url"

	api "github.com/runhooks/runhooks/gen/service"
)

// robotList is what the page of robots shows.
type robotList struct {
	Robots []api.Robot
	// Find is the id that was looked for.
	Find string
	// First and Next are the paths of pages; empty if there are none.
	First, Next string
}

func (p *Pages) showRobots(w http.ResponseWriter, r *http.Request, s *session) error {
	if s.RobotID != "" {
		return p.redirect(w, r, joinPath("robots", s.RobotID), "")
	}
	query := r.URL.Query()
	if find := query.Get("find"); find != "" {
		return p.redirect(w, r, joinPath("robots", find), "")
	}
	ask := url.Values{"limit": {"25"}}
	list := robotList{}
	if cursor := query.Get("cursor"); cursor != "" {
		ask.Set("cursor", cursor)
		list.First = "/robots"
	}
	var page api.RobotPage
	if err := s.do(r.Context(), http.MethodGet, "/v1/robots?"+ask.Encode(), nil, &page); err != nil {
		return err
	}
	list.Robots = page.Items
	if page.Next != nil {
		list.Next = "/robots?" + url.Values{"cursor": {*page.Next}}.Encode()
	}
	return p.render(w, r, http.StatusOK, "robots", view{Title: "Robots", Here: "robots", Data: list})
}
