package httpd

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/router/access"
	"trunkline/store"
)

var tokenFields = []field[api.TokenRequest]{
	{"name", func(r *reader, at int32, v *api.TokenRequest) { v.Name, _ = r.str(at) }},
	{"role", func(r *reader, at int32, v *api.TokenRequest) { v.Role, _ = r.str(at) }},
	{"scope", func(r *reader, at int32, v *api.TokenRequest) { v.Scope = r.strings(at) }},
	{"networks", func(r *reader, at int32, v *api.TokenRequest) { v.Networks = r.strings(at) }},
	{"life", readLife},
}

func readLife(r *reader, at int32, v *api.TokenRequest) {
	switch r.doc.nodes[at].kind {
	case kindString:
		d, err := time.ParseDuration(r.doc.content(at))
		if err != nil {
			r.refuse(at, api.FieldInvalid, "is no duration such as \"720h\"")
		}
		v.Life = api.Duration(d)
	case kindNumber:
		n, _ := r.integer(at)
		v.Life = api.Duration(time.Duration(max(-1, min(n, 1<<30))) * time.Second)
	default:
		r.wrongType(at, "a duration such as \"720h\" or a number of seconds")
		return
	}
	if v.Life < api.Duration(time.Minute) || v.Life > api.Duration(10*365*24*time.Hour) {
		r.refuse(at, api.FieldOutOfRange, "is not between a minute and ten years (87600h)")
	}
}

// Bounds on a token.
const (
	maxTokenName     = 64
	maxTokenNetworks = 32
)

// tokenSpec checks what a token is wanted for.
func (s *Server) tokenSpec(r *request, body *api.TokenRequest) (spec login.TokenSpec, err error) {
	var wrong []api.FieldError
	bad := func(field, code, message string) {
		wrong = append(wrong, api.FieldError{Field: field, Code: code, Message: message})
	}
	spec = login.TokenSpec{Name: body.Name, Life: time.Duration(body.Life)}
	if n := len([]rune(body.Name)); n == 0 || n > maxTokenName {
		bad("name", api.FieldRequired, "has "+strconv.Itoa(n)+" characters; say in 1 to 64 what the token is for")
	}
	role := r.who.Role
	switch {
	case body.Role != "":
		if role, err = access.ParseRole(s.store.RoleKey(body.Role)); err != nil {
			bad("role", api.FieldInvalid, err.Error())
		} else if !r.who.Can(access.AdministratorNeed(role, access.ServiceAdministratorProvision), role.Provider()) {
			bad("role", api.FieldInvalid, "is not yours to give: it needs the permission "+access.AdministratorNeed(role, access.ServiceAdministratorProvision).String())
		}
		spec.Role = role
	case r.known.Administrator == 0:
		bad("role", api.FieldRequired, "is needed, since nobody asks for whom the token could stand: platform_owner, or service_provider:NAME")
	default:
		spec.Administrator = r.known.Administrator
	}
	for i, name := range body.Scope {
		p, err := access.ParsePermission(name)
		if err != nil {
			bad("scope["+strconv.Itoa(i)+"]", api.FieldUnknown, err.Error())
			continue
		}
		spec.Scope |= access.Of(p)
	}
	if len(body.Scope) == 0 {
		bad("scope", api.FieldRequired, "names no permission; a token without any can do nothing")
	}
	if len(body.Networks) > maxTokenNetworks {
		bad("networks", api.FieldTooMany, "has more than "+strconv.Itoa(maxTokenNetworks))
		body.Networks = nil
	}
	for i, text := range body.Networks {
		p, err := netip.ParsePrefix(text)
		if addr, e := netip.ParseAddr(text); err != nil && e == nil && addr.Zone() == "" {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			bad("networks["+strconv.Itoa(i)+"]", api.FieldInvalid, "is no network such as 192.0.2.0/24 or 2001:db8::/32")
			continue
		}
		spec.Networks = append(spec.Networks, p.Masked())
	}
	if len(wrong) == 0 {
		if err := r.who.MayGrant(role, spec.Scope); err != nil {
			bad("scope", api.FieldInvalid, err.Error())
		}
	}
	if len(wrong) > 0 {
		return spec, invalid(wrong)
	}
	return spec, nil
}

