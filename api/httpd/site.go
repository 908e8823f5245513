package httpd

import (
	"net/http"

	"trunkline/api"
)

// sameSite refuses what the page of another site has a browser send (RFC 9110 §9.2.1: all but safe methods), and tells browsers to stay with TLS where it is spoken.
// Programs that are no browsers say nothing of sites and pass. On the socket there are no browsers.
func (s *Server) sameSite(w http.ResponseWriter, r *http.Request) error {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c != nil && c.peer.known {
		return nil
	}
	if c != nil && c.secure {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	if err := s.crossSite.Check(r); err != nil {
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Another site may not ask", "")
	}
	return nil
}
