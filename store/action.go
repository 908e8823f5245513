package store

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// MaxActions is how many actions a service provider may have, archived ones included.
const MaxActions = 10_000

// Kinds of actions.
const (
	ActionReply   = "reply"   // answers with Text
	ActionForward = "forward" // sends what came to Target
	ActionWebhook = "webhook" // posts what came to Target
	ActionProgram = "program" // runs the program of the configuration that Target names
	ActionBuiltin = "builtin" // does what Target names: help, status, sendsms, …
)

// Highest level of proof that an action can ask of a sender.
const MaxActionLevel = 4

// Action is what a text triggers.
type Action struct {
	Meta
	Name           string // a-z, 0-9, hyphen and underscore; unique for the service provider
	Description    string // at most 2000 characters
	Module         string // what carries it out: kind and target, e.g. "builtin:help", unless it is given; unique for the service provider
	Keyword        string // first word of the texts that trigger it, lower case; unique when set. Without one it is triggered in the encoded form only
	Authentication bool   // it is triggered in the encoded form, with a phone token; so when it has no keyword
	Enabled        bool
	Filtered       bool   // only those on its lists may trigger it
	AdminID        uint64 // manager: an administrator that is told, and pays for what is sent; 0: none
	JanuaID        uint64 // number in the encoded form, unique for the service provider, given when 0
	Kind           string // one of the constants above
	Category       string // at most 64 characters
	Dangerous      bool   // it is asked for again before it is run from a board
	Level          int    // proof asked of the sender: 0 open, 1 listed, 2 challenge to the number on file, 3 one-time password, 4 two people
	Text           string // template of the answer; at most 2000 characters
	Target         string // of a forward a number or group, of a webhook a URL, of a program or built-in its name
	Arguments      []ActionArgument
	SenderLimit    int  // runs an hour that one sender may trigger; 0: the usual one
	HourLimit      int  // runs an hour in all; 0: the usual one
	Repeat         bool // a run that was interrupted is done again at start; else it is reported only
}

// ActionArgument is one of the values that a text gives to an action.
type ActionArgument struct {
	Name        string // a-z, 0-9, hyphen and underscore; unique in the action
	Description string
	Type        string // int, str, list, multilist, date, time or float
	Required    bool
	Choices     []string // of list and multilist
}

var actionKind = &kind[Action]{
	name: "action", table: tableActions, letter: 'x', max: MaxActions,
	meta: func(a *Action) *Meta { return &a.Meta }, append: appendAction, decode: decodeAction,
	owner: func(a *Action) uint64 { return a.AdminID },
	indexes: []index[Action]{
		{'n', "name", func(a *Action) [][]byte { return [][]byte{providerKey(a.Provider, a.Name)} }},
		{'m', "module", func(a *Action) [][]byte { return [][]byte{providerKey(a.Provider, a.Module)} }},
		{'k', "keyword", func(a *Action) [][]byte {
			if a.Keyword == "" {
				return nil
			}
			return [][]byte{providerKey(a.Provider, a.Keyword)}
		}},
		{'j', "janua_id", func(a *Action) [][]byte { return [][]byte{append(appendName(nil, a.Provider), idKey(a.JanuaID)...)} }},
	},
	orders: []order[Action]{{"name", 'A', func(b []byte, a *Action) []byte { return appendText(b, a.Name) }}},
	words:  func(a *Action) []string { return []string{a.Name, a.Keyword, a.Category, a.Description} },
}

func providerKey(provider, name string) []byte { return appendName(appendName(nil, provider), name) }

// Actions returns the collection of actions.
func (s *Store) Actions() Records[Action] { return Records[Action]{s, actionKind} }

var (
	actionName    = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	argumentTypes = []string{"int", "str", "list", "multilist", "date", "time", "float"}
)

