package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Bounds on what an administrator logs in with.
const (
	MaxRecoveryCodes = 16
	MaxLocalUsers    = 16 // local users that are one administrator
)

// Credential is how an administrator proves who he is. What is in it is no use to who reads it, but for the secret of the second factor. It prints masked.
type Credential struct {
	Administrator uint64
	Password      string    // a hash with its parameters; empty: there is none, and no password is right
	PasswordAt    time.Time // when it was set
	TOTP          []byte    // secret of the second factor; nil: none
	TOTPAt        time.Time // when its first code was shown, from when on it is asked for; zero: not yet
	TOTPStep      uint64    // of the last code that was used: none up to it is taken any more
	Recovery      [][]byte  // hashes of the codes that replace a second factor once, which are left
	LocalUsers    []uint32  // user ids of this machine that are this administrator on the socket
	Reset         []byte    // hash of the code with which a password can be set; nil: none
	ResetUntil    time.Time
	ValidFrom     time.Time // sessions that began before are over
	UpdatedAt     time.Time
}

func (c Credential) String() string {
	return fmt.Sprintf("credential of administrator %d", c.Administrator)
}
func (c Credential) GoString() string     { return c.String() }
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Credential returns how an administrator proves who he is, empty when nothing was ever set.
func (s *Store) Credential(ctx context.Context, administrator uint64) (Credential, error) {
	var c *Credential
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		c, err = readCredential(r, administrator)
		return err
	})
	if err != nil {
		return Credential{}, err
	}
	return *c, nil
}

// EditCredential changes how an administrator proves who he is: fn may run more than once, and its error ends it without a trace. what names the change in
// the event "administrator.credential"; no event is written when it is empty. ErrExists when a local user is another administrator already.
func (s *Store) EditCredential(ctx context.Context, administrator uint64, at time.Time, who, what string, fn func(*Credential) error) (Credential, error) {
	var c *Credential
	err := s.update(ctx, func(t *tx) (err error) {
		if c, err = readCredential(t, administrator); err != nil {
			return err
		}
		users := slices.Clone(c.LocalUsers)
		if err := fn(c); err != nil {
			return err
		}
		if len(c.Recovery) > MaxRecoveryCodes || len(c.LocalUsers) > MaxLocalUsers || administrator == 0 {
			return fmt.Errorf("%w: a credential is that of an administrator, with at most %d recovery codes and %d local users", ErrInvalid, MaxRecoveryCodes, MaxLocalUsers)
		}
		c.Administrator, c.UpdatedAt = administrator, at
		if err := t.linkLocalUsers(administrator, users, c.LocalUsers); err != nil {
			return err
		}
		key := credentialKey(administrator)
		if err := t.Put(tableCredentials, key, seal(tableCredentials, key, appendCredential(newFrame(256), c))); err != nil || what == "" {
			return err
		}
		return t.event(Event{Type: "administrator.credential", At: at, Reference: -1, Code: fmt.Sprint(administrator), Text: what, Account: who})
	})
	if err != nil {
		return Credential{}, err
	}
	return *c, nil
}

// linkLocalUsers brings the index of local users up to date.
func (t *tx) linkLocalUsers(administrator uint64, was, now []uint32) error {
	for _, uid := range was {
		if !slices.Contains(now, uid) {
			if err := t.Delete(tableLocalUsers, localUserKey(uid)); err != nil {
				return err
			}
		}
	}
	for _, uid := range now {
		key := localUserKey(uid)
		value, err := t.Get(tableLocalUsers, key)
		switch {
		case err != nil:
			return err
		case len(value) == 8 && binary.BigEndian.Uint64(value) == administrator:
			continue
		case value != nil:
			return fmt.Errorf("local user %d: %w", uid, ErrExists)
		}
		if err := t.Put(tableLocalUsers, key, credentialKey(administrator)); err != nil {
			return err
		}
	}
	return nil
}

