package httpd

import (
	"net/http"

	"trunkline/api"
)

func (s *Server) listModems(w http.ResponseWriter, _ *request) error {
	out := api.ModemList{Items: []api.Modem{}}
	if s.modems != nil {
		out.Items = append(out.Items, s.modems()...)
	}
	return writeJSON(w, http.StatusOK, out)
}
