package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"trunkline/store"
)

// forgottenFor is how long a request for a new password is good: what waited longer, since the gateway did not run, is not answered any more.
const forgottenFor = time.Hour

// forgotten is what somebody is sent who forgot the password, in English and in French. %[1]s is his name, %[2]s the username, %[3]s the code, %[4]s until when.
var forgotten = [2][2]string{
	{"A new password", "Hello %[1]s,\n\nsomebody asked for a new password for your account %[2]s on the gateway. With this code it can be set once, until %[4]s:\n\n%[3]s\n\n" +
		"Give it to \"trunkline admin redeem\", or with the new password to POST /v1/password. If it was not you who asked, do nothing: your password stays as it is.\n"},
	{"Nouveau mot de passe", "Bonjour %[1]s,\n\nun nouveau mot de passe a été demandé pour votre compte %[2]s sur la passerelle. Ce code permet de le choisir une fois, jusqu'au %[4]s :\n\n%[3]s\n\n" +
		"Donnez-le à « trunkline admin redeem », ou avec le mot de passe à POST /v1/password. Si vous n'avez rien demandé, ne faites rien : votre mot de passe reste le même.\n"},
}

// forgot mails an administrator a code for a new password, to his address or else to that of his service provider. An event is dealt with at most once, since each
// code puts the one before out of use; whoever got none asks again.
func (a *Administration) forgot(ctx context.Context, e *store.Event) error {
	if err := a.done(ctx, e); err != nil {
		return err
	}
	now := a.o.Store.Now()
	if e.Code == "" || a.o.Invite == nil || a.o.Mail == "" || now.Sub(e.At) > forgottenFor {
		return nil
	}
	about, err := a.about(ctx, e)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	provider, err := a.o.Store.Provider(ctx, about.Provider)
	if err != nil {
		return err
	}
	to := cmp.Or(about.Email, provider.Email)
	if to == "" {
		a.o.Logger.Warn("an administrator who forgot the password has no address of mail, and neither has the service provider", "administrator", about.ID)
		return nil
	}
	code, until, err := a.o.Invite(ctx, about.ID, "forgot")
	if err != nil {
		a.o.Logger.Warn("an administrator who forgot the password gets no code", "administrator", about.ID, "err", err)
		return nil
	}
	text := forgotten[0]
	if strings.HasPrefix(provider.Locale, "fr") {
		text = forgotten[1]
	}
	body := fmt.Sprintf(text[1], cmp.Or(about.FullName(), about.Username), about.Username, code, until.UTC().Format("2006-01-02 15:04 MST"))
	m := composeMail("", about.Provider, a.o.Mail, to, text[0], body, now)
	m.Secret, m.ExpiresAt = true, until
	return a.queue(ctx, e, m, about.ID)
}
