package httpd

import (
	"context"
	"net/http"
	"net/netip"

	"trunkline/api"
	"trunkline/router/access"
)

// SwitchHandler serves what switches may ask over TCP, where their addresses are all that is known of them: POST /v1/decide, to those that a section
// [switch.NAME] names. All others are answered 403.
func (s *Server) SwitchHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/decide", func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		asker := s.switches.Find(from.Addr())
		if err != nil || asker == nil {
			writeProblem(w, r.URL.Path, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "This address may not ask", "no section [switch.NAME] of the configuration names it"))
			return
		}
		who := access.Principal{Account: "switch:" + asker.Name, Role: access.PlatformOwner(), Permissions: access.Of(access.CallPatternView)}
		ctx := context.WithValue(r.Context(), principalKey{}, who)
		s.mux.ServeHTTP(w, r.WithContext(context.WithValue(ctx, switchKey{}, asker)))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r.URL.Path, api.NewProblem(http.StatusNotFound, api.CodeNotFound, "There is no such path", ""))
	})
	return mux
}
