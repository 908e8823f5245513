package httpd

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/router/access"
	"trunkline/store"
)

var (
	loginFields = []field[api.LoginRequest]{
		{"username", func(r *reader, at int32, v *api.LoginRequest) { v.Username, _ = r.str(at) }},
		{"password", func(r *reader, at int32, v *api.LoginRequest) { v.Password, _ = r.str(at) }},
		{"code", func(r *reader, at int32, v *api.LoginRequest) { v.Code, _ = r.str(at) }},
	}
	passwordChangeFields = []field[api.PasswordChange]{
		{"old", func(r *reader, at int32, v *api.PasswordChange) { v.Old, _ = r.str(at) }},
		{"new", func(r *reader, at int32, v *api.PasswordChange) { v.New, _ = r.str(at) }},
	}
	passwordResetFields = []field[api.PasswordReset]{
		{"code", func(r *reader, at int32, v *api.PasswordReset) { v.Code, _ = r.str(at) }},
		{"password", func(r *reader, at int32, v *api.PasswordReset) { v.Password, _ = r.str(at) }},
	}
	passwordForgottenFields = []field[api.PasswordForgotten]{
		{"username", func(r *reader, at int32, v *api.PasswordForgotten) { v.Username, _ = r.str(at) }},
	}
	codeFields = []field[api.CodeRequest]{
		{"code", func(r *reader, at int32, v *api.CodeRequest) { v.Code, _ = r.str(at) }},
	}
	localUserFields = []field[api.LocalUsers]{{"uids", readUIDs}}
)

func readUIDs(r *reader, at int32, v *api.LocalUsers) {
	if r.doc.nodes[at].kind != kindArray {
		r.wrongType(at, "a list of user ids")
		return
	}
	v.UIDs = []uint32{}
	for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
		n, ok := r.integer(c)
		if ok && (n < 0 || n > 1<<32-2) {
			r.refuse(c, api.FieldOutOfRange, "is no user id")
		}
		v.UIDs = append(v.UIDs, uint32(n))
	}
	slices.Sort(v.UIDs)
	v.UIDs = slices.Compact(v.UIDs)
}

