package store

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/callplan/phone"
)

// Levels of administrators.
const (
	SuperAdministrator = 1 // there is at most one
	Supervisor         = 2
)

// RolePlatformOwner is the role of an administrator of the platform; all others are of a service provider: "service_provider:<name>".
const RolePlatformOwner = "platform_owner"

const roleOfProvider = "service_provider:"

// ProviderRole returns the role of the administrators of a service provider.
func ProviderRole(provider string) string { return roleOfProvider + provider }

// MaxAdministrators is how many administrators a service provider may have, archived ones included.
const MaxAdministrators = 10_000

// DefaultQuota is the quota of an administrator for whom none is set.
const DefaultQuota = "100 M"

// Administrator is somebody who may log in and owns contacts, groups and messages. How it proves who it is, is kept elsewhere.
type Administrator struct {
	Meta                          // Provider: of RoleID; of a platform owner DefaultProvider
	Username         string       // login, unique over all
	LastName         string       // at most 255 characters
	FirstName        string       // at most 255
	PhoneNumber      phone.Number // unique when set
	Email            string       // unique when set
	Level            int          // SuperAdministrator or Supervisor
	RoleID           string       // RolePlatformOwner or ProviderRole; never changes
	Permissions      []string     // names of permissions
	HasClient        bool         // it asked for the configuration of the phone client
	SMSQuota         string       // parts that it may send in a calendar window: a number and D, W, M or Y, as in "100 M"
	RecipientFilter  bool         // it may send to its own contacts only
	LastQuotaReached time.Time    // it was told last that its quota is used up; zero: never
	PhoneToken       string       // with which its phone client begins texts; unique, empty: it has none
	AuthBackend      string       // what proves its password: "local", "ldap"
	QuotaRequest     string       // quota that it asks for; empty: none
}

// FullName is the name as it is shown: first name, last name.
func (a *Administrator) FullName() string { return fullName(a.FirstName, a.LastName) }

// Account is the name under which an administrator's messages are accepted and counted.
func (a *Administrator) Account() string { return AdminAccount(a.ID) }

const accountOfAdmin = "admin:"

// AdminAccount returns the account of the administrator with an id.
func AdminAccount(id uint64) string { return accountOfAdmin + strconv.FormatUint(id, 10) }

// AccountAdmin returns the id of the administrator whose account it is; false when it is nobody's.
func AccountAdmin(account string) (id uint64, ok bool) {
	s, ok := strings.CutPrefix(account, accountOfAdmin)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(s, 10, 64)
	return id, err == nil && id > 0
}

var administratorKind = &kind[Administrator]{
	name: "administrator", table: tableAdministrators, letter: 'd', max: MaxAdministrators,
	meta: func(a *Administrator) *Meta { return &a.Meta }, append: appendAdministrator, decode: decodeAdministrator,
	indexes: []index[Administrator]{
		{'n', "username", func(a *Administrator) [][]byte { return [][]byte{appendName(nil, a.Username)} }},
		{'p', "phone_number", func(a *Administrator) [][]byte {
			if a.PhoneNumber.IsZero() {
				return nil
			}
			return [][]byte{appendName(nil, line(a.PhoneNumber))}
		}},
		{'e', "email", func(a *Administrator) [][]byte {
			if a.Email == "" {
				return nil
			}
			return [][]byte{appendName(nil, fold(a.Email))}
		}},
		{'t', "phone_token", func(a *Administrator) [][]byte {
			if a.PhoneToken == "" {
				return nil
			}
			return [][]byte{appendName(nil, a.PhoneToken)}
		}},
		{'l', "level", func(a *Administrator) [][]byte {
			if a.Level != SuperAdministrator {
				return nil
			}
			return [][]byte{{SuperAdministrator}}
		}},
	},
	orders: []order[Administrator]{{"name", 'A', func(b []byte, a *Administrator) []byte {
		return appendText(appendText(b, fold(a.LastName)), fold(a.FirstName))
	}}, {"username", 'B', func(b []byte, a *Administrator) []byte { return appendText(b, a.Username) }}},
	words: func(a *Administrator) []string {
		return []string{a.Username, a.LastName, a.FirstName, a.Email, a.PhoneNumber.String()}
	},
}

// Administrators returns the collection of administrators.
func (s *Store) Administrators() Records[Administrator] {
	return Records[Administrator]{s, administratorKind}
}

var (
	newUsername = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	quotaForm   = regexp.MustCompile(`^(0|[1-9][0-9]{0,7}) [DWMY]$`)
)

