package httpd

import "strings"

// Service providers have keys, by which everything in here goes, and names, which are all that is read and shown; see store.ProviderKey.

// shownPath returns a text that begins with the key of a service provider, and perhaps a slash and more, with the name instead.
func (s *Server) shownPath(path string) string {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if name := s.store.ProviderName(path[:end]); name != path[:end] {
			return name + path[end:]
		}
	}
	return path
}

// planAccount is what the account of messages begins with that a call plan forwards; service provider and plan follow.
const planAccount = "plan:"

// shownAccount returns an account as it is shown.
func (s *Server) shownAccount(account string) string {
	if path, ok := strings.CutPrefix(account, planAccount); ok {
		return planAccount + s.shownPath(path)
	}
	return account
}

// translate makes the fields of a record that name a service provider show names, and returns what makes them keys again: those that did not change meanwhile
// as they were, whatever was renamed.
func (x *resource[T, F, J]) translate(s *Server, f *F) (back func()) {
	type field struct {
		at         *string
		key, shown string
		meant      func(string) string
	}
	var all []field
	if x.provider != nil {
		at := x.provider(f)
		all = append(all, field{at, *at, s.store.ProviderName(*at), s.store.ProviderKey})
	}
	if x.role != nil {
		at := x.role(f)
		all = append(all, field{at, *at, s.store.RoleName(*at), s.store.RoleKey})
	}
	for _, one := range all {
		*one.at = one.shown
	}
	return func() {
		for _, one := range all {
			if *one.at == one.shown {
				*one.at = one.key
			} else {
				*one.at = one.meant(*one.at)
			}
		}
	}
}