// sessionCookie is the cookie that keeps a session; an empty text ends it.
func sessionCookie(text string) *http.Cookie {
	c := &http.Cookie{Name: api.SessionCookie, Value: text, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if text == "" {
		c.MaxAge = -1
	}
	return c
}

// logIn is POST /v1/login.
func (s *Server) logIn(w http.ResponseWriter, r *request) error {
	if s.login == nil {
		return notReady("nobody can log in here")
	}
	body, err := decodeBody(s, r, loginFields)
	if err := tooLongPassword("password", body.Password, err); err != nil {
		return err
	}
	text, who, err := s.login.Login(r.Context(), login.Attempt{Username: body.Username, Password: body.Password, Code: body.Code, From: fromOf(r.Request), Agent: r.UserAgent()})
	if err != nil {
		return err
	}
	http.SetCookie(w, sessionCookie(text))
	return s.answerAccount(w, r, who)
}

// tooLongPassword says what is wrong with a password that is far too long to be one, before anything is hashed; else it is the error of reading the body. What makes
// a body of this kind too large can only be its password.
func tooLongPassword(field, password string, err error) error {
	large := false
	if err != nil {
		p, _ := problemOf(err)
		large = p.Status == http.StatusRequestEntityTooLarge
	}
	if !large && (err != nil || len(password) <= 4*access.LongPassword) {
		return err
	}
	return invalid([]api.FieldError{{Field: field, Code: api.FieldTooLong, Message: "is too long: a password has at most " + strconv.Itoa(access.LongPassword) + " characters"}})
}

// logOut is POST /v1/logout.
func (s *Server) logOut(w http.ResponseWriter, r *request) error {
	if r.known.Session == (store.SessionKey{}) {
		return badParameter("Cookie", api.FieldRequired, "holds no session that could end")
	}
	if err := s.login.Logout(r.Context(), r.known.Session); err != nil {
		return err
	}
	http.SetCookie(w, sessionCookie(""))
	return s.answerAccount(w, r, r.known)
}

func (s *Server) showAccount(w http.ResponseWriter, r *request) error {
	return s.answerAccount(w, r, r.known)
}

// answerAccount answers with who somebody is.
func (s *Server) answerAccount(w http.ResponseWriter, r *request, who login.Known) error {
	out := api.Account{Account: who.Account, Administrator: who.Administrator, Role: s.store.RoleName(who.Role.String()), Permissions: who.Holds().Names(), NeedsFactor: who.NeedsFactor}
	if who.Administrator != 0 {
		c, err := s.store.Credential(r.Context(), who.Administrator)
		if err != nil {
			return err
		}
		switch {
		case !c.TOTPAt.IsZero():
			out.SecondFactor = "set"
		case len(c.TOTP) > 0:
			out.SecondFactor = "begun"
		default:
			out.SecondFactor = "none"
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

// self returns the administrator who asks, in person: a token may not change how its owner logs in.
func (s *Server) self(r *request) (uint64, error) {
	switch {
	case s.login == nil:
		return 0, notReady("nobody can log in here")
	case r.known.Administrator == 0:
		return 0, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "only an administrator has a password and a second factor, and this is none")
	case r.known.Token:
		return 0, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "a token cannot do that; log in")
	}
	return r.known.Administrator, nil
}

// changePassword is POST /v1/account/password.
func (s *Server) changePassword(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, passwordChangeFields)
	if err != nil {
		return err
	}
	if err := s.login.ChangePassword(r.Context(), id, body.Old, body.New); err != nil {
		if errors.Is(err, login.ErrDenied) {
			return invalid([]api.FieldError{{Field: "old", Code: api.FieldInvalid, Message: "is not the password"}})
		}
		return passwordProblem("new", err)
	}
	http.SetCookie(w, sessionCookie(""))
	return s.answerAccount(w, r, r.known)
}

// resetPassword is POST /v1/password: a code that was made for an administrator sets his password.
func (s *Server) resetPassword(w http.ResponseWriter, r *request) error {
	if s.login == nil {
		return notReady("nobody can log in here")
	}
	body, err := decodeBody(s, r, passwordResetFields)
	if err != nil {
		return err
	}
	who, err := s.login.Redeem(r.Context(), body.Code, body.Password)
	if errors.Is(err, login.ErrDenied) {
		return invalid([]api.FieldError{{Field: "code", Code: api.FieldInvalid, Message: "is none, was used, or has ended; have a new one made"}})
	}
	if err != nil {
		return passwordProblem("password", err)
	}
	return s.answerAccount(w, r, who)
}

// forgotPassword is POST /v1/password/forgot.
func (s *Server) forgotPassword(w http.ResponseWriter, r *request) error {
	if s.login == nil || !s.mails {
		return notReady("nobody can be sent a mail: there is no section [smtp.NAME] in the configuration; ask another administrator for a code")
	}
	body, err := decodeBody(s, r, passwordForgottenFields)
	if err != nil {
		return err
	}
	if body.Username == "" || len(body.Username) > 255 {
		return invalid([]api.FieldError{{Field: "username", Code: api.FieldInvalid, Message: "is the name of an administrator: 1 to 255 bytes"}})
	}
	if err := s.login.Forgot(r.Context(), body.Username, fromOf(r.Request)); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, api.PasswordMail{Detail: "if there is such an administrator, with an address of mail and a password that is kept here, a code is on its way"})
}

// passwordProblem names the field of a password that cannot be one.
func passwordProblem(field string, err error) error {
	if errors.Is(err, access.ErrPassword) {
		return invalid([]api.FieldError{{Field: field, Code: api.FieldInvalid, Message: err.Error()}})
	}
	return err
}

// enrolFactor is POST /v1/account/totp.
func (s *Server) enrolFactor(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	secret, uri, err := s.login.Enrol(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.FactorSecret{Secret: access.TOTPText(secret), URI: uri})
}

// confirmFactor is POST /v1/account/totp/confirm.
func (s *Server) confirmFactor(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, codeFields)
	if err != nil {
		return err
	}
	codes, err := s.login.Confirm(r.Context(), id, r.known.Session, body.Code)
	if err != nil {
		return codeProblem(err)
	}
	return writeJSON(w, http.StatusOK, api.Recovery{Codes: codes})
}

// dropFactor is POST /v1/account/totp/remove.
func (s *Server) dropFactor(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, codeFields)
	if err != nil {
		return err
	}
	if err := s.login.Drop(r.Context(), id, body.Code); err != nil {
		return codeProblem(err)
	}
	http.SetCookie(w, sessionCookie(""))
	return s.answerAccount(w, r, r.known)
}

func codeProblem(err error) error {
	if errors.Is(err, login.ErrDenied) {
		return invalid([]api.FieldError{{Field: "code", Code: api.FieldInvalid, Message: "is not right, or was used already"}})
	}
	return err
}

// sessionID names a session: the beginning of the hash by which it is kept.
func sessionID(key store.SessionKey) string { return hex.EncodeToString(key[:8]) }

