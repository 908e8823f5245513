package httpd

import (
	"net/http"
	"runtime"

	"trunkline/api"
	"trunkline/store"
)

// healthy answers whether the daemon lives and its store can be written. What modems do is no part of it.
func (s *Server) healthy(w http.ResponseWriter, _ *request) error {
	select {
	case <-s.store.Failed():
		return store.ErrStopped
	default:
		return writeJSON(w, http.StatusOK, api.Health{Status: "ok"})
	}
}

// readiness answers whether the daemon takes messages: it is healthy, not stopping, and whoever wired it says so.
func (s *Server) readiness(w http.ResponseWriter, r *request) error {
	select {
	case <-s.stopping:
		return notReady("it is stopping")
	default:
	}
	if s.ready != nil {
		if err := s.ready(); err != nil {
			return notReady(err.Error())
		}
	}
	return s.healthy(w, r)
}

func notReady(why string) error {
	return api.NewProblem(http.StatusServiceUnavailable, api.CodeNotReady, "The daemon is not ready", why)
}

func (s *Server) showVersion(w http.ResponseWriter, _ *request) error {
	return writeJSON(w, http.StatusOK, api.Version{Version: s.version, Go: runtime.Version()})
}

func (s *Server) showMetrics(w http.ResponseWriter, r *request) error {
	s.prometheus.ServeHTTP(w, r.Request)
	return nil
}