func (a *Action) check(t *tx, was *Action, wrong *Faults) error {
	if was == nil && a.Provider == "" {
		a.Provider = DefaultProvider
	}
	a.Keyword = strings.ToLower(a.Keyword)
	if a.Keyword == "" {
		a.Authentication = true
	}
	if a.Module == "" {
		a.Module = a.Kind + ":" + a.Name
		if a.Kind == ActionBuiltin || a.Kind == ActionProgram {
			a.Module = a.Kind + ":" + a.Target
		}
	}
	if !actionName.MatchString(a.Name) {
		wrong.add("name", "invalid", "is 1 to 64 of a to z, 0 to 9, hyphen and underscore")
	}
	if a.Keyword != "" && !actionName.MatchString(a.Keyword) {
		wrong.add("keyword", "invalid", "is 1 to 64 of a to z, 0 to 9, hyphen and underscore")
	}
	wrong.required("kind", a.Kind, 16)
	wrong.oneOf("kind", a.Kind, ActionReply, ActionForward, ActionWebhook, ActionProgram, ActionBuiltin)
	wrong.required("module", a.Module, 255)
	wrong.text("description", a.Description, 2000)
	wrong.text("text", a.Text, 2000)
	wrong.word("target", a.Target, 2000)
	wrong.word("category", a.Category, 64)
	switch {
	case a.Kind == ActionReply && a.Text == "":
		wrong.add("text", "required", "is what the action answers")
	case a.Kind != ActionReply && a.Target == "":
		wrong.add("target", "required", "says what the action works on")
	}
	if a.Level < 0 || a.Level > MaxActionLevel {
		wrong.add("level", "out_of_range", "is 0 to %d", MaxActionLevel)
	}
	for field, n := range map[string]int{"sender_limit": a.SenderLimit, "hour_limit": a.HourLimit} {
		if n < 0 || n > 1_000_000 {
			wrong.add(field, "out_of_range", "is 0 to 1000000 runs an hour")
		}
	}
	a.checkArguments(wrong)
	if a.AdminID != 0 && (was == nil || a.AdminID != was.AdminID) {
		admin, err := reference(t, administratorKind, wrong, "admin_id", a.AdminID)
		if err != nil {
			return err
		}
		if admin != nil && admin.Provider != a.Provider && admin.RoleID != RolePlatformOwner {
			wrong.add("admin_id", "unknown", "there is no administrator %d", a.AdminID)
		}
	}
	if was == nil {
		if err := wrong.inProvider(t, &a.Meta); err != nil || len(wrong.Fields) > 0 {
			return err
		}
	}
	if a.JanuaID == 0 {
		if err := a.nextJanuaID(t, was); err != nil {
			return err
		}
	}
	if was != nil && a.JanuaID != was.JanuaID {
		wrong.add("janua_id", "immutable", "the number of an action cannot be changed")
	}
	return actionKind.unique(t, a, wrong)
}

func (a *Action) checkArguments(wrong *Faults) {
	if len(a.Arguments) > 32 {
		wrong.add("arguments", "too_long", "has %d items, at most 32 are possible", len(a.Arguments))
		return
	}
	seen := map[string]bool{}
	for i := range a.Arguments {
		g, field := &a.Arguments[i], fmt.Sprintf("arguments[%d]", i)
		switch {
		case !actionName.MatchString(g.Name):
			wrong.add(field+".name", "invalid", "is 1 to 64 of a to z, 0 to 9, hyphen and underscore")
		case seen[g.Name]:
			wrong.add(field+".name", "exists", "another argument has it already")
		}
		seen[g.Name] = true
		wrong.required(field+".type", g.Type, 16)
		wrong.oneOf(field+".type", g.Type, argumentTypes...)
		wrong.text(field+".description", g.Description, 255)
		list := g.Type == "list" || g.Type == "multilist"
		switch {
		case list && (len(g.Choices) == 0 || len(g.Choices) > 100):
			wrong.add(field+".choices", "required", "has the 1 to 100 values that a %s can have", g.Type)
		case !list && len(g.Choices) > 0:
			wrong.add(field+".choices", "invalid", "only list and multilist have choices")
		}
		for j, c := range g.Choices {
			wrong.required(fmt.Sprintf("%s.choices[%d]", field, j), c, 100)
		}
	}
}

// nextJanuaID gives an action a number: the one that it had, else the next of its service provider.
func (a *Action) nextJanuaID(t *tx, was *Action) error {
	if was != nil {
		a.JanuaID = was.JanuaID
		return nil
	}
	a.JanuaID = 1
	prefix := actionKind.prefix('j', a.Provider)
	return t.Scan(tableIndex, prefix, after(prefix), true, func(k, _ []byte) (bool, error) {
		if len(k) == len(prefix)+16 {
			a.JanuaID = lastID(k[:len(k)-8]) + 1
		}
		return false, nil
	})
}

// changed empties the lists of an action that has another manager.
func (a *Action) changed(t *tx, was *Action) error {
	if a.AdminID == was.AdminID {
		return nil
	}
	for left := true; left; {
		var err error
		if left, err = a.drop(t, purgeSteps); err != nil {
			return err
		}
	}
	return nil
}