// addToken is POST /v1/tokens.
func (s *Server) addToken(w http.ResponseWriter, r *request) error {
	if s.login == nil {
		return notReady("tokens are not taken here")
	}
	if r.known.Token {
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "a token cannot make others; log in, or use the socket")
	}
	body, err := decodeBody(s, r, tokenFields)
	if err != nil {
		return err
	}
	spec, err := s.tokenSpec(r, &body)
	if err != nil {
		return err
	}
	text, t, err := s.login.Issue(r.Context(), spec, r.account)
	if errors.Is(err, store.ErrTooMany) {
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "There are as many tokens as there may be", strconv.Itoa(store.MaxTokens)+"; revoked ones go after a month")
	}
	if err != nil {
		return err
	}
	out := s.tokenOf(&t)
	out.Secret = text
	return writeJSON(w, http.StatusCreated, out)
}

// tokenOf returns a token as the contract shows it.
func (s *Server) tokenOf(t *store.Token) api.Token {
	return api.Token{ID: t.ID.String(), Name: t.Name, Administrator: t.Administrator, Role: s.store.RoleName(t.Role), Scope: append([]string{}, t.Scope...), Networks: t.Networks,
		CreatedAt: t.CreatedAt.UTC(), CreatedBy: t.CreatedBy, ExpiresAt: t.ExpiresAt.UTC(), UsedAt: t.UsedAt.UTC(), RevokedAt: t.RevokedAt.UTC()}
}

// ownsToken tells whether a token is in sight: one's own is, and those of others with the permission to see, or change, them as administrators.
func (s *Server) ownsToken(r *request, t *store.Token, need access.Permission) (bool, error) {
	role := t.Role
	if t.Administrator != 0 {
		if t.Administrator == r.known.Administrator {
			return true, nil
		}
		a, err := s.store.Administrators().Read(r.Context(), t.Administrator)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		role = a.RoleID
	}
	of, err := access.ParseRole(role)
	return err == nil && r.who.Can(access.AdministratorNeed(of, need), of.Provider()), nil
}

// listTokens is GET /v1/tokens.
func (s *Server) listTokens(w http.ResponseWriter, r *request) error {
	all, err := s.store.Tokens(r.Context())
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b store.Token) int { return b.CreatedAt.Compare(a.CreatedAt) })
	out := api.TokenList{Items: []api.Token{}}
	for i := range all {
		ok, err := s.ownsToken(r, &all[i], access.ServiceAdministratorView)
		if err != nil {
			return err
		}
		if ok {
			out.Items = append(out.Items, s.tokenOf(&all[i]))
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

// tokenInPath returns the token in the path, which must be in sight.
func (s *Server) tokenInPath(r *request, need access.Permission) (store.Token, error) {
	id, err := store.ParseTokenID(r.PathValue("id"))
	if err != nil || id.String() != r.PathValue("id") {
		return store.Token{}, badParameter("id", api.FieldInvalid, "is no id of a token: 16 hexadecimal digits")
	}
	t, err := s.store.Token(r.Context(), id)
	if err != nil {
		return t, err
	}
	ok, err := s.ownsToken(r, &t, need)
	if err == nil && !ok {
		err = store.ErrNotFound
	}
	return t, err
}

func (s *Server) showToken(w http.ResponseWriter, r *request) error {
	t, err := s.tokenInPath(r, access.ServiceAdministratorView)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.tokenOf(&t))
}

// revokeToken is DELETE /v1/tokens/{id}.
func (s *Server) revokeToken(w http.ResponseWriter, r *request) error {
	t, err := s.tokenInPath(r, access.ServiceAdministratorEdit)
	if err != nil {
		return err
	}
	if t, err = s.store.RevokeToken(r.Context(), t.ID, s.store.Now(), r.account); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.tokenOf(&t))
}
