package api

import "time"

// SessionCookie is the cookie in which a browser keeps its session.
const SessionCookie = "__Host-trunkline"

// LoginRequest is the body of POST /v1/login.
type LoginRequest struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Code     string `json:"code,omitempty" doc:"of the second factor, or a recovery code; needed when there is one"`
}

// Account is who asks.
type Account struct {
	Account       string   `json:"account" doc:"as messages and events name it, e.g. admin:7 or uid:1000"`
	Administrator uint64   `json:"administrator,omitempty" doc:"id of the administrator that it is"`
	Role          string   `json:"role" doc:"platform_owner or service_provider:NAME"`
	Permissions   []string `json:"permissions" nullable:"false" doc:"what is permitted now"`
	SecondFactor  string   `json:"second_factor,omitempty" enum:"none,begun,set" doc:"of an administrator"`
	NeedsFactor   bool     `json:"needs_second_factor,omitempty" doc:"more is permitted to a session with a second factor"`
}

// PasswordChange is the body of POST /v1/account/password.
type PasswordChange struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// PasswordForgotten is the body of POST /v1/password/forgot.
type PasswordForgotten struct {
	Username string `json:"username"`
}

// PasswordMail is the answer to it, which is the same whether there is such an administrator or not.
type PasswordMail struct {
	Detail string `json:"detail" doc:"what happens now, for people"`
}

// PasswordReset is the body of POST /v1/password.
type PasswordReset struct {
	Code     string `json:"code" doc:"of an Invite, or of the mail to who forgot his password"`
	Password string `json:"password"`
}

// Invite is a code with which an administrator sets his password, once.
type Invite struct {
	Code      string    `json:"code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// FactorSecret is a second factor that was made, told once; it counts when a first code of it was given.
type FactorSecret struct {
	Secret string `json:"secret" doc:"base32, to be typed into an authenticator app"`
	URI    string `json:"uri" doc:"otpauth://…, for a QR code"`
}

// CodeRequest is a body with a code of the second factor.
type CodeRequest struct {
	Code string `json:"code"`
}

// Recovery is the codes that replace a second factor, each once. They are told once.
type Recovery struct {
	Codes []string `json:"codes" nullable:"false"`
}

// LoginSession is one login of a browser.
type LoginSession struct {
	ID           string    `json:"id"`
	Address      string    `json:"address" doc:"where it began"`
	Agent        string    `json:"agent,omitempty" doc:"what the browser said that it is"`
	SecondFactor bool      `json:"second_factor,omitempty" doc:"one was shown"`
	Current      bool      `json:"current,omitempty" doc:"it is the one that asks"`
	CreatedAt    time.Time `json:"created_at"`
	SeenAt       time.Time `json:"seen_at" doc:"about when it was last used"`
}

// LoginSessions are the sessions of one administrator.
type LoginSessions struct {
	Items []LoginSession `json:"items" nullable:"false"`
}

// TokenRequest is the body of POST /v1/tokens.
type TokenRequest struct {
	Name     string   `json:"name" maxLength:"64" doc:"what it is for"`
	Role     string   `json:"role,omitempty" doc:"of a token that stands for itself: platform_owner or service_provider:NAME; absent: it stands for the administrator who asks"`
	Scope    []string `json:"scope" minItems:"1" doc:"names of the permissions that it has at most"`
	Networks []string `json:"networks,omitempty" maxItems:"32" doc:"where it may come from, e.g. 192.0.2.0/24; absent: anywhere" example:"[\"192.0.2.0/24\"]"`
	Life     Duration `json:"life,omitempty" doc:"it ends after: a string such as 720h, or seconds; absent: login.token_life"`
}

// Token is what a program shows to be let in, as Authorization: Bearer.
type Token struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Secret        string    `json:"secret,omitempty" doc:"the token itself; only in the answer to its making"`
	Administrator uint64    `json:"administrator,omitempty" doc:"who it stands for"`
	Role          string    `json:"role,omitempty" doc:"of a token that stands for itself"`
	Scope         []string  `json:"scope" nullable:"false"`
	Networks      []string  `json:"networks,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
	CreatedBy     string    `json:"created_by"`
	ExpiresAt     time.Time `json:"expires_at,omitzero"`
	UsedAt        time.Time `json:"used_at,omitzero" doc:"about when it was last used"`
	RevokedAt     time.Time `json:"revoked_at,omitzero"`
}

// TokenList is all tokens in sight, the newest first.
type TokenList struct {
	Items []Token `json:"items" nullable:"false"`
}

// LocalUsers is the body of PUT /v1/administrators/{id}/local-users, and its answer.
type LocalUsers struct {
	UIDs []uint32 `json:"uids" nullable:"false" maxItems:"16" doc:"user ids of this machine that are this administrator on the socket"`
}