func (a *Action) removable() error {
	if a.Kind == ActionBuiltin {
		return fmt.Errorf("%w: a built-in action is always there; disable it instead", ErrInvalid)
	}
	return nil
}

func (a *Action) drop(t *tx, limit int) (bool, error) {
	return dropAll(limit,
		func(n int) (bool, error) { return t.dropFrom(linkNotify, n, a.ID) },
		func(n int) (bool, error) { return t.dropFrom(linkGroup, n, a.ID) },
		func(n int) (bool, error) { return t.dropFrom(linkAdmin, n, a.ID) })
}

// ActionByName returns the action of a service provider with a name, or ErrNotFound.
func (s *Store) ActionByName(ctx context.Context, provider, name string) (Action, error) {
	return s.action(ctx, func(l *Look) (*Action, error) {
		return actionKind.first(l.r, actionKind.key('n', providerKey(provider, name)))
	})
}

// ActionByKeyword is Look.ActionByKeyword, or ErrNotFound.
func (s *Store) ActionByKeyword(ctx context.Context, provider, keyword string) (Action, error) {
	return s.action(ctx, func(l *Look) (*Action, error) { return l.ActionByKeyword(provider, keyword) })
}

// action returns the action that find finds, or ErrNotFound.
func (s *Store) action(ctx context.Context, find func(l *Look) (*Action, error)) (Action, error) {
	var a *Action
	err := s.Look(ctx, func(l *Look) (err error) {
		a, err = find(l)
		return err
	})
	if err == nil && a == nil {
		err = fmt.Errorf("action: %w", ErrNotFound)
	}
	if err != nil {
		return Action{}, err
	}
	return *a, nil
}

// Grants says who may trigger an action and who is told of it. Ids are in order; records that are archived are left out.
type Grants struct {
	Groups         []uint64
	Administrators []uint64
	Notify         []Notice
}

// Notice says that a contact is told of an action for being in a group.
type Notice struct{ Contact, Group uint64 }

// Grants returns the lists of an action.
func (s *Store) Grants(ctx context.Context, action uint64) (g Grants, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		if _, err := actionKind.read(r, action); err != nil {
			return err
		}
		g, err = readGrants(r, action)
		return err
	})
	return g, err
}

// maxGrants is how many entries a list of an action may have.
const maxGrants = 100_000

func readGrants(r Reader, action uint64) (g Grants, err error) {
	groups, err := linksFrom(r, linkGroup, maxGrants, action)
	for _, ids := range groups {
		if err != nil {
			return g, err
		}
		var live bool
		if live, err = isLive(r, groupKind, ids[0]); live {
			g.Groups = append(g.Groups, ids[0])
		}
	}
	if err != nil {
		return g, err
	}
	admins, err := linksFrom(r, linkAdmin, maxGrants, action)
	for _, ids := range admins {
		if err != nil {
			return g, err
		}
		var live bool
		if live, err = isLive(r, administratorKind, ids[0]); live {
			g.Administrators = append(g.Administrators, ids[0])
		}
	}
	if err != nil {
		return g, err
	}
	told, err := linksFrom(r, linkNotify, maxGrants, action)
	for _, ids := range told {
		if err != nil {
			return g, err
		}
		var live bool
		if live, err = isLive(r, contactKind, ids[0]); live && slices.Contains(g.Groups, ids[1]) {
			g.Notify = append(g.Notify, Notice{ids[0], ids[1]})
		}
	}
	return g, err
}

// AllowGroup lets the contacts of a group trigger an action. Both must be of one service provider.
func (s *Store) AllowGroup(ctx context.Context, action, group uint64, at time.Time, who string) error {
	return s.grant(ctx, action, at, who, linkGroup, func(t *tx, a *Action, wrong *Faults) ([]uint64, error) {
		g, err := reference(t, groupKind, wrong, "group", group)
		if g != nil && g.Provider != a.Provider {
			wrong.add("group", "unknown", "there is no group %d", group)
		}
		return []uint64{group}, err
	})
}

