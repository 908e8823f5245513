package login

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"time"

	"trunkline/router/access"
	"trunkline/store"
)

// issuer is what an authenticator app shows beside the account.
const issuer = "Trunkline"

// recoveryCodes is how many codes replace a lost second factor; each has 80 bits.
const (
	recoveryCodes = 10
	recoveryBytes = 10
)

// Enrol makes the secret of a second factor, which counts once Confirm was given a code of it. ErrSet when there is one that counts.
func (k *Keeper) Enrol(ctx context.Context, administrator uint64) (secret []byte, uri string, err error) {
	a, p, ok, err := k.administrator(ctx, administrator)
	if err != nil {
		return nil, "", err
	}
	if !ok {
		return nil, "", ErrDenied
	}
	if secret, err = access.NewTOTPSecret(k.random); err != nil {
		return nil, "", err
	}
	_, err = k.store.EditCredential(ctx, administrator, k.store.Now(), p.Account, "second factor begun", func(c *store.Credential) error {
		if !c.TOTPAt.IsZero() {
			return ErrSet
		}
		c.TOTP, c.TOTPStep = secret, 0
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return secret, access.TOTPURI(issuer, a.Username, secret), nil
}

// Confirm makes a second factor count, by a first code of it, and returns the codes that replace it. The session is taken for proven.
func (k *Keeper) Confirm(ctx context.Context, administrator uint64, session store.SessionKey, code string) (recovery []string, err error) {
	if err := k.try(ctx, factorTries(administrator)); err != nil {
		return nil, err
	}
	hashes := make([][]byte, recoveryCodes)
	for i := range hashes {
		b := make([]byte, recoveryBytes)
		if _, err := io.ReadFull(k.random, b); err != nil {
			return nil, err
		}
		text := strings.ToLower(base32.StdEncoding.EncodeToString(b))
		hashes[i] = recoveryHash(administrator, text)
		recovery = append(recovery, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
	}
	at := k.store.Now()
	_, err = k.store.EditCredential(ctx, administrator, at, store.AdminAccount(administrator), "second factor set", func(c *store.Credential) error {
		switch {
		case !c.TOTPAt.IsZero():
			return ErrSet
		case len(c.TOTP) == 0:
			return ErrNotSet
		}
		step, ok := access.VerifyTOTP(c.TOTP, code, at, c.TOTPStep)
		if !ok {
			return ErrDenied
		}
		c.TOTPAt, c.TOTPStep, c.Recovery = at, step, hashes
		return nil
	})
	if err == nil {
		err = k.store.LoginSucceeded(ctx, []string{factorTries(administrator)}, nil)
	}
	if err == nil && session != (store.SessionKey{}) {
		err = k.store.EditSession(ctx, session, func(s *store.Session) { s.Proven = true })
	}
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// Drop removes the second factor of an administrator who shows a code of it. All his sessions end.
func (k *Keeper) Drop(ctx context.Context, administrator uint64, code string) error {
	if err := k.try(ctx, factorTries(administrator)); err != nil {
		return err
	}
	if err := k.useCode(ctx, administrator, code); err != nil {
		return err
	}
	if err := k.store.LoginSucceeded(ctx, []string{factorTries(administrator)}, nil); err != nil {
		return err
	}
	return k.ResetFactor(ctx, administrator, store.AdminAccount(administrator))
}

// ResetFactor removes the second factor of an administrator who lost it. All his sessions end.
func (k *Keeper) ResetFactor(ctx context.Context, administrator uint64, who string) error {
	at := k.store.Now()
	_, err := k.store.EditCredential(ctx, administrator, at, who, "second factor removed", func(c *store.Credential) error {
		if len(c.TOTP) == 0 {
			return ErrNotSet
		}
		c.TOTP, c.TOTPAt, c.TOTPStep, c.Recovery, c.ValidFrom = nil, time.Time{}, 0, nil, at
		return nil
	})
	return err
}

// useCode uses a code of the second factor, or one that replaces it: each once. ErrDenied when it is neither. The caller bounds the tries.
func (k *Keeper) useCode(ctx context.Context, administrator uint64, code string) error {
	at := k.store.Now()
	recovery := recoveryHash(administrator, strings.ToLower(strings.ReplaceAll(strings.TrimSpace(code), "-", "")))
	what := ""
	c, err := k.store.Credential(ctx, administrator)
	if err != nil {
		return err
	}
	isRecovery := func(hash []byte) bool { return subtle.ConstantTimeCompare(hash, recovery) == 1 }
	if slices.ContainsFunc(c.Recovery, isRecovery) {
		what = "recovery code used"
	}
	_, err = k.store.EditCredential(ctx, administrator, at, store.AdminAccount(administrator), what, func(c *store.Credential) error {
		if c.TOTPAt.IsZero() {
			return ErrNotSet
		}
		if step, ok := access.VerifyTOTP(c.TOTP, code, at, c.TOTPStep); ok {
			c.TOTPStep = step
			return nil
		}
		if i := slices.IndexFunc(c.Recovery, isRecovery); i >= 0 {
			c.Recovery = slices.Delete(c.Recovery, i, i+1)
			return nil
		}
		return ErrDenied
	})
	return err
}

// recoveryHash is how a code that replaces the second factor is kept, bound to who has it.
func recoveryHash(administrator uint64, text string) []byte {
	return access.HashCode(binary.BigEndian.AppendUint64(nil, administrator), text)
}