// dropCredential removes how an administrator proves who he is, with all sessions and tokens of his, when he is purged.
func (t *tx) dropCredential(administrator uint64) error {
	c, err := readCredential(t, administrator)
	if err == nil {
		err = t.linkLocalUsers(administrator, c.LocalUsers, nil)
	}
	if err == nil {
		err = t.Delete(tableCredentials, credentialKey(administrator))
	}
	if err != nil {
		return err
	}
	var tokens, sessions [][]byte
	err = t.Scan(tableTokens, nil, nil, false, func(k, v []byte) (bool, error) {
		if token, err := openToken(k, v); err == nil && token.Administrator == administrator {
			tokens = append(tokens, slices.Clone(k))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	err = t.Scan(tableSessions, nil, nil, false, func(k, v []byte) (bool, error) {
		if session, err := openSession(k, v); err == nil && session.Administrator == administrator {
			sessions = append(sessions, slices.Clone(k))
		}
		return true, nil
	})
	for _, k := range tokens {
		if err == nil {
			err = t.Delete(tableTokens, k)
		}
	}
	for _, k := range sessions {
		if err == nil {
			err = t.Delete(tableSessions, k)
		}
	}
	return err
}

// AdministratorOfLocalUser returns which administrator a user of this machine is; ok is false when it is none.
func (s *Store) AdministratorOfLocalUser(ctx context.Context, uid uint32) (administrator uint64, ok bool, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		administrator, ok = 0, false
		value, err := r.Get(tableLocalUsers, localUserKey(uid))
		if err == nil && len(value) == 8 {
			administrator, ok = binary.BigEndian.Uint64(value), true
		}
		return err
	})
	return administrator, ok, err
}

// HasLogins tells whether anybody could prove over a network who he is: whether there is a credential or a token.
func (s *Store) HasLogins(ctx context.Context) (has bool, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		has = false
		for _, table := range []Table{tableCredentials, tableTokens} {
			if err := r.Scan(table, nil, nil, false, func(_, _ []byte) (bool, error) { has = true; return false, nil }); err != nil || has {
				return err
			}
		}
		return nil
	})
	return has, err
}

func credentialKey(administrator uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, administrator)
}

func localUserKey(uid uint32) []byte { return binary.BigEndian.AppendUint32(nil, uid) }

func readCredential(r Reader, administrator uint64) (*Credential, error) {
	key := credentialKey(administrator)
	value, err := r.Get(tableCredentials, key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return &Credential{Administrator: administrator}, nil
	}
	return openCredential(key, value)
}

func openCredential(key, value []byte) (*Credential, error) {
	return openKeyed(tableCredentials, 8, key, value, func(payload []byte) (*Credential, error) {
		return decodeCredential(binary.BigEndian.Uint64(key), payload)
	})
}

// openKeyed reads the value of a key of a fixed length.
func openKeyed[T any](table Table, length int, key, value []byte, decode func([]byte) (*T, error)) (*T, error) {
	if len(key) != length {
		return nil, damage(table, key, fmt.Sprintf("key has not %d bytes", length))
	}
	payload, err := unseal(table, key, value)
	if err != nil {
		return nil, err
	}
	v, err := decode(payload)
	if err != nil {
		return nil, damage(table, key, err.Error())
	}
	return v, nil
}

// examineLocalUser says what is wrong with an entry of the index of local users.
func examineLocalUser(r Reader, k, v []byte) (string, error) {
	if len(k) != 4 || len(v) != 8 {
		return "entry has an unknown form", nil
	}
	c, err := readCredential(r, binary.BigEndian.Uint64(v))
	if _, bad := damaged(err); bad || err != nil {
		return "", nil // the credential itself is reported
	}
	if !slices.Contains(c.LocalUsers, binary.BigEndian.Uint32(k)) {
		return fmt.Sprintf("administrator %d is not local user %d", c.Administrator, binary.BigEndian.Uint32(k)), nil
	}
	return "", nil
}

// examineCredential says what is wrong with a good record of a credential.
func examineCredential(r Reader, k, v []byte) (string, error) {
	c, err := openCredential(k, v)
	if err != nil {
		return "", err
	}
	for _, uid := range c.LocalUsers {
		value, err := r.Get(tableLocalUsers, localUserKey(uid))
		if err != nil {
			return "", err
		}
		if len(value) != 8 || binary.BigEndian.Uint64(value) != c.Administrator {
			return fmt.Sprintf("the entry of local user %d is missing", uid), nil
		}
	}
	return "", nil
}