// AllowAdministrator lets an administrator trigger an action.
func (s *Store) AllowAdministrator(ctx context.Context, action, admin uint64, at time.Time, who string) error {
	return s.grant(ctx, action, at, who, linkAdmin, func(t *tx, a *Action, wrong *Faults) ([]uint64, error) {
		d, err := reference(t, administratorKind, wrong, "administrator", admin)
		if d != nil && d.Provider != a.Provider && d.RoleID != RolePlatformOwner {
			wrong.add("administrator", "unknown", "there is no administrator %d", admin)
		}
		return []uint64{admin}, err
	})
}

// Notify lets a contact be told of an action for being in a group. It must be in the group, and the group must be allowed to trigger the action.
func (s *Store) Notify(ctx context.Context, action, contact, group uint64, at time.Time, who string) error {
	return s.grant(ctx, action, at, who, linkNotify, func(t *tx, a *Action, wrong *Faults) ([]uint64, error) {
		if _, err := reference(t, contactKind, wrong, "contact", contact); err != nil {
			return nil, err
		}
		return []uint64{contact, group}, t.mayNotify(action, contact, group, wrong)
	})
}

// mayNotify says what is wrong with telling a contact of an action for being in a group.
func (t *tx) mayNotify(action, contact, group uint64, wrong *Faults) error {
	if may, err := hasLink(t, linkGroup, action, group); err != nil {
		return err
	} else if !may {
		wrong.add("group", "invalid", "group %d may not trigger the action; allow it first", group)
	}
	if in, err := hasLink(t, linkMember, group, contact); err != nil {
		return err
	} else if !in {
		wrong.add("contact", "invalid", "contact %d is not in group %d", contact, group)
	}
	return nil
}

func (s *Store) grant(ctx context.Context, action uint64, at time.Time, who string, kind linkKind, fn func(*tx, *Action, *Faults) ([]uint64, error)) error {
	return linked(ctx, s, actionKind, action, at, who, "granted", func(t *tx, a *Action) (int, error) {
		wrong := Faults{Kind: "action"}
		ids, err := fn(t, a, &wrong)
		if err == nil {
			err = wrong.err()
		}
		if err != nil {
			return 0, err
		}
		fresh, err := t.addLink(&link{kind: kind, ids: append([]uint64{action}, ids...), At: at, By: who})
		if fresh {
			return 1, err
		}
		return 0, err
	})
}

// DisallowGroup takes back that a group may trigger an action; its contacts are no longer told of it either.
func (s *Store) DisallowGroup(ctx context.Context, action, group uint64, at time.Time, who string) error {
	return s.revoke(ctx, action, at, who, func(t *tx) error {
		told, err := linksFrom(t, linkNotify, maxGrants, action)
		for _, ids := range told {
			if err == nil && ids[1] == group {
				err = t.archiveLink(linkNotify, at, who, action, ids[0], group)
			}
		}
		if err != nil {
			return err
		}
		return t.archiveLink(linkGroup, at, who, action, group)
	}, linkGroup, group)
}

// DisallowAdministrator takes back that an administrator may trigger an action.
func (s *Store) DisallowAdministrator(ctx context.Context, action, admin uint64, at time.Time, who string) error {
	return s.revoke(ctx, action, at, who, func(t *tx) error { return t.archiveLink(linkAdmin, at, who, action, admin) }, linkAdmin, admin)
}

// StopNotify takes back that a contact is told of an action for being in a group.
func (s *Store) StopNotify(ctx context.Context, action, contact, group uint64, at time.Time, who string) error {
	return s.revoke(ctx, action, at, who, func(t *tx) error { return t.archiveLink(linkNotify, at, who, action, contact, group) }, linkNotify, contact, group)
}

func (s *Store) revoke(ctx context.Context, action uint64, at time.Time, who string, drop func(*tx) error, kind linkKind, ids ...uint64) error {
	return linked(ctx, s, actionKind, action, at, who, "revoked", func(t *tx, a *Action) (int, error) {
		has, err := hasLink(t, kind, append([]uint64{action}, ids...)...)
		if err != nil {
			return 0, err
		}
		if !has {
			return 0, ErrNotFound
		}
		return 1, drop(t)
	})
}

// dropNotifyOf removes at most limit links of a kind by which contacts of a group are told of an action, and says whether there may be more.
func (t *tx) dropNotifyOf(kind linkKind, action, group uint64, limit int) (left bool, err error) {
	all, err := linksFrom(t, kind, maxGrants, action)
	n := 0
	for _, ids := range all {
		if err != nil || n == limit {
			return true, err
		}
		if ids[1] == group {
			n++
			err = t.dropLink(kind, action, ids[0], group)
		}
	}
	return false, err
}
