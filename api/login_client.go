package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// post sends a body and decodes the answer.
func post[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	var body []byte
	header := http.Header{}
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return out, fmt.Errorf("encode body of %s %s: %w", method, path, err)
		}
		header.Set("Content-Type", "application/json")
	}
	_, err = c.call(ctx, method, path, header, body, &out)
	return out, err
}

// Account returns who asks.
func (c *Client) Account(ctx context.Context) (Account, error) {
	return post[Account](ctx, c, http.MethodGet, "/v1/account", nil)
}

// Tokens returns all tokens in sight.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	out, err := post[TokenList](ctx, c, http.MethodGet, "/v1/tokens", nil)
	return out.Items, err
}

// AddToken makes a token; its secret is in the answer, once.
func (c *Client) AddToken(ctx context.Context, r TokenRequest) (Token, error) {
	return post[Token](ctx, c, http.MethodPost, "/v1/tokens", r)
}

// RevokeToken puts a token out of use for good.
func (c *Client) RevokeToken(ctx context.Context, id string) (Token, error) {
	return post[Token](ctx, c, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil)
}

// Invite makes a code with which an administrator sets his password.
func (c *Client) Invite(ctx context.Context, administrator string) (Invite, error) {
	return post[Invite](ctx, c, http.MethodPost, "/v1/administrators/"+url.PathEscape(administrator)+"/invite", nil)
}

// ForgotPassword has a code mailed to an administrator, with which ResetPassword sets a new password.
func (c *Client) ForgotPassword(ctx context.Context, username string) (PasswordMail, error) {
	return post[PasswordMail](ctx, c, http.MethodPost, "/v1/password/forgot", PasswordForgotten{Username: username})
}

// ResetPassword sets the password of the administrator for whom a code was made.
func (c *Client) ResetPassword(ctx context.Context, r PasswordReset) error {
	_, err := post[Account](ctx, c, http.MethodPost, "/v1/password", r)
	return err
}

// ResetFactor removes the second factor of an administrator who lost it.
func (c *Client) ResetFactor(ctx context.Context, administrator string) error {
	_, err := post[Account](ctx, c, http.MethodPost, "/v1/administrators/"+url.PathEscape(administrator)+"/reset-factor", nil)
	return err
}

// UnlockLogin lets an administrator try to log in again at once.
func (c *Client) UnlockLogin(ctx context.Context, administrator string) error {
	_, err := post[Account](ctx, c, http.MethodPost, "/v1/administrators/"+url.PathEscape(administrator)+"/unlock", nil)
	return err
}

// SetLocalUsers says which users of this machine are an administrator.
func (c *Client) SetLocalUsers(ctx context.Context, administrator string, users LocalUsers) (LocalUsers, error) {
	return post[LocalUsers](ctx, c, http.MethodPut, "/v1/administrators/"+url.PathEscape(administrator)+"/local-users", users)
}
