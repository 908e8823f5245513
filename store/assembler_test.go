package store_test

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"trunkline/store"
)

// joiner is an Assembler for segments of the form total, seq, text. Like a real one it remembers that a set was completed.
type joiner struct{}

type joinerState struct {
	Total int
	Parts map[int][]byte
	Done  bool
}

func (joiner) Add(state, raw []byte, _ time.Time) (store.Assembly, error) {
	s := joinerState{Parts: map[int][]byte{}}
	if state != nil {
		if err := json.Unmarshal(state, &s); err != nil {
			return store.Assembly{}, err
		}
	}
	if len(raw) < 2 {
		return store.Assembly{}, errors.New("segment is too short")
	}
	var out store.Assembly
	seq := int(raw[1])
	if old, ok := s.Parts[seq]; s.Done || ok {
		if ok && string(old) != string(raw) {
			out.Note = "conflict"
		}
	} else {
		s.Total, s.Parts[seq] = int(raw[0]), raw
	}
	if !s.Done && len(s.Parts) == s.Total {
		out.Complete, s.Done = []store.Content{s.content()}, true
	}
	var err error
	out.State, err = json.Marshal(s)
	return out, err
}

func (joiner) Flush(state []byte) ([]store.Content, error) {
	var s joinerState
	if err := json.Unmarshal(state, &s); err != nil || s.Done {
		return nil, err
	}
	return []store.Content{s.content()}, nil
}

func (s joinerState) content() store.Content {
	c := store.Content{Total: s.Total}
	for seq := 1; seq <= s.Total; seq++ {
		raw, ok := s.Parts[seq]
		if !ok {
			c.Missing = append(c.Missing, seq)
			continue
		}
		c.Text += string(raw[2:])
		c.Raws = append(c.Raws, slices.Clone(raw))
	}
	return c
}
