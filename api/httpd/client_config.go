package httpd

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"

	"trunkline/api"
	"trunkline/router"
	"trunkline/store"
)

// showClient is GET /v1/account/client: what a phone client of the administrator who asks needs.
func (s *Server) showClient(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	a, err := s.store.Administrators().Read(r.Context(), id)
	if err != nil {
		return err
	}
	return s.answerClient(w, r, &a)
}

// newPhoneToken is POST /v1/account/client.
func (s *Server) newPhoneToken(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	token, err := router.NewPhoneToken(rand.Reader)
	if err != nil {
		return err
	}
	a, err := s.store.Administrators().Edit(r.Context(), id, s.store.Now(), r.account, func(a *store.Administrator) error {
		a.HasClient, a.PhoneToken = true, token
		return nil
	})
	if err != nil {
		return administratorResource.problem(err)
	}
	return s.answerClient(w, r, &a)
}

func (s *Server) answerClient(w http.ResponseWriter, r *request, admin *store.Administrator) error {
	out := api.ClientConfig{PhoneToken: admin.PhoneToken, Actions: []api.ClientAction{}}
	for cursor := ""; ; {
		page, err := s.store.Actions().List(r.Context(), store.Listing[store.Action]{Provider: admin.Provider, Order: "name", Limit: maxLimit, Cursor: cursor})
		if err != nil {
			return err
		}
		for i := range page.Items {
			a := &page.Items[i]
			if !a.Enabled || !a.Authentication {
				continue
			}
			if admin.Level != store.SuperAdministrator && a.AdminID != admin.ID {
				grants, err := s.store.Grants(r.Context(), a.ID)
				if err != nil {
					return err
				}
				if !slices.Contains(grants.Administrators, admin.ID) {
					continue
				}
			}
			one := api.ClientAction{JanuaID: a.JanuaID, Name: a.Name, Description: a.Description, Category: a.Category, Dangerous: a.Dangerous, Arguments: actionFields(a).Arguments}
			slices.SortFunc(one.Arguments, func(a, b api.ActionArgument) int { return cmp.Compare(a.Name, b.Name) })
			out.Actions = append(out.Actions, one)
		}
		if cursor = page.Next; cursor == "" {
			return writeJSON(w, http.StatusOK, out)
		}
	}
}
