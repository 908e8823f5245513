package store

import (
	"context"
	"errors"
	"fmt"
)

// Level says what the room on the disk allows.
type Level uint8

const (
	RoomEnough Level = iota // everything is taken
	RoomLow                 // new messages are refused; what comes in, and what becomes of messages, is written
	RoomOut                 // what comes in is left with the network too; what becomes of messages is written as long as it can be
)

var levelNames = [...]string{RoomEnough: "enough", RoomLow: "low", RoomOut: "out"}

// String returns the word that events and metrics have for a level.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return ""
}

// Room watches the disk that the store is on.
type Room interface {
	// Level tells what may be written now.
	Level() Level
	// Free gives up the reserve, so that states can be written, and tells whether there was one.
	Free() bool
}

// boundless is the Room of a store that nobody watches.
type boundless struct{}

func (boundless) Level() Level { return RoomEnough }
func (boundless) Free() bool   { return false }

var (
	// ErrLow is ErrFull for new messages, while the disk has still room for what was accepted and what comes in.
	ErrLow = fmt.Errorf("%w: the disk is nearly full, and what is left is for what was accepted; make room on it, or change store.refuse_at", ErrFull)
	// ErrOut is ErrFull for what comes in.
	ErrOut = fmt.Errorf("%w: the disk is full, and what comes in waits in the network; make room on it, or change store.stop_at", ErrFull)
)

// admit refuses something new when the disk has reached a level.
func (s *Store) admit(refused Level, why error) error {
	if s.options.Room.Level() >= refused {
		return why
	}
	return nil
}

// update runs fn in a transaction like add. For what became of messages that are here already the reserve is given up, when nothing else helps.
func (s *Store) update(ctx context.Context, fn func(*tx) error) error {
	err := s.add(ctx, fn)
	if errors.Is(err, ErrFull) && s.options.Room.Free() {
		err = s.add(ctx, fn)
	}
	return err
}
