package pages

import (
	"net/http"
)

func (p *Pages) showRobots(w http.ResponseWriter, r *http.Request, s *session) error {
	if s.RobotID != "" {
		return p.redirect(w, r, joinPath("robots", s.RobotID), "")
	}
	return p.render(w, r, http.StatusOK, "robots", view{Title: "Robots", Here: "robots"})
}
