package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"
)

// MaxTokens is how many tokens there may be, revoked ones included as long as they are kept.
const MaxTokens = 10_000

// TokenID names a token; it is no secret. The zero value is no token.
type TokenID [8]byte

// String returns the id in hex.
func (id TokenID) String() string { return hex.EncodeToString(id[:]) }

// ParseTokenID reads what String returns.
func ParseTokenID(s string) (id TokenID, err error) {
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("%d characters are no id of a token", len(s))
	}
	_, err = hex.Decode(id[:], []byte(s))
	return id, err
}

// Token is what a program shows to be let in. Its secret is known to its owner alone. It prints masked.
type Token struct {
	ID            TokenID
	Name          string   // what it is for
	Hash          []byte   // SHA-256 of the whole token
	Administrator uint64   // who it stands for; 0: for itself, in a role
	Role          string   // of a token that stands for itself
	Scope         []string // permissions that it has at most
	Networks      []string // where it may come from, as prefixes; empty: anywhere
	CreatedAt     time.Time
	CreatedBy     string
	ExpiresAt     time.Time // zero: never
	UsedAt        time.Time // about when it was last used; zero: never
	RevokedAt     time.Time // zero: it is not
}

func (t Token) String() string       { return "token " + t.ID.String() }
func (t Token) GoString() string     { return t.String() }
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// AddToken stores a new token. ErrTooMany beyond MaxTokens.
func (s *Store) AddToken(ctx context.Context, v Token, who string) error {
	if v.ID == (TokenID{}) || len(v.Hash) != 32 || v.CreatedAt.IsZero() {
		return fmt.Errorf("%w: a token needs an id, a hash and a time of creation", ErrInvalid)
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.countTable(tableTokens)
		if err == nil && n >= MaxTokens {
			err = fmt.Errorf("%d tokens: %w", n, ErrTooMany)
		}
		if err != nil {
			return err
		}
		return t.saveToken(&v, v.CreatedAt, "token.added", who)
	})
}

// RevokeToken puts a token out of use for good; nothing happens when it is already.
func (s *Store) RevokeToken(ctx context.Context, id TokenID, at time.Time, who string) (Token, error) {
	return s.changeToken(ctx, id, func(t *tx, v *Token) error {
		if !v.RevokedAt.IsZero() {
			return nil
		}
		v.RevokedAt = at
		return t.saveToken(v, at, "token.revoked", who)
	})
}

// TokenUsed notes that a token was used.
func (s *Store) TokenUsed(ctx context.Context, id TokenID, at time.Time) error {
	_, err := s.changeToken(ctx, id, func(t *tx, v *Token) error {
		v.UsedAt = at
		return t.saveToken(v, at, "", "")
	})
	return err
}

func (s *Store) changeToken(ctx context.Context, id TokenID, fn func(*tx, *Token) error) (Token, error) {
	var v *Token
	err := s.update(ctx, func(t *tx) (err error) {
		if v, err = readToken(t, id); err != nil {
			return err
		}
		return fn(t, v)
	})
	if err != nil {
		return Token{}, err
	}
	return *v, nil
}

func (t *tx) saveToken(v *Token, at time.Time, event, who string) error {
	if err := t.Put(tableTokens, v.ID[:], seal(tableTokens, v.ID[:], appendToken(newFrame(256), v))); err != nil || event == "" {
		return err
	}
	return t.event(Event{Type: event, At: at, Reference: -1, Code: v.ID.String(), Text: v.Name, Account: who})
}

// Token returns one token, or ErrNotFound.
func (s *Store) Token(ctx context.Context, id TokenID) (Token, error) {
	var v *Token
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		v, err = readToken(r, id)
		return err
	})
	if err != nil {
		return Token{}, err
	}
	return *v, nil
}

// Tokens returns all tokens in the order of their ids, which says nothing. Damaged records are left out.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	var all []Token
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tableTokens, nil, nil, false, func(k, v []byte) (bool, error) {
			token, err := openToken(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			all = append(all, *token)
			return true, nil
		})
	})
	return all, err
}

func readToken(r Reader, id TokenID) (*Token, error) {
	value, err := r.Get(tableTokens, id[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("token %s: %w", id, ErrNotFound)
	}
	return openToken(id[:], value)
}

func openToken(key, value []byte) (*Token, error) {
	return openKeyed(tableTokens, 8, key, value, func(payload []byte) (*Token, error) { return decodeToken(TokenID(key), payload) })
}

// countTable counts the keys of a table that has few.
func (t *tx) countTable(table Table) (n int, err error) {
	err = t.Scan(table, nil, nil, false, func(_, _ []byte) (bool, error) { n++; return true, nil })
	return n, err
}