// ValidQuota tells whether a text is a quota: a number and D, W, M or Y, as in "100 M". 0 lets nothing be sent.
func ValidQuota(s string) bool { return quotaForm.MatchString(s) }

func (a *Administrator) check(t *tx, was *Administrator, wrong *Faults) error {
	if a.SMSQuota == "" {
		a.SMSQuota = DefaultQuota
	}
	if a.AuthBackend == "" {
		a.AuthBackend = "local"
	}
	if a.Level == 0 {
		a.Level = Supervisor
	}
	if a.RoleID == "" {
		a.RoleID = ProviderRole(DefaultProvider)
		if a.Level == SuperAdministrator {
			a.RoleID = RolePlatformOwner
		}
	}
	if (was == nil || a.Username != was.Username) && !newUsername.MatchString(a.Username) {
		wrong.add("username", "invalid", "is 1 to 64 of a to z, 0 to 9 and underscore")
	}
	wrong.word("last_name", a.LastName, 255)
	wrong.word("first_name", a.FirstName, 255)
	wrong.email("email", a.Email)
	if !a.PhoneNumber.IsZero() && (a.PhoneNumber.Kind() == phone.Alphanumeric || len(a.PhoneNumber.String()) > 25) {
		wrong.add("phone_number", "invalid", "is no number that can be dialled, for example +4915112345678")
	}
	if !ValidQuota(a.SMSQuota) {
		wrong.add("sms_quota", "invalid", "is a number and D, W, M or Y, as in \"100 M\" for 100 parts a month")
	}
	if a.QuotaRequest != "" && !ValidQuota(a.QuotaRequest) {
		wrong.add("quota_request", "invalid", "is a number and D, W, M or Y, as in \"100 M\" for 100 parts a month")
	}
	wrong.oneOf("auth_backend", a.AuthBackend, "local", "ldap")
	if n := len(a.PhoneToken); n > 10 {
		wrong.add("phone_token", "too_long", "has %d characters, at most 10 are possible", n)
	}
	if len(a.Permissions) > 64 {
		wrong.add("permissions", "too_long", "has %d items, at most 64 are possible", len(a.Permissions))
	}
	for i, p := range a.Permissions {
		wrong.required(fmt.Sprintf("permissions[%d]", i), p, 64)
	}
	a.Permissions = slices.Compact(slices.Sorted(slices.Values(a.Permissions)))
	if len(a.Permissions) == 0 {
		a.Permissions = nil
	}
	if err := a.checkRole(t, was, wrong); err != nil {
		return err
	}
	if err := administratorKind.unique(t, a, wrong); err != nil {
		return err
	}
	for i := range wrong.Fields {
		if f := &wrong.Fields[i]; f.Field == "level" && f.Code == "exists" {
			f.Text = "There can be only one super admin."
		}
	}
	return nil
}

// checkRole checks level and role, and takes the service provider from the role.
func (a *Administrator) checkRole(t *tx, was *Administrator, wrong *Faults) error {
	if a.Level != SuperAdministrator && a.Level != Supervisor {
		wrong.add("level", "out_of_range", "is 1 (super administrator) or 2 (supervisor)")
	}
	provider, ofProvider := strings.CutPrefix(a.RoleID, roleOfProvider)
	switch {
	case ofProvider && provider != "":
	case a.RoleID == RolePlatformOwner:
		provider = DefaultProvider
	default:
		wrong.add("role_id", "invalid", "is %s or %s<name>", RolePlatformOwner, roleOfProvider)
		return nil
	}
	if a.Level == SuperAdministrator && a.RoleID != RolePlatformOwner {
		wrong.add("role_id", "invalid", "the super administrator is %s", RolePlatformOwner)
	}
	if a.Level == SuperAdministrator && a.AuthBackend != "local" {
		wrong.add("auth_backend", "invalid", "Administrator must be a local account")
	}
	if was != nil {
		if a.RoleID != was.RoleID {
			wrong.add("role_id", "immutable", "the role of an administrator cannot be changed; add another one")
		}
		if a.Level != was.Level {
			wrong.add("level", "immutable", "the level of an administrator cannot be changed")
		}
		return nil
	}
	a.Provider = provider
	return wrong.inProvider(t, &a.Meta)
}

// changed clears what a change answers: a quota that was set is the answer to the request for one.
func (a *Administrator) changed(t *tx, was *Administrator) error {
	switch {
	case a.QuotaRequest != was.QuotaRequest && a.QuotaRequest != "":
		return t.event(Event{Type: "quota.requested", At: a.UpdatedAt, Reference: -1, Code: recordCode(&a.Meta), Account: a.Account(), Text: was.SMSQuota + " → " + a.QuotaRequest})
	case a.SMSQuota != was.SMSQuota:
		return t.event(Event{Type: "quota.changed", At: a.UpdatedAt, Reference: -1, Code: recordCode(&a.Meta), Account: a.Account(), Text: was.SMSQuota + " → " + a.SMSQuota})
	}
	return nil
}

