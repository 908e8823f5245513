package httpd

import (
	"net/http"

	"trunkline/api"
	"trunkline/router/access"
)

// loginRoutes are what has to do with who may come in.
var loginRoutes = []route{
	{method: "POST", pattern: "/v1/login", id: "login", need: access.Public, summary: "Begin a session, in a cookie, with a name, a password and, where there is one, a second factor",
		body: api.LoginRequest{}, status: http.StatusOK, answer: api.Account{}, problems: []int{400, 401, 403, 411, 413, 415, 422, 429, 503}, handle: (*Server).logIn},
	{method: "POST", pattern: "/v1/logout", id: "logout", need: access.Anyone, summary: "End the session that asks",
		status: http.StatusOK, answer: api.Account{}, problems: []int{400, 401, 403, 503}, handle: (*Server).logOut},
	{method: "POST", pattern: "/v1/password", id: "resetPassword", need: access.Public, summary: "Set a password with a code that was made for it",
		body: api.PasswordReset{}, status: http.StatusOK, answer: api.Account{}, problems: []int{400, 403, 409, 411, 413, 415, 422, 429, 503}, handle: (*Server).resetPassword},
	{method: "POST", pattern: "/v1/password/forgot", id: "forgotPassword", need: access.Public, summary: "Have a code mailed to an administrator who forgot the password; the answer is the same when there is none",
		body: api.PasswordForgotten{}, status: http.StatusAccepted, answer: api.PasswordMail{}, problems: []int{400, 403, 411, 413, 415, 422, 429, 503}, handle: (*Server).forgotPassword},
	{method: "GET", pattern: "/v1/account", id: "account", need: access.Anyone, summary: "Show who asks, and what is permitted",
		status: http.StatusOK, answer: api.Account{}, problems: []int{401}, handle: (*Server).showAccount},
	{method: "POST", pattern: "/v1/account/password", id: "changePassword", need: access.Anyone, summary: "Change one's password; all sessions end",
		body: api.PasswordChange{}, status: http.StatusOK, answer: api.Account{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 429, 503}, handle: (*Server).changePassword},
	{method: "POST", pattern: "/v1/account/totp", id: "enrolFactor", need: access.Anyone, summary: "Make a second factor; it counts when a first code of it was given",
		status: http.StatusOK, answer: api.FactorSecret{}, problems: []int{401, 403, 409, 503}, handle: (*Server).enrolFactor},
	{method: "POST", pattern: "/v1/account/totp/confirm", id: "confirmFactor", need: access.Anyone, summary: "Make a second factor count, by a first code; the answer has the codes that replace it",
		body: api.CodeRequest{}, status: http.StatusOK, answer: api.Recovery{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 429, 503}, handle: (*Server).confirmFactor},
	{method: "POST", pattern: "/v1/account/totp/remove", id: "dropFactor", need: access.Anyone, summary: "Remove one's second factor, by a code; all sessions end",
		body: api.CodeRequest{}, status: http.StatusOK, answer: api.Account{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 429, 503}, handle: (*Server).dropFactor},
	{method: "GET", pattern: "/v1/account/client", id: "clientConfig", need: access.Anyone, summary: "Show what one's phone client needs: the phone token, and the actions that it can trigger",
		status: http.StatusOK, answer: api.ClientConfig{}, problems: []int{401, 403, 404}, handle: (*Server).showClient},
	{method: "POST", pattern: "/v1/account/client", id: "newPhoneToken", need: access.Anyone, summary: "Make another phone token; the one before is no longer good",
		status: http.StatusOK, answer: api.ClientConfig{}, problems: []int{401, 403, 404, 409, 503}, handle: (*Server).newPhoneToken},
	{method: "GET", pattern: "/v1/account/sessions", id: "sessions", need: access.Anyone, summary: "List one's sessions, the last used first",
		status: http.StatusOK, answer: api.LoginSessions{}, problems: []int{401, 403}, handle: (*Server).listSessions},
	{method: "DELETE", pattern: "/v1/account/sessions/{id}", id: "endSession", need: access.Anyone, summary: "End one of one's sessions",
		status: http.StatusOK, answer: api.Account{}, problems: []int{401, 403, 404, 503}, handle: (*Server).endSession},
	{method: "GET", pattern: "/v1/tokens", id: "tokens", need: access.Anyone, summary: "List tokens: one's own, and those of administrators in sight",
		status: http.StatusOK, answer: api.TokenList{}, problems: []int{401}, handle: (*Server).listTokens},
	{method: "POST", pattern: "/v1/tokens", id: "addToken", need: access.Anyone, summary: "Make a token; the answer has it, once",
		body: api.TokenRequest{}, status: http.StatusCreated, answer: api.Token{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 503}, handle: (*Server).addToken},
	{method: "GET", pattern: "/v1/tokens/{id}", id: "token", need: access.Anyone, summary: "Show one token",
		status: http.StatusOK, answer: api.Token{}, problems: []int{400, 401, 404}, handle: (*Server).showToken},
	{method: "DELETE", pattern: "/v1/tokens/{id}", id: "revokeToken", need: access.Anyone, summary: "Put a token out of use for good",
		status: http.StatusOK, answer: api.Token{}, problems: []int{400, 401, 404, 503}, handle: (*Server).revokeToken},
	{method: "POST", pattern: "/v1/administrators/{id}/invite", id: "inviteAdministrator", need: access.ServiceAdministratorEdit, summary: "Make a code with which an administrator sets his password, once, soon",
		status: http.StatusOK, answer: api.Invite{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).inviteAdministrator},
	{method: "POST", pattern: "/v1/administrators/{id}/reset-factor", id: "resetFactor", need: access.ServiceAdministratorEdit, summary: "Remove the second factor of an administrator who lost it",
		status: http.StatusOK, answer: api.Account{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).resetFactor},
	{method: "POST", pattern: "/v1/administrators/{id}/unlock", id: "unlockLogin", need: access.ServiceAdministratorEdit, summary: "Let an administrator try to log in again at once",
		status: http.StatusOK, answer: api.Account{}, problems: []int{400, 401, 403, 404, 503}, handle: (*Server).unlockLogin},
	{method: "PUT", pattern: "/v1/administrators/{id}/local-users", id: "setLocalUsers", need: access.PlatformAdministratorEdit, summary: "Say which users of this machine are an administrator on the socket",
		body: api.LocalUsers{}, status: http.StatusOK, answer: api.LocalUsers{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).setLocalUsers},
}
