// Package login finds out who asks: by the user of this machine at the other end of a socket, by a token of a program, by the session of a browser, which begins
// with a password and a second factor. What an answer may do with that is decided in router/access; what is kept is in the store, where it is of no use to a thief.
//
// Nothing that grants is cached: what an administrator may is read anew for each request, so that a change acts at once.
package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// Config is the section [login].
type Config struct {
	SessionIdle time.Duration `toml:"session_idle"` // a session that is not used ends after
	SessionLife time.Duration `toml:"session_life"` // any session ends after
	TokenLife   time.Duration `toml:"token_life"`   // a token ends after, unless it is made for another time
	InviteLife  time.Duration `toml:"invite_life"`  // a code with which a password can be set ends after
}

// Default returns what is right for most.
func Default() Config {
	return Config{SessionIdle: 30 * time.Minute, SessionLife: 12 * time.Hour, TokenLife: 90 * 24 * time.Hour, InviteLife: 15 * time.Minute}
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	for _, k := range []struct {
		key         string
		value       time.Duration
		least, most time.Duration
	}{{"session_idle", c.SessionIdle, time.Minute, 24 * time.Hour}, {"session_life", c.SessionLife, time.Minute, 30 * 24 * time.Hour},
		{"token_life", c.TokenLife, time.Minute, maxTokenLife}, {"invite_life", c.InviteLife, time.Minute, 24 * time.Hour}} {
		if k.value < k.least || k.value > k.most {
			errs = append(errs, fmt.Errorf("%s: %s is not between %s and %s", k.key, k.value, k.least, k.most))
		}
	}
	return errs
}

var (
	// ErrDenied says that it is not shown who asks. It does not say what was wrong.
	ErrDenied = errors.New("it is not shown who asks")
	// ErrSecondFactor says that the password is right and a code of the second factor is missing.
	ErrSecondFactor = errors.New("a code of the second factor is needed")
	// ErrBusy says that too many passwords are being checked.
	ErrBusy = errors.New("too many passwords are being checked")
	// ErrNotSet says that there is no second factor, or none that is waiting to be confirmed.
	ErrNotSet = errors.New("there is none")
	// ErrSet says that there is a second factor already.
	ErrSet = errors.New("there is one already")
	// ErrDirectory says that the directory could not be asked whether a password is right.
	ErrDirectory = errors.New("the directory cannot be asked")
	// ErrElsewhere says that the password is kept in a directory, and can be changed only there.
	ErrElsewhere = errors.New("the password is that of the directory")
)

// WaitError says that there were too many tries, and how long to wait.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many tries; the next one is possible in %s", e.Wait.Round(time.Second))
}

// Directory proves passwords that are not kept here. Verify returns false when the password is not that of the user, and an error when it cannot tell.
type Directory interface {
	Verify(ctx context.Context, username, password string) (bool, error)
}

// Options is what a Keeper works with. Store is needed; all else may be zero.
type Options struct {
	Config     Config // zero: Default()
	Store      *store.Store
	Directory  Directory // of administrators whose auth_backend is ldap; nil: they cannot log in
	Random     io.Reader // nil: crypto/rand
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Keeper knows who may come in. It is safe for concurrent use.
type Keeper struct {
	config    Config
	store     *store.Store
	directory Directory
	random    io.Reader
	log       *slog.Logger
	metrics   *metrics
	hashing   chan struct{} // holds a token for each password that is being checked
}

// New returns a Keeper.
func New(o Options) *Keeper {
	if o.Config == (Config{}) {
		o.Config = Default()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Keeper{config: o.Config, store: o.Store, directory: o.Directory, random: o.Random, log: o.Logger, metrics: newMetrics(o.Registerer),
		hashing: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// endedKeep is how long revoked and ended tokens stay in sight.
const endedKeep = 30 * 24 * time.Hour

// Run removes what has ended, now and every hour, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		now := k.store.Now()
		for {
			n, err := k.store.ExpireLogins(ctx, now.Add(-k.config.SessionLife), now.Add(-k.config.SessionIdle), now.Add(-endedKeep), now)
			if err != nil && ctx.Err() == nil {
				k.log.Error("sessions that ended could not be removed; trying again in an hour", "err", err)
			}
			if n == 0 || err != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Anybody tells whether there is anybody who could come in over a network.
func (k *Keeper) Anybody(ctx context.Context) (bool, error) { return k.store.HasLogins(ctx) }
