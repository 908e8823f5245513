//go:build !linux

package ports

import "errors"

// events are not to be had here: the rescan finds what changed.
type events struct{}

func openEvents() (*events, error)         { return nil, errors.ErrUnsupported }
func (*events) Next() (Event, bool, error) { return Event{}, false, errors.ErrUnsupported }
func (*events) Close() error               { return nil }