// listSessions is GET /v1/account/sessions.
func (s *Server) listSessions(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	all, err := s.login.Sessions(r.Context(), id)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b store.Session) int { return b.SeenAt.Compare(a.SeenAt) })
	out := api.LoginSessions{Items: make([]api.LoginSession, len(all))}
	for i, v := range all {
		out.Items[i] = api.LoginSession{ID: sessionID(v.Key), Address: v.Address, Agent: v.Agent, SecondFactor: v.Proven, Current: v.Key == r.known.Session, CreatedAt: v.CreatedAt, SeenAt: v.SeenAt}
	}
	return writeJSON(w, http.StatusOK, out)
}

// endSession is DELETE /v1/account/sessions/{id}.
func (s *Server) endSession(w http.ResponseWriter, r *request) error {
	id, err := s.self(r)
	if err != nil {
		return err
	}
	all, err := s.login.Sessions(r.Context(), id)
	if err != nil {
		return err
	}
	for _, v := range all {
		if sessionID(v.Key) == r.PathValue("id") {
			if err := s.login.Logout(r.Context(), v.Key); err != nil {
				return err
			}
			return s.answerAccount(w, r, r.known)
		}
	}
	return store.ErrNotFound
}

// administratorOf returns the administrator in the path, who must be in sight; need is what is wanted of one of a service provider.
func (s *Server) administratorOf(r *request, need access.Permission) (store.Administrator, error) {
	if s.login == nil {
		return store.Administrator{}, notReady("nobody can log in here")
	}
	if r.known.Token {
		return store.Administrator{}, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "a token cannot do that; log in")
	}
	a, err := administratorResource.find(s, r, need)
	if err != nil {
		return a, err
	}
	role, err := access.ParseRole(a.RoleID)
	if err != nil {
		return a, store.ErrNotFound
	}
	granted, _ := access.ParsePermissions(a.Permissions)
	if a.Level == store.SuperAdministrator {
		granted = access.Every
	}
	if r.who.MayGrant(role, granted) != nil { // who could take over the login of another would have all that he has
		return a, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "this administrator holds what you do not")
	}
	return a, nil
}

// inviteAdministrator is POST /v1/administrators/{id}/invite.
func (s *Server) inviteAdministrator(w http.ResponseWriter, r *request) error {
	a, err := s.administratorOf(r, r.need)
	if err != nil {
		return err
	}
	code, until, err := s.login.Invite(r.Context(), a.ID, r.account)
	if err != nil {
		return loginConflict(err)
	}
	return writeJSON(w, http.StatusOK, api.Invite{Code: code, ExpiresAt: until})
}

// resetFactor is POST /v1/administrators/{id}/reset-factor.
func (s *Server) resetFactor(w http.ResponseWriter, r *request) error {
	a, err := s.administratorOf(r, r.need)
	if err == nil {
		err = s.login.ResetFactor(r.Context(), a.ID, r.account)
	}
	if err != nil {
		return loginConflict(err)
	}
	return s.answerAccount(w, r, r.known)
}

// unlockLogin is POST /v1/administrators/{id}/unlock.
func (s *Server) unlockLogin(w http.ResponseWriter, r *request) error {
	a, err := s.administratorOf(r, r.need)
	if err == nil {
		err = s.login.Unlock(r.Context(), a.ID)
	}
	if err != nil {
		return err
	}
	return s.answerAccount(w, r, r.known)
}

// setLocalUsers is PUT /v1/administrators/{id}/local-users.
func (s *Server) setLocalUsers(w http.ResponseWriter, r *request) error {
	a, err := s.administratorOf(r, access.ServiceAdministratorEdit)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, localUserFields)
	if err != nil {
		return err
	}
	if len(body.UIDs) > store.MaxLocalUsers {
		return invalid([]api.FieldError{{Field: "uids", Code: api.FieldTooMany, Message: "has more than " + strconv.Itoa(store.MaxLocalUsers)}})
	}
	for i, uid := range body.UIDs {
		if localUser(uid).Permissions == access.Every { // or it could take from itself what it needs to undo that
			return invalid([]api.FieldError{{Field: "uids[" + strconv.Itoa(i) + "]", Code: api.FieldInvalid, Message: "is root, or the user of the daemon, who may do everything by themselves"}})
		}
	}
	if err := s.login.SetLocalUsers(r.Context(), a.ID, body.UIDs, r.account); err != nil {
		return loginConflict(err)
	}
	return writeJSON(w, http.StatusOK, api.LocalUsers{UIDs: append([]uint32{}, body.UIDs...)})
}

// loginConflict words what is not possible in the state that a login is in.
func loginConflict(err error) error {
	conflict := func(title, detail string) error {
		return api.NewProblem(http.StatusConflict, api.CodeConflict, title, detail)
	}
	switch {
	case errors.Is(err, store.ErrArchived):
		return conflict("The administrator is archived", "restore it first")
	case errors.Is(err, store.ErrExists):
		return conflict("The local user is another administrator already", err.Error())
	}
	return err
}