func (a *Administrator) removable() error {
	const superAdminStays = "Super admin cannot be deleted." // the words of Janua
	if a.Level == SuperAdministrator {
		return fmt.Errorf("%w: %s", ErrInvalid, superAdminStays)
	}
	return nil
}

// drop removes the contacts and groups of an administrator, and all that it logs in with, and gives its actions to the super administrator.
func (a *Administrator) drop(t *tx, limit int) (bool, error) {
	return dropAll(limit,
		func(n int) (bool, error) { return dropOwned(t, groupKind, a, n) },
		func(n int) (bool, error) { return dropOwned(t, contactKind, a, n) },
		func(n int) (bool, error) { return t.dropTo(linkAdmin, n, a.ID) },
		func(n int) (bool, error) { return a.handOver(t, n) },
		func(int) (bool, error) { return false, t.dropCredential(a.ID) })
}

// dropOwned removes records of an administrator with what belongs to them.
func dropOwned[T any](t *tx, k *kind[T], a *Administrator, limit int) (left bool, err error) {
	prefix := k.key(byOwner, idKey(a.ID))
	var ids []uint64
	err = t.Scan(tableIndex, prefix, after(prefix), false, func(key, _ []byte) (bool, error) {
		ids = append(ids, lastID(key))
		return len(ids) < max(1, limit/10), nil
	})
	for _, id := range ids {
		if err != nil {
			return true, err
		}
		v, e := k.read(t, id)
		if e != nil {
			return true, e
		}
		if left, err = rulesOf(v).drop(t, limit); left || err != nil {
			return true, err
		}
		err = k.remove(t, v, a.ArchivedAt, a.UpdatedBy)
	}
	return len(ids) > 0, err
}

// handOver gives the actions of an administrator to the super administrator, else to nobody. Their lists of who may trigger them are emptied.
func (a *Administrator) handOver(t *tx, limit int) (left bool, err error) {
	super, err := administratorKind.first(t, administratorKind.key('l'))
	if err != nil {
		return false, err
	}
	prefix := actionKind.key(byOwner, idKey(a.ID))
	var ids []uint64
	err = t.Scan(tableIndex, prefix, after(prefix), false, func(key, _ []byte) (bool, error) {
		ids = append(ids, lastID(key))
		return len(ids) < max(1, limit/10), nil
	})
	for _, id := range ids {
		if err != nil {
			return false, err
		}
		was, e := actionKind.read(t, id)
		if e != nil {
			return false, e
		}
		now := *was
		now.AdminID = 0
		if super != nil {
			now.AdminID = super.ID
		}
		if err = actionKind.save(t, was, &now, "changed"); err == nil {
			err = now.changed(t, was)
		}
	}
	return len(ids) > 0, err
}

// AdministratorByName returns the administrator with a username, archived or not, or ErrNotFound.
func (s *Store) AdministratorByName(ctx context.Context, username string) (Administrator, error) {
	return s.administratorAt(ctx, fmt.Sprintf("administrator %q", username), administratorKind.key('n', appendName(nil, username)))
}

// AdministratorByNumber returns the administrator whose phone a number is, archived or not, or ErrNotFound.
func (s *Store) AdministratorByNumber(ctx context.Context, n phone.Number) (Administrator, error) {
	return s.administratorAt(ctx, "administrator with this number", administratorKind.key('p', appendName(nil, line(n))))
}

// AdministratorByPhoneToken returns the administrator with a phone token, archived or not, or ErrNotFound.
func (s *Store) AdministratorByPhoneToken(ctx context.Context, token string) (Administrator, error) {
	return s.administratorAt(ctx, "administrator with this phone token", administratorKind.key('t', appendName(nil, token)))
}

// SuperAdministrator returns the super administrator, or ErrNotFound.
func (s *Store) SuperAdministrator(ctx context.Context) (Administrator, error) {
	return s.administratorAt(ctx, "super administrator", administratorKind.key('l'))
}

func (s *Store) administratorAt(ctx context.Context, what string, prefix []byte) (Administrator, error) {
	var a *Administrator
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		a, err = administratorKind.first(r, prefix)
		if err == nil && a == nil {
			err = fmt.Errorf("%s: %w", what, ErrNotFound)
		}
		return err
	})
	if err != nil {
		return Administrator{}, err
	}
	return *a, nil
}
